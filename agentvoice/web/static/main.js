/** The page: its navigation, its routes, who is signed in. */

import { askWhoIAm, me, request } from "./api.js";
import { isLive } from "./core/call_state.js";
import { hrefOf, parseRoute } from "./core/hash_route.js";
import * as live from "./live_call.js";
import { html, render, signal, useEffect } from "./ui.js";
import { AgentEdit, Agents } from "./views/agents.js";
import { Call } from "./views/call.js";
import { History } from "./views/history.js";
import { PastCall } from "./views/past_call.js";
import { ProjectEdit, Projects } from "./views/projects.js";
import { Review, ReviewQueue } from "./views/review.js";
import { SignIn } from "./views/sign_in.js";
import { Sound } from "./views/sound.js";
import { Start } from "./views/start.js";

/** @type {[string, string, string][]} */
const LINKS = [["start", "Call", "call"], ["history", "Past calls", "call"], ["agents", "Agents", "admin"], ["projects", "Projects", "admin"], ["review", "Review", "admin"], ["sound", "Sound", "call"]];

/** Who sits at the daemon's own machine, without a token. */
const OWNER = "local";

const route = signal(parseRoute(location.hash));
addEventListener("hashchange", () => (route.value = parseRoute(location.hash)));
addEventListener("beforeunload", (event) => {
  if (isLive(live.state.value)) event.preventDefault();
});

function View() {
  const { name, id } = route.value;
  if (name === "call") return live.state.value === "idle" ? html`<${Start} />` : html`<${Call} />`;
  if (name === "calls") return html`<${PastCall} key=${id} id=${id} />`;
  if (name === "history") return html`<${History} />`;
  if (name === "agents") return id ? html`<${AgentEdit} id=${id} />` : html`<${Agents} />`;
  if (name === "projects") return id ? html`<${ProjectEdit} id=${id} />` : html`<${Projects} />`;
  if (name === "review") return id ? html`<${Review} id=${id} />` : html`<${ReviewQueue} />`;
  if (name === "sound") return html`<${Sound} />`;
  return html`<${Start} />`;
}

function Page() {
  useEffect(() => void document.querySelector("main")?.focus(), [route.value]);
  const who = me.value;
  if (who === undefined) return html`<main></main>`;
  const links = LINKS.filter(([, , scope]) => who?.scopes.includes(scope));
  const signOut = () => request("sign-out", "POST").then(askWhoIAm, askWhoIAm);
  return html`<header class="bar"><a class="brand" href=${hrefOf("start")}><img src="/static/icon.svg" alt="" />agentvoice</a>
      ${who && html`<nav aria-label="Main">${links.map(([name, text]) => html`<a href=${hrefOf(name)} key=${name}
        aria-current=${route.value.name === name ? "page" : undefined}>${text}</a>`)}</nav>`}
      ${isLive(live.state.value) && route.value.name !== "call" && html`<a class="button main" href=${hrefOf("call")}>Back to the call</a>`}
      ${who && who.name !== OWNER && html`<button onClick=${signOut}>Sign out</button>`}</header>
    <main tabindex="-1">${who ? html`<${View} />` : html`<${SignIn} />`}</main>`;
}
// Whoever leaves the page hangs up; else the call would be held as for a lost network.
addEventListener("pagehide", () => {
  if (isLive(live.state.value)) live.hangUp();
});

void askWhoIAm();
render(html`<${Page} />`, /** @type {Element} */ (document.getElementById("page")));
