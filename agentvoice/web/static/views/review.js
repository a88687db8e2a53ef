/** Calls that wait for somebody to read them before they are published. */

import { request } from "../api.js";
import { formatTime, plural } from "../core/format.js";
import { hrefOf } from "../core/hash_route.js";
import { relayName } from "../core/publishing.js";
import { html, useSignal } from "../ui.js";
import { Problem, Title, attempt, useLoaded } from "./parts.js";
import { Unpublish } from "./unpublish.js";

export function ReviewQueue() {
  const { value, problem } = useLoaded(() => request("publications?state=review"), []);
  return html`<div class="narrow"><${Title} title="Waiting for review" /><${Problem} text=${problem.value} />
    <section class="card" aria-label="Calls">${value && !value.publications.length && html`<p class="soft">Nothing waits.</p>`}
      <ul class="list">${(value?.publications ?? []).map((/** @type {any} */ one) => html`<li key=${one.call}>
        <a href=${hrefOf("review", one.call)}>${one.project}, ${formatTime(one.ended_at)}</a>
        <span class="tag">${one.edited ? `${plural(one.edited, "turn")} changed` : "Not changed"}</span></li>`)}</ul></section></div>`;
}

/** @param {{id: string}} props */
export function Review({ id }) {
  const { value, problem, reload } = useLoaded(() => request(`publications/${id}`), [id]);
  const done = useSignal("");
  const decide = (/** @type {string} */ verb, /** @type {string} */ word) =>
    attempt(problem, () => request(`publications/${id}/${verb}`, "POST").then(() => (done.value = word)));
  const review = value?.review;
  return html`<div class="narrow"><${Title} title="Review a call"><p class="soft">A turn is changed in the published copy only; the call's own record stays. An empty turn is left out.</p><//>
    <${Problem} text=${problem.value} /><div role="status">${done.value && html`<p class="notice">${done.value} <a href=${hrefOf("calls", id)}>See the call</a></p>`}</div>
    ${value && !review && !done.value && html`<p class="notice">This call does not wait for a review. <a href=${hrefOf("calls", id)}>See the call</a></p>
      <${Unpublish} id=${value.call} publication=${value.publication} reload=${reload} />`}
    ${review && !done.value && html`<${Copy} id=${id} review=${review} problem=${problem} reload=${reload} />
      <div class="row"><button class="main" onClick=${() => decide("approve", "Approved; it is on its way.")}>Approve and publish</button>
        <button class="end" onClick=${() => decide("reject", "Rejected; it stays here.")}>Reject</button></div>`}</div>`;
}

/** The very copy that would be published. @param {{id: string, review: any, problem: {value: string}, reload: () => Promise<void>}} props */
function Copy({ id, review, problem, reload }) {
  const saved = useSignal("");
  const edit = (/** @type {number} */ turn, /** @type {string} */ text) =>
    attempt(problem, () => request(`publications/${id}/turns/${turn}`, "PUT", { text }).then(reload))
      .then((isDone) => (saved.value = isDone ? `Turn ${turn} is changed.` : ""));
  const found = Object.entries(review.redactions).map(([rule, count]) => `${rule} (${count})`).join(", ");
  return html`<section class="card stack" aria-label="Turns">
    <p class="soft small">${review.title}. Goes to: ${review.relays.map(relayName).join(", ")}.${found && ` Taken out: ${found}.`}</p>
    ${review.missing_keys.length > 0 && html`<p class="problem">Nothing here can sign for ${review.missing_keys.join(", ")}.</p>`}
    ${review.turns.map((/** @type {any} */ turn) => html`<label key=${turn.number}>${turn.speaker}${turn.edited ? " (changed)" : ""}
      <textarea value=${turn.text ?? ""} onChange=${(/** @type {any} */ event) => edit(turn.number, event.target.value)}></textarea></label>`)}
    <p role="status" class="small soft">${saved.value}</p></section>`;
}
