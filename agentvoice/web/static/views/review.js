/** Calls that wait for somebody to read them before they are published. */

import { request } from "../api.js";
import { formatTime } from "../core/format.js";
import { hrefOf } from "../core/hash_route.js";
import { html, useSignal } from "../ui.js";
import { Problem, Title, attempt, useLoaded } from "./parts.js";

export function ReviewQueue() {
  const { value, problem } = useLoaded(() => request("publications?state=review"), []);
  return html`<div class="narrow"><${Title} title="Waiting for review" /><${Problem} text=${problem.value} />
    <section class="card" aria-label="Calls">${value && !value.publications.length && html`<p class="soft">Nothing waits.</p>`}
      <ul class="list">${(value?.publications ?? []).map((/** @type {any} */ one) => html`<li key=${one.call}>
        <a href=${hrefOf("review", one.call)}>${one.project}, ${formatTime(one.ended_at)}</a></li>`)}</ul></section></div>`;
}

/** @param {{id: string}} props */
export function Review({ id }) {
  const { value: call, problem } = useLoaded(() => request(`calls/${id}`), [id]);
  const done = useSignal("");
  const decide = (/** @type {string} */ verb, /** @type {string} */ word) =>
    attempt(problem, () => request(`publications/${id}/${verb}`, "POST").then(() => (done.value = word)));
  const edit = (/** @type {number} */ turn, /** @type {string} */ text) => attempt(problem, () => request(`publications/${id}/turns/${turn}`, "PUT", { text }));
  const turns = (call?.items ?? []).filter((/** @type {any} */ item) => item.kind === "message" && item.text);
  return html`<div class="narrow"><${Title} title="Review a call"><p class="soft">A turn is changed in the published copy only; the call's own record stays.</p><//>
    <${Problem} text=${problem.value} /><p role="status">${done.value}</p>
    <section class="card stack" aria-label="Turns">${turns.map((/** @type {any} */ item) => html`<label key=${item.id}>${item.role === "user" ? "Caller" : item.agent}
      <textarea value=${item.text} onChange=${(/** @type {any} */ event) => edit(item.position, event.target.value)}></textarea></label>`)}
      ${!done.value && html`<div class="row"><button class="main" onClick=${() => decide("approve", "Approved; it is on its way.")}>Approve and publish</button>
        <button class="end" onClick=${() => decide("reject", "Rejected; it stays here.")}>Reject</button></div>`}</section></div>`;
}
