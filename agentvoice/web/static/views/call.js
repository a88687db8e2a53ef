/** The call itself. */

import { request } from "../api.js";
import { STATUS_TEXT, isLive } from "../core/call_state.js";
import { formatDuration, formatLatency, formatMoney } from "../core/format.js";
import { hrefOf } from "../core/hash_route.js";
import { canRefuse, noticeOf } from "../core/publishing.js";
import { buildLines } from "../core/transcript.js";
import * as live from "../live_call.js";
import { html, useEffect, useRef, useSignal } from "../ui.js";
import { Problem, Title, Transcript, namesOf, useLoaded } from "./parts.js";
import { Thread } from "./thread.js";

const TICK_MS = 1000;
/** What the daemon takes as one typed turn. */
const MAX_TEXT_CHARS = 8000;

export function Call() {
  const agents = useLoaded(() => request("agents"), []).value?.agents ?? [];
  useShortcuts();
  const state = live.state.value;
  const { slug, name } = live.agent.value;
  const nameOf = namesOf(agents);
  const lines = buildLines(live.items.value, nameOf);
  const title = isLive(state) ? `Call with ${name || "…"}` : STATUS_TEXT[state];
  return html`<${Title} title=${title} />
    <${Problem} text=${live.problem.value} />
    <div role="status">${live.warning.value && html`<p class="notice warn">${live.warning.value}</p>`}</div>
    <div class="call">
      <section class="card stage stack" aria-label="Controls">
        <div><${Orb} state=${state} letter=${(name || "?")[0]} />
          <p role="status" class="state"><strong>${STATUS_TEXT[state]}</strong></p><${Facts} /></div>
        ${isLive(state) ? html`<${Controls} agents=${agents} slug=${slug} />` : html`<${Over} />`}
      </section>
      <section class="card stack" aria-label="Conversation">
        <${Transcript} lines=${lines} nameOf=${nameOf} isLive=${true} />
        ${isLive(state) && html`<${Typing} />`}
      </section>
    </div>
    ${isLive(state) ? html`<${Notice} />` : live.callId.value && html`<${Outcome} key=${live.callId.value} id=${live.callId.value} />`}`;
}

/** The agent's face; it swells with the voice. @param {{state: string, letter: string}} props */
function Orb({ state, letter }) {
  const face = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (!isLive(live.state.value)) return;
    let request = 0;
    const draw = () => {
      face.current?.style.setProperty("--loud", live.outputLevel().toFixed(3));
      request = requestAnimationFrame(draw);
    };
    draw();
    return () => cancelAnimationFrame(request);
  }, [isLive(live.state.value)]);
  return html`<div class="orb" data-state=${state} aria-hidden="true" ref=${face}>${letter}</div>`;
}

function Facts() {
  const now = useSignal(Date.now());
  useEffect(() => {
    const timer = setInterval(() => (now.value = Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  const { cost_usd, is_estimate } = live.spent.value;
  const shown = live.startedAt.value ? ((live.endedAt.value || now.value) - live.startedAt.value) / 1000 : 0;
  return html`<dl class="facts">
    <div><dt>Time</dt><dd>${formatDuration(shown)}</dd></div>
    <div><dt>Cost</dt><dd>${is_estimate ? "about " : ""}${formatMoney(cost_usd)}</dd></div>
    ${live.latencyMs.value !== null && html`<div><dt>Answered in</dt><dd>${formatLatency(live.latencyMs.value)}</dd></div>`}
  </dl>`;
}

/** @param {{agents: any[], slug: string}} props */
function Controls({ agents, slug }) {
  const others = agents.filter((agent) => agent.enabled !== false);
  return html`<label class="small">Your microphone${live.isMuted.value ? ", muted" : ""}
      <meter class="meter" min="0" max="1" value=${live.isMuted.value ? 0 : live.level.value}></meter></label>
    <div class="row equal">
      <button aria-pressed=${live.isMuted.value} aria-keyshortcuts="m" onClick=${live.toggleMute}>Mute</button>
      <button aria-keyshortcuts="Space" onClick=${live.interrupt}>Interrupt</button>
      <button class="hang" aria-keyshortcuts="Escape" onClick=${live.hangUp}>Hang up</button>
    </div>
    ${others.length > 1 && html`<fieldset><legend>Speak with</legend><div class="row">
      ${others.map((agent) => html`<button key=${agent.slug} aria-pressed=${agent.slug === slug}
        onClick=${() => agent.slug !== slug && live.switchTo(agent.slug)}>${agent.name}</button>`)}
    </div></fieldset>`}
    <p class="small soft keys"><kbd>Space</kbd> interrupt, <kbd>M</kbd> mute, <kbd>Esc</kbd> hang up</p>`;
}

function Over() {
  return html`<div class="stack">
    <a class="button main wide" href=${hrefOf("start")}>Call again</a>
    ${live.callId.value && html`<a class="button wide" href=${hrefOf("calls", live.callId.value)}>Details of this call</a>`}</div>`;
}

/** What became of the call: its thread, as soon as it is stored. @param {{id: string}} props */
function Outcome({ id }) {
  const { value, problem, reload } = useLoaded(() => request(`calls/${id}`), [id]);
  return html`<${Problem} text=${problem.value} />${value && html`<${Thread} call=${value} reload=${reload} />`}`;
}

function Typing() {
  const text = useSignal("");
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (text.value.trim()) live.say(text.value.trim());
    text.value = "";
  };
  return html`<form class="row line" onSubmit=${submit}>
    <label class="grow"><span class="hidden">Type instead of speaking</span>
      <input placeholder="Type instead of speaking" maxlength=${MAX_TEXT_CHARS} value=${text.value} onInput=${(/** @type {any} */ event) => (text.value = event.target.value)} /></label>
    <button>Send</button></form>`;
}

function Notice() {
  if (!live.callId.value) return null;
  const publishing = live.publishing.value;
  return html`<div class="notice row apart" role="status"><span>${noticeOf(publishing)}</span>
    ${canRefuse(publishing) && html`<button onClick=${live.doNotPublish}>Do not publish this call</button>`}</div>`;
}

/** Keys of a call; not while a person types, and a focused button keeps its space. */
function useShortcuts() {
  useEffect(() => {
    const press = (/** @type {KeyboardEvent} */ event) => {
      const at = /** @type {HTMLElement} */ (event.target);
      if (event.ctrlKey || event.metaKey || event.altKey || !isLive(live.state.value)) return;
      if (event.key === "Escape") return void (confirm("Hang up?") && live.hangUp());
      if (/^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName)) return;
      if (event.key.toLowerCase() === "m") live.toggleMute();
      if (event.key === " " && !/^(BUTTON|A)$/.test(at.tagName)) {
        event.preventDefault();
        live.interrupt();
      }
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
}
