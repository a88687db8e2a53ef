/** Calls that were, newest first, with a search over what was said. */

import { request } from "../api.js";
import { formatTime } from "../core/format.js";
import { hrefOf } from "../core/hash_route.js";
import { THREAD_STATES } from "../core/publishing.js";
import { html, useSignal } from "../ui.js";
import { Problem, Title, useLoaded } from "./parts.js";

const PAGE = 30;

export function History() {
  const typed = useSignal("");
  const query = useSignal("");
  const { value, problem } = useLoaded(
    () => request(`calls?limit=${PAGE}${query.value ? `&query=${encodeURIComponent(query.value)}` : ""}`),
    [query.value],
  );
  const search = (/** @type {Event} */ event) => {
    event.preventDefault();
    query.value = typed.value.trim();
  };
  return html`<div class="narrow"><${Title} title="Past calls" /><${Problem} text=${problem.value} />
    <form class="row" role="search" onSubmit=${search}><label class="wide"><span class="hidden">Search what was said</span>
      <input type="search" placeholder="Search what was said" value=${typed.value} onInput=${(/** @type {any} */ event) => (typed.value = event.target.value)} /></label>
      <button>Search</button></form>
    <section class="card" aria-label="Calls">${value && !value.calls.length && html`<p class="soft">No call was found.</p>`}
      <ul class="list">${(value?.calls ?? []).map((/** @type {any} */ call) => html`<li key=${call.id}>
        <span><a href=${hrefOf("calls", call.id)}>${call.agent}, ${formatTime(call.started_at)}</a><br />
          <span class="small soft">${call.project}, ${call.ended_at ? `ended by ${call.end_reason}` : call.state}</span></span>
        <span class="tag">${THREAD_STATES[call.publication]?.[0] ?? call.publication}</span></li>`)}</ul></section></div>`;
}
