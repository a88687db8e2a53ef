/** Who are you? A token, or a Nostr key in the browser's extension. */

import { signInWithNostr, signInWithToken } from "../api.js";
import { html, useSignal } from "../ui.js";
import { Problem, Title, attempt } from "./parts.js";

export function SignIn() {
  const token = useSignal("");
  const problem = useSignal("");
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void attempt(problem, () => signInWithToken(token.value.trim()));
  };
  return html`<div class="narrow"><${Title} title="Sign in" /><${Problem} text=${problem.value} />
    <form class="card stack" onSubmit=${submit}>
      <label>Token<input type="password" autocomplete="current-password" required value=${token.value}
        onInput=${(/** @type {any} */ event) => (token.value = event.target.value)} /></label>
      <p class="small soft">The operator makes one with <code>agentvoice token new</code>.</p>
      <button class="main wide">Sign in</button>
      ${"nostr" in window && html`<button type="button" class="wide" onClick=${() => attempt(problem, signInWithNostr)}>Sign in with Nostr</button>`}
    </form></div>`;
}
