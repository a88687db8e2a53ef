/** The one door to the vendored libraries. */

import { Fragment, h, render as renderInto } from "./vendor/preact.js";
import { useEffect as onEffect, useRef as makeRef } from "./vendor/hooks.js";
import { computed as derive, signal as make, useSignal as makeLocal } from "./vendor/signals.js";
import htm from "./vendor/htm.js";

/** @template T @typedef {{value: T}} Signal */

/** @type {(strings: TemplateStringsArray, ...values: any[]) => any} */
export const html = htm.bind(h);
/** @type {<T>(value: T) => Signal<T>} */
export const signal = make;
/** @type {<T>(value: T) => Signal<T>} */
export const useSignal = makeLocal;
/** @type {<T>(get: () => T) => Readonly<Signal<T>>} */
export const computed = derive;
/** @type {(run: () => void | (() => void), inputs?: any[]) => void} */
export const useEffect = onEffect;
/** @type {<T>(value: T) => {current: T}} */
export const useRef = makeRef;
/** @type {(view: any, into: Element) => void} */
export const render = renderInto;
export { Fragment };
