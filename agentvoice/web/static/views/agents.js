/** The agents: who there is, what they are told, what was changed when. */

import { request } from "../api.js";
import { FIELDS, MORE_FIELDS, NEW_AGENT, SLUG, agentToSend } from "../core/agent_form.js";
import { writeField } from "../core/fields.js";
import { formatTime } from "../core/format.js";
import { hrefOf } from "../core/hash_route.js";
import { html, useEffect, useSignal } from "../ui.js";
import { FormRow } from "./form_row.js";
import { Problem, Title, attempt, useLoaded } from "./parts.js";

export function Agents() {
  const { value, problem, reload } = useLoaded(() => request("agents"), []);
  const turn = (/** @type {any} */ agent) =>
    attempt(problem, () => request(`agents/${agent.slug}/${agent.enabled ? "disable" : "enable"}`, "POST").then(reload));
  return html`<div class="narrow"><div class="row apart"><${Title} title="Agents" /><a class="button main" href=${hrefOf("agents", "new")}>New agent</a></div>
    <${Problem} text=${problem.value} />
    <section class="card" aria-label="Agents"><ul class="list">${(value?.agents ?? []).map((/** @type {any} */ agent) => html`<li key=${agent.slug}>
      <span class="row"><span class="face" aria-hidden="true">${agent.name[0]}</span>
        <span><a href=${hrefOf("agents", agent.slug)}>${agent.name}</a><br /><span class="small soft">${agent.about || agent.slug}</span></span></span>
      <label class="check"><input type="checkbox" checked=${agent.enabled} onChange=${() => turn(agent)} />Takes calls<span class="hidden"> as ${agent.name}</span></label></li>`)}</ul></section></div>`;
}

/** @param {{id: string}} props */
export function AgentEdit({ id }) {
  const isNew = id === "new";
  const { value, problem } = useLoaded(
    async () => (isNew ? { agent: NEW_AGENT, revisions: [] } : { agent: await request(`agents/${id}`), ...(await request(`agents/${id}/history`)) }),
    [id],
  );
  const draft = useSignal(/** @type {any} */ (null));
  useEffect(() => void (draft.value = value?.agent ?? null), [value]);
  const save = (/** @type {Event} */ event) => {
    event.preventDefault();
    const saved = () => request(isNew ? "agents" : `agents/${id}`, isNew ? "POST" : "PUT", agentToSend(draft.value));
    void attempt(problem, saved).then((done) => {
      if (done) location.hash = hrefOf("agents");
    });
  };
  const take = (/** @type {any} */ old) => (draft.value = { ...old, revision: value?.agent.revision });
  const show = (/** @type {import("../core/fields.js").Field} */ field) => html`<${FormRow} key=${field.path} field=${field} shown=${draft.value}
    write=${(/** @type {string} */ text) => (draft.value = writeField(draft.value, field, text))} />`;
  return html`<div class="narrow"><${Title} title=${isNew ? "New agent" : `Agent ${value?.agent.name ?? ""}`} /><${Problem} text=${problem.value} />
    ${draft.value && html`<form class="card stack" onSubmit=${save}>
      ${isNew && show(SLUG)}${FIELDS.map(show)}
      <details><summary>More</summary><div class="stack">${MORE_FIELDS.map(show)}</div></details>
      <div class="row"><button class="main">Save</button><a class="button" href=${hrefOf("agents")}>Cancel</a></div></form>
      ${!isNew && html`<${Revisions} revisions=${value?.revisions} take=${take} />`}`}</div>`;
}

/** What the agent was before; `take` puts an old revision into the form. @param {{revisions: any[], take: (old: any) => void}} props */
function Revisions({ revisions, take }) {
  return html`<section class="card"><h2>Changes</h2><ul class="list">${[...revisions].reverse().map((one, at) => html`<li key=${one.revision}>
    <span>Revision ${one.revision}${at === 0 ? ", the present one" : ""}<br />
      <span class="small soft">${formatTime(one.changed_at)}: ${[one.changed].flat().join(", ")}</span></span>
    ${at > 0 && html`<button onClick=${() => take(one)}>Take up again<span class="hidden"> revision ${one.revision}</span></button>`}</li>`)}</ul></section>`;
}
