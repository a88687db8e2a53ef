/** Calls that were, newest first, with a search over what was said. */

import { request } from "../api.js";
import { formatTime, plural } from "../core/format.js";
import { hrefOf } from "../core/hash_route.js";
import { THREAD_STATES } from "../core/publishing.js";
import { html, useEffect, useSignal } from "../ui.js";
import { Problem, Title, attempt, namesOf, useLoaded } from "./parts.js";
import { END_REASONS } from "./past_call.js";
import { UnpublishButton } from "./unpublish.js";

const PAGE = 30;

export function History() {
  const typed = useSignal("");
  const query = useSignal("");
  const calls = useSignal(/** @type {any[] | null} */ (null));
  const hasMore = useSignal(false);
  const problem = useSignal("");
  const nameOf = namesOf(useLoaded(() => request("agents"), []).value?.agents ?? []);
  const load = (/** @type {any[]} */ before) => attempt(problem, async () => {
    const wish = new URLSearchParams({ limit: String(PAGE), query: query.value, before: before.at(-1)?.id ?? "" });
    const found = (await request(`calls?${wish}`)).calls;
    calls.value = [...before, ...found];
    hasMore.value = found.length === PAGE;
  });
  const reload = () => load([]).then(() => {});
  useEffect(() => void reload(), [query.value]);
  const search = (/** @type {Event} */ event) => {
    event.preventDefault();
    query.value = typed.value.trim();
  };
  return html`<div class="narrow"><${Title} title="Past calls" /><${Problem} text=${problem.value} />
    <form class="row line" role="search" onSubmit=${search}><label class="grow"><span class="hidden">Search what was said</span>
      <input type="search" placeholder="Search what was said" value=${typed.value} onInput=${(/** @type {any} */ event) => (typed.value = event.target.value)} /></label>
      <button>Search</button></form>
    <section class="card" aria-label="Calls"><p role="status" class=${calls.value?.length ? "hidden" : "soft"}>
        ${calls.value && (calls.value.length ? plural(calls.value.length, "call") : "No call was found.")}</p>
      <ul class="list">${(calls.value ?? []).map((call) => html`<${CallLine} key=${call.id} call=${call} name=${nameOf(call.agent)} reload=${reload} />`)}</ul>
      ${hasMore.value && html`<button class="wide" onClick=${() => load(calls.value ?? [])}>Older calls</button>`}</section></div>`;
}

/** @param {{call: any, name: string, reload: () => Promise<void>}} props */
function CallLine({ call, name, reload }) {
  const ended = call.ended_at ? END_REASONS[call.end_reason] ?? call.end_reason : "still going on";
  return html`<li><span><a href=${hrefOf("calls", call.id)}>${name}, ${formatTime(call.started_at)}</a><br />
      <span class="small soft">${call.project}; ${ended}</span></span>
    <span class="tag" data-state=${call.publication}>${THREAD_STATES[call.publication]?.[0] ?? call.publication}</span>
    ${["published", "partial"].includes(call.publication) && html`<${UnpublishButton} id=${call.id} what=${`${name}, ${formatTime(call.started_at)}`} done=${reload} />`}</li>`;
}
