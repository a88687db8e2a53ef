/** Pieces that several views show. */

import { html, useEffect, useRef, useSignal } from "../ui.js";

/** A heading that says where one is; screen readers and the tab's title hear of it. @param {{title: string, children?: any}} props */
export function Title({ title, children }) {
  useEffect(() => {
    document.title = `${title} · agentvoice`;
  }, [title]);
  return html`<h1>${title}</h1>${children}`;
}

/**
 * What agents are called; one that is gone goes by its slug.
 * @param {{slug: string, name: string}[]} agents
 */
export function namesOf(agents) {
  const names = new Map(agents.map(({ slug, name }) => [slug, name]));
  return (/** @type {string} */ slug) => names.get(slug) ?? slug;
}

/** @param {{text: string}} props */
export function Problem({ text }) {
  return html`<div role="alert">${text && html`<p class="problem">${text}</p>`}</div>`;
}

/** Who has scrolled up further than this reads what was said before: the log stays there. */
const NEAR_PX = 240;

/**
 * The lines of a conversation. Live, it follows what is said last; a screen reader waits until a line is whole.
 * @param {{lines: import("../core/transcript.js").Line[], nameOf: (slug: string) => string, isLive?: boolean}} props
 */
export function Transcript({ lines, nameOf, isLive = false }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    const log = box.current;
    if (isLive && log && log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_PX) log.scrollTop = log.scrollHeight;
  }, [lines]);
  const list = html`<ol>
    ${lines.map((line) => html`<li key=${line.id} class=${line.side} aria-busy=${line.isFinal ? undefined : "true"}>
      ${line.side !== "note" && html`<span class="who">${line.side === "user" ? "You" : nameOf(line.agent)}</span>`}
      ${line.text || "…"}${line.cut && html` <span class="cut">[${line.cut}]</span>`}
    </li>`)}
  </ol>`;
  const role = isLive ? { role: "log", "aria-live": "polite" } : { role: "region" };
  return html`<div class="log" ...${role} aria-label="Transcript" tabindex="0" ref=${box}>
    ${lines.length ? list : html`<p class="soft">Nothing was said yet.</p>`}
  </div>`;
}

/**
 * Load something for a view: its value, or what went wrong; `reload` asks again. What was asked last is shown,
 * whichever answer comes last.
 * @template T
 * @param {() => Promise<T>} load @param {any[]} inputs
 */
export function useLoaded(load, inputs) {
  const loaded = useSignal(/** @type {T | null} */ (null));
  const problem = useSignal("");
  const asked = useRef(0);
  const reload = async () => {
    const mine = ++asked.current;
    const isLast = () => mine === asked.current;
    try {
      const found = await load();
      if (!isLast()) return;
      loaded.value = found;
      problem.value = "";
    } catch (error) {
      if (isLast()) problem.value = /** @type {Error} */ (error).message;
    }
  };
  useEffect(() => void reload(), inputs);
  return { value: loaded.value, problem, reload };
}

/** Run what a button asks for and keep what went wrong. @param {{value: string}} problem @param {() => Promise<unknown>} run */
export async function attempt(problem, run) {
  try {
    problem.value = "";
    await run();
    return true;
  } catch (error) {
    problem.value = /** @type {Error} */ (error).message;
    return false;
  }
}
