/** Whom to call, about what, and what will become of it. */

import { isAdmin, request } from "../api.js";
import { hrefOf } from "../core/hash_route.js";
import { canRefuse, noticeOf } from "../core/publishing.js";
import { startCall } from "../live_call.js";
import { html, useSignal } from "../ui.js";
import { Problem, Title, useLoaded } from "./parts.js";

/** Whom and about what this browser called last. */
const AGENT_KEY = "agentvoice.agent";
const PROJECT_KEY = "agentvoice.project";
/** The project of a daemon whose settings name none. */
const USUAL_PROJECT = "default";

/**
 * The first of some slugs that is there, else the first there is.
 * @param {any[]} all @param {string[]} slugs
 */
function pick(all, ...slugs) {
  return slugs.map((slug) => all.find((one) => one.slug === slug)).find(Boolean) ?? all[0];
}

export function Start() {
  const { value, problem } = useLoaded(async () => {
    const [agents, projects] = await Promise.all([request("agents"), request("projects")]);
    return { agents: agents.agents.filter((/** @type {any} */ agent) => agent.enabled !== false), projects: projects.projects };
  }, []);
  const chosen = useSignal(localStorage.getItem(AGENT_KEY) ?? "");
  const project = useSignal(localStorage.getItem(PROJECT_KEY) ?? "");
  const refuse = useSignal(false);
  if (!value) return html`<div class="narrow"><${Title} title="Call an agent" /><${Problem} text=${problem.value} /></div>`;
  const agent = pick(value.agents, chosen.value)?.slug ?? "";
  const about = pick(value.projects, project.value, USUAL_PROJECT);
  const publishing = { policy: about?.policy ?? "off", relays: about?.relays ?? [], refused: refuse.value };
  const call = () => {
    localStorage.setItem(AGENT_KEY, agent);
    localStorage.setItem(PROJECT_KEY, about?.slug ?? "");
    void startCall({ agent, project: about?.slug ?? "", doNotPublish: refuse.value });
    location.hash = hrefOf("call");
  };
  return html`<div class="narrow">
    <${Title} title="Call an agent"><p class="soft">Speak as on the phone. You can interrupt, and change agents, at any time.</p><//>
    <div class="card stack">
      ${value.agents.length === 0 && html`<p>There is no agent yet.${isAdmin() && html` <a href=${hrefOf("agents", "new")}>Create one</a>.`}</p>`}
      <fieldset><legend>Agent</legend><div class="choices">
        ${value.agents.map((/** @type {any} */ one) => html`<label class="choice" key=${one.slug}>
          <input type="radio" name="agent" checked=${one.slug === agent} onChange=${() => (chosen.value = one.slug)} />
          <span>${one.name}<small>${one.about || one.engines.join(", ")}</small></span>
        </label>`)}
      </div></fieldset>
      ${value.projects.length > 1 && html`<label>Project
        <select value=${about.slug} onChange=${(/** @type {any} */ event) => (project.value = event.target.value)}>
          ${value.projects.map((/** @type {any} */ one) => html`<option value=${one.slug}>${one.title || one.slug}</option>`)}
        </select></label>`}
      <div class="notice">${noticeOf(publishing)}
        ${(canRefuse(publishing) || refuse.value) && html`<label class="check">
          <input type="checkbox" checked=${refuse.value} onChange=${(/** @type {any} */ event) => (refuse.value = event.target.checked)} />
          Do not publish this call</label>`}
      </div>
      <button class="main wide big" disabled=${!agent} onClick=${call}>Call ${value.agents.find((/** @type {any} */ one) => one.slug === agent)?.name ?? ""}</button>
    </div>
    <p class="small soft"><a href=${hrefOf("sound")}>Check microphone and speaker</a></p>
  </div>`;
}
