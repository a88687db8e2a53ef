/** The projects: what calls belong to, where their threads go, what they may cost. */

import { request } from "../api.js";
import { writeField } from "../core/fields.js";
import { formatMoney } from "../core/format.js";
import { hrefOf } from "../core/hash_route.js";
import { FIELDS, MORE_FIELDS, NEW_PROJECT, POLICIES, SLUG, changesToSend, shownProject, wantsPolicy } from "../core/project_form.js";
import { relayName } from "../core/publishing.js";
import { html, useEffect, useSignal } from "../ui.js";
import { FormRow } from "./form_row.js";
import { Problem, Title, attempt, useLoaded } from "./parts.js";

export function Projects() {
  const { value, problem } = useLoaded(() => request("projects"), []);
  return html`<div class="narrow"><div class="row apart"><${Title} title="Projects" /><a class="button main" href=${hrefOf("projects", "new")}>New project</a></div>
    <${Problem} text=${problem.value} />
    <section class="card" aria-label="Projects"><ul class="list">${(value?.projects ?? []).map((/** @type {any} */ one) => html`<li key=${one.slug}>
      <span><a href=${hrefOf("projects", one.slug)}>${one.title}</a><br />
        <span class="small soft">${one.relays.map(relayName).join(", ")}${one.budget_usd_per_month && `; ${formatMoney(one.budget_usd_per_month)} a month`}</span></span>
      <span class="tag">${POLICIES[one.policy] ?? one.policy}</span></li>`)}</ul></section></div>`;
}

/** @param {{id: string}} props */
export function ProjectEdit({ id }) {
  const isNew = id === "new";
  const { value: stored, problem } = useLoaded(async () => (isNew ? NEW_PROJECT : request(`projects/${encodeURIComponent(id)}`)), [id]);
  const changes = useSignal(/** @type {any} */ ({}));
  useEffect(() => void (changes.value = {}), [stored]);
  const save = (/** @type {Event} */ event) => {
    event.preventDefault();
    const sent = changesToSend(stored, changes.value);
    const saved = async () => {
      if (isNew) await request("projects", "POST", sent);
      else if (Object.keys(sent).length) await request(`projects/${encodeURIComponent(id)}`, "PATCH", sent);
    };
    void attempt(problem, saved).then((done) => {
      if (done) location.hash = hrefOf("projects");
    });
  };
  const show = (/** @type {import("../core/fields.js").Field} */ field) => html`<${FormRow} key=${field.path} field=${field} shown=${shownProject(stored, changes.value)}
    write=${(/** @type {string} */ text) => (changes.value = writeField(changes.value, field, text))} />`;
  return html`<div class="narrow"><${Title} title=${isNew ? "New project" : `Project ${stored?.title ?? ""}`}><p class="soft">A change holds for the next call; one that goes on keeps what its caller was told.</p><//>
    <${Problem} text=${problem.value} />
    ${stored && html`<form class="card stack" onSubmit=${save}>
      ${isNew && show(SLUG)}${FIELDS.map(show)}
      <div role="status">${wantsPolicy(stored, changes.value) && html`<p class="notice warn">Threads will leave this machine: say what becomes of a finished call.</p>`}</div>
      <details><summary>More</summary><div class="stack">${MORE_FIELDS.map(show)}</div></details>
      ${!isNew && html`<p class="small soft">Its threads are tagged with <code>${stored.npub}</code></p>`}
      <div class="row"><button class="main">Save</button><a class="button" href=${hrefOf("projects")}>Cancel</a></div></form>`}</div>`;
}
