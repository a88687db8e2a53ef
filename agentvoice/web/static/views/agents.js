/** The agents: who there is, what they are told, what was changed when. */

import { request } from "../api.js";
import { formatTime } from "../core/format.js";
import { hrefOf } from "../core/hash_route.js";
import { html, useEffect, useSignal } from "../ui.js";
import { Problem, Title, attempt, useLoaded } from "./parts.js";

export function Agents() {
  const { value, problem, reload } = useLoaded(() => request("agents"), []);
  const turn = (/** @type {any} */ agent) =>
    attempt(problem, () => request(`agents/${agent.slug}/${agent.enabled ? "disable" : "enable"}`, "POST").then(reload));
  return html`<div class="narrow"><div class="row apart"><${Title} title="Agents" /><a class="button main" href=${hrefOf("agents", "new")}>New agent</a></div>
    <${Problem} text=${problem.value} />
    <section class="card" aria-label="Agents"><ul class="list">${(value?.agents ?? []).map((/** @type {any} */ agent) => html`<li key=${agent.slug}>
      <span class="row"><span class="face" aria-hidden="true">${agent.name[0]}</span>
        <span><a href=${hrefOf("agents", agent.slug)}>${agent.name}</a><br /><span class="small soft">${agent.slug}, ${(agent.engines ?? []).join(", ")}</span></span></span>
      <label class="check"><input type="checkbox" checked=${agent.enabled} onChange=${() => turn(agent)} />${agent.name} takes calls</label></li>`)}</ul></section></div>`;
}

/** @type {[string, string, string][]} */
const FIELDS = [["name", "Name", "input"], ["greeting", "Greeting", "input"], ["instructions", "Instructions", "textarea"]];

/** @param {{id: string}} props */
export function AgentEdit({ id }) {
  const isNew = id === "new";
  const { value, problem } = useLoaded(
    async () => (isNew ? { agent: {}, revisions: [] } : { agent: await request(`agents/${id}`), ...(await request(`agents/${id}/history`)) }),
    [id],
  );
  const draft = useSignal(/** @type {Record<string, string>} */ ({}));
  useEffect(() => void (draft.value = {}), [id]);
  const save = (/** @type {Event} */ event) => {
    event.preventDefault();
    const agent = { ...value?.agent, ...draft.value };
    for (const made of ["npub", "revision", "changed_at"]) delete agent[made];
    void attempt(problem, () => request(isNew ? "agents" : `agents/${id}`, isNew ? "POST" : "PUT", agent)).then((done) => {
      if (done) location.hash = hrefOf("agents");
    });
  };
  const field = (/** @type {string[]} */ [name, label, tag]) => html`<label key=${name}>${label}<${tag} value=${draft.value[name] ?? value?.agent[name] ?? ""}
    required=${name === "name" || name === "slug"} onInput=${(/** @type {any} */ event) => (draft.value = { ...draft.value, [name]: event.target.value })} /></label>`;
  return html`<div class="narrow"><${Title} title=${isNew ? "New agent" : `Agent ${value?.agent.name ?? ""}`} /><${Problem} text=${problem.value} />
    ${value && html`<form class="card stack" onSubmit=${save}>
      ${isNew && field(["slug", "Short name", "input"])}${FIELDS.map(field)}
      <div class="row"><button class="main">Save</button><a class="button" href=${hrefOf("agents")}>Cancel</a></div></form>
      ${value.revisions?.length > 0 && html`<section class="card"><h2>Changes</h2><ul class="list">${value.revisions.map((/** @type {any} */ one) => html`<li key=${one.revision}>
        <span>Revision ${one.revision}<br /><span class="small soft">${formatTime(one.changed_at)}: ${[one.changed].flat().join(", ")}</span></span></li>`)}</ul></section>`}`}</div>`;
}
