/** Taking a published call back: a button, a question, and how far the relays are. */

import { isAdmin, request } from "../api.js";
import { formatTime } from "../core/format.js";
import { relayName } from "../core/publishing.js";
import { canUnpublish, deletionsByRelay, isBeingTakenBack } from "../core/unpublishing.js";
import { html, useEffect, useRef, useSignal } from "../ui.js";
import { Problem, attempt } from "./parts.js";

/** How often a thread that is being taken back is looked at. */
const LOOK_MS = 2000;

/**
 * All about it, for a call whose thread is known. `reload` loads it again.
 * @param {{id: string, publication: any, reload: () => Promise<void>}} props
 */
export function Unpublish({ id, publication, reload }) {
  const isMoving = isBeingTakenBack(publication);
  useEffect(() => {
    const timer = isMoving ? setInterval(reload, LOOK_MS) : 0;
    return () => clearInterval(timer);
  }, [isMoving]);
  if (publication.unpublished_at) return html`<${TakenBack} publication=${publication} />`;
  switch (canUnpublish(publication)) {
    case "yes": return html`<${UnpublishButton} id=${id} done=${reload} />`;
    case "private": return html`<p class="small soft">A private call cannot be unpublished: the keys that signed it for its readers are thrown away.</p>`;
    default: return null;
  }
}

/** The button and its question, for admins. `what` tells a screen reader which call. @param {{id: string, done: () => Promise<void>, what?: string}} props */
export function UnpublishButton({ id, done, what = "" }) {
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const problem = useSignal("");
  const close = () => box.current?.close();
  const open = () => {
    problem.value = "";
    box.current?.showModal();
  };
  const unpublish = async () => {
    const isDone = await attempt(problem, () => request(`publications/${id}/unpublish`, "POST"));
    if (!isDone) return;
    close();
    await done();
    document.querySelector("main")?.focus(); // the button that had the keyboard is gone
  };
  if (!isAdmin()) return null;
  return html`<div class="row"><button onClick=${open}>Unpublish<span class="hidden"> ${what}</span></button></div>
    <dialog class="card" ref=${box} aria-labelledby=${`unpublish-${id}`}>
      <h2 id=${`unpublish-${id}`}>Unpublish this call?</h2>
      <p>Its relays are asked to delete the thread. That is a request: a relay may ignore it, and whoever has read the thread may keep a copy.</p>
      <p>The call cannot be published again. Its record stays on this machine.</p>
      <${Problem} text=${problem.value} />
      <div class="row"><button class="end" onClick=${unpublish}>Unpublish for good</button><button autofocus onClick=${close}>Keep it published</button></div>
    </dialog>`;
}

/** @param {{publication: any}} props */
function TakenBack({ publication }) {
  const relays = deletionsByRelay(publication);
  return html`<p class="small soft">Unpublished ${formatTime(publication.unpublished_at)}.${relays.length > 0 && " A relay that takes the request may keep the thread all the same."}</p>
    ${relays.length > 0 && html`<ul class="list" aria-label="Requests to delete">${relays.map(({ relay, asked, taken, answer }) => html`<li key=${relay}>
      <span><strong>${relayName(relay)}</strong><br /><span class="small soft">${taken === asked ? "It took the request to delete." : "It has not taken the request yet."}${answer && ` It said: ${answer}`}</span></span>
      <span class="tag">${taken} of ${asked}</span></li>`)}</ul>`}`;
}
