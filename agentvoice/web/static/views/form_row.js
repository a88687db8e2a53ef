/** One field of a form, with its label and what to know about it. */

import { readField } from "../core/fields.js";
import { html, useSignal } from "../ui.js";

/**
 * `write` gets what was typed. Until the field is left it shows just that: a comma at the end is a word to come.
 * @param {{field: import("../core/fields.js").Field, shown: any, write: (text: string) => void}} props
 */
export function FormRow({ field, shown, write }) {
  const typed = useSignal(/** @type {string | null} */ (null));
  const hint = field.hint ? `hint-${field.path}` : undefined;
  const type = (/** @type {any} */ event) => write((typed.value = event.target.value));
  const value = typed.value ?? readField(shown, field);
  const own = { value, required: field.isNeeded, "aria-describedby": hint, onInput: type, onBlur: () => (typed.value = null) };
  return html`<div><label>${field.label}${field.kind === "choice" ? html`<${Choice} field=${field} own=${own} />`
      : html`<${field.kind === "text" || field.kind === "lines" ? "textarea" : "input"} ...${own} />`}</label>
    ${hint && html`<p class="small soft hint" id=${hint}>${field.hint}</p>`}</div>`;
}

/** One of some; nothing is chosen while the value is empty. @param {{field: import("../core/fields.js").Field, own: any}} props */
function Choice({ field, own }) {
  return html`<select ...${own}>${!own.value && html`<option value="">Choose…</option>`}
    ${(field.choices ?? []).map(([value, words]) => html`<option value=${value} key=${value}>${words}</option>`)}</select>`;
}
