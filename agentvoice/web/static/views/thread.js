/** The thread of a call that is over: whether it is published, where, and what to do if not. */

import { isAdmin, request } from "../api.js";
import { formatTime } from "../core/format.js";
import { hrefOf } from "../core/hash_route.js";
import { THREAD_STATES, relayName, shareOf } from "../core/publishing.js";
import { watchCall } from "../events.js";
import { html, useEffect, useSignal } from "../ui.js";
import { Problem, attempt } from "./parts.js";
import { Unpublish } from "./unpublish.js";

/**
 * `reload` loads the call again: whenever there is news of it.
 * @param {{call: any, reload: () => Promise<void>}} props
 */
export function Thread({ call, reload }) {
  const problem = useSignal("");
  const { publication } = call;
  useEffect(() => watchCall(call.id, reload), [call.id]);
  const decide = (/** @type {string} */ verb) => attempt(problem, () => request(`publications/${call.id}/${verb}`, "POST").then(reload));
  const [title, text] = THREAD_STATES[publication.state] ?? [publication.state, ""];
  const canDecide = isAdmin();
  const needsHelp = publication.state === "partial" || publication.state === "failed";
  return html`<section class="card" aria-label="Thread">
    <div role="status"><h2>Thread: ${title.toLowerCase()}</h2></div>
    <p class="soft">${publication.summary || text}</p><${Problem} text=${problem.value} />
    ${publication.error && html`<p class="problem">${publication.error} ${publication.advice}</p>`}
    ${canDecide && publication.state === "review" && html`<p><a href=${hrefOf("review", call.id)}>Read and decide</a></p>`}
    ${publication.nevent && html`<p><a href=${`nostr:${publication.nevent}`}><code>nostr:${publication.nevent}</code></a></p>`}
    ${!publication.unpublished_at && publication.relays.length > 0 && html`<ul class="list">${publication.relays.map((/** @type {any} */ relay) => html`<${Relay} key=${relay.relay} ...${relay} />`)}</ul>`}
    ${canDecide && needsHelp && html`<div class="row"><button onClick=${() => decide("retry")}>Try again</button>
      <button onClick=${() => decide("drop")}>Give up what is missing</button></div>`}
    <${Unpublish} id=${call.id} publication=${publication} reload=${reload} /></section>`;
}

/** @param {{relay: string, has_all: boolean, states: Record<string, number>, last_answer: string, advice: string, next_attempt_at: string | null}} props */
function Relay({ relay, has_all, states, last_answer, advice, next_attempt_at }) {
  return html`<li><span><strong>${relayName(relay)}</strong><br />
    <span class="small soft">${has_all ? "It has the whole thread." : advice}${last_answer && ` It said: ${last_answer}`}
      ${!has_all && next_attempt_at && ` Next try: ${formatTime(next_attempt_at)}.`}</span></span>
    <span class="tag">${shareOf({ states })}</span></li>`;
}
