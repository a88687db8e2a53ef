/** A call that is over: what was said, what it cost, where its thread is. */

import { request } from "../api.js";
import { formatDuration, formatMoney, formatTime } from "../core/format.js";
import { THREAD_STATES, adviceFor, relayStates } from "../core/publishing.js";
import { buildLines, transcriptText } from "../core/transcript.js";
import { html, useSignal } from "../ui.js";
import { Problem, Title, Transcript, attempt, useLoaded } from "./parts.js";

/** @param {{id: string}} props */
export function PastCall({ id }) {
  const { value: call, problem, reload } = useLoaded(() => request(`calls/${id}`), [id]);
  const copied = useSignal("");
  if (!call) return html`<div class="narrow"><${Title} title="Call" /><${Problem} text=${problem.value} /></div>`;
  const nameOf = (/** @type {string} */ slug) => slug.charAt(0).toUpperCase() + slug.slice(1);
  const lines = buildLines(call.items, nameOf);
  const seconds = call.ended_at ? (Date.parse(call.ended_at) - Date.parse(call.started_at)) / 1000 : 0;
  const copy = async () => {
    const done = await attempt(problem, () => navigator.clipboard.writeText(transcriptText(lines, nameOf)));
    copied.value = done ? "Copied." : "";
  };
  return html`<div class="narrow">
    <${Title} title=${`Call with ${call.agents.map(nameOf).join(" and ")}`}>
      <p class="soft">${formatTime(call.started_at)}, ${formatDuration(seconds)}, ${formatMoney(call.cost_usd)}${call.usage?.is_estimate ? " (estimate)" : ""}</p><//>
    <${Problem} text=${problem.value} />
    <${Thread} id=${id} publication=${call.publication} problem=${problem} reload=${reload} />
    <section class="card"><div class="row apart"><h2>Transcript</h2><button onClick=${copy}>Copy text</button></div>
      <p role="status" class="small soft">${copied.value}</p>
      <${Transcript} lines=${lines} nameOf=${nameOf} /></section></div>`;
}

/** @param {{id: string, publication: any, problem: {value: string}, reload: () => Promise<void>}} props */
function Thread({ id, publication, problem, reload }) {
  const [title, text] = THREAD_STATES[publication.state] ?? [publication.state, ""];
  const retry = () => attempt(problem, () => request(`publications/${id}/retry`, "POST").then(reload));
  const failed = publication.state === "partial" || publication.state === "failed";
  return html`<section class="card"><div class="row apart"><h2>Thread: ${title}</h2>${failed && html`<button onClick=${retry}>Try again</button>`}</div>
    <p class="soft">${text}</p>
    ${publication.nevent && html`<p><a href=${`nostr:${publication.nevent}`}><code>nostr:${publication.nevent}</code></a></p>`}
    <ul class="list">${relayStates(publication.events ?? []).map((sum) => html`<li key=${sum.relay}>
      <span><strong>${sum.relay === "embedded" ? "This machine" : sum.relay}</strong><br />
        <span class="small soft">${adviceFor(sum)}${sum.answer && ` It said: ${sum.answer}`}</span></span>
      <span class="tag">${sum.accepted} of ${sum.total}</span></li>`)}</ul></section>`;
}
