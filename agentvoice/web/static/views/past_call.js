/** A call that is over: what was said, what it cost, where its thread is. */

import { request } from "../api.js";
import { formatDuration, formatMoney, formatTime } from "../core/format.js";
import { buildLines, transcriptText } from "../core/transcript.js";
import { html, useSignal } from "../ui.js";
import { Problem, Title, Transcript, attempt, namesOf, useLoaded } from "./parts.js";
import { Thread } from "./thread.js";

/** Why a call ended, as a sentence goes on after "ended by". @type {Record<string, string>} */
export const END_REASONS = {
  caller: "the caller hung up",
  agent: "the agent said goodbye",
  operator: "an operator ended it",
  budget: "its money was spent",
  limit: "its time was over",
  engine_failed: "the engine failed",
  drained: "the daemon stopped",
  crash: "the daemon broke off",
};

/** @param {{id: string}} props */
export function PastCall({ id }) {
  const { value, problem, reload } = useLoaded(async () => {
    const [call, { agents }] = await Promise.all([request(`calls/${id}`), request("agents")]);
    return { call, nameOf: namesOf(agents) };
  }, [id]);
  if (!value) return html`<div class="narrow"><${Title} title="Call" /><${Problem} text=${problem.value} /></div>`;
  const { call, nameOf } = value;
  return html`<div class="narrow">
    <${Title} title=${`Call with ${call.agents.map(nameOf).join(" and ")}`}><p class="soft">${summaryOf(call)}</p><//>
    <${Problem} text=${problem.value} />
    <${Thread} call=${call} reload=${reload} />
    <${Said} lines=${buildLines(call.items, nameOf)} nameOf=${nameOf} /></div>`;
}

/** @param {any} call */
function summaryOf(call) {
  const seconds = call.ended_at ? (Date.parse(call.ended_at) - Date.parse(call.started_at)) / 1000 : 0;
  const cost = `${call.usage.is_estimate ? "about " : ""}${formatMoney(call.cost_usd)}`;
  const parts = [formatTime(call.started_at), formatDuration(seconds), cost, END_REASONS[call.end_reason] ?? call.state];
  return parts.join(" · ");
}

/** @param {{lines: import("../core/transcript.js").Line[], nameOf: (slug: string) => string}} props */
function Said({ lines, nameOf }) {
  const copied = useSignal("");
  const problem = useSignal("");
  const copy = async () => {
    const done = await attempt(problem, () => navigator.clipboard.writeText(transcriptText(lines, nameOf)));
    copied.value = done ? "Copied." : "";
  };
  return html`<section class="card"><div class="row apart"><h2>Transcript</h2><button onClick=${copy}>Copy text</button></div>
    <p role="status" class="small soft">${copied.value}</p><${Problem} text=${problem.value} />
    <${Transcript} lines=${lines} nameOf=${nameOf} /></section>`;
}
