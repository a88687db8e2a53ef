/** The REST API under /api/v1: JSON in and out, one error with the daemon's own words. */

import { signal } from "./ui.js";

/** @typedef {{name: string, scopes: string[], npub: string | null}} Me */

/** Who is signed in; null: nobody, undefined: not asked yet. @type {import("./ui.js").Signal<Me | null | undefined>} */
export const me = signal(/** @type {Me | null | undefined} */ (undefined));

/** Whether whoever is signed in may see and change everything. */
export const isAdmin = () => Boolean(me.value?.scopes.includes("admin"));

export class ApiError extends Error {
  /** @param {string} message @param {number} status */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/**
 * @param {string} path below /api/v1/ @param {string} [method] @param {unknown} [body]
 * @returns {Promise<any>}
 */
export async function request(path, method = "GET", body = undefined) {
  let answer;
  try {
    answer = await fetch(`/api/v1/${path}`, {
      method,
      ...(method === "GET" ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body ?? {}) }),
    });
  } catch {
    throw new ApiError("The daemon does not answer. Is it running?", 0);
  }
  if (answer.status === 204) return null;
  const document = await answer.json().catch(() => null);
  if (answer.ok) return document;
  if (answer.status === 401) me.value = null;
  throw new ApiError(document?.error ?? `The daemon answered ${answer.status}.`, answer.status);
}

export async function askWhoIAm() {
  try {
    me.value = await request("me");
  } catch {
    me.value = null;
  }
}

/** Sign in with a token. @param {string} token */
export async function signInWithToken(token) {
  me.value = await request("sign-in", "POST", { token });
}

/** Sign in by a NIP-07 extension: it signs a NIP-98 event for this address. */
export async function signInWithNostr() {
  const { nostr } = /** @type {{nostr?: {signEvent: (event: object) => Promise<object>}}} */ (window);
  if (!nostr) throw new Error("No Nostr extension was found in this browser.");
  const event = await nostr.signEvent({
    kind: 27235,
    created_at: Math.floor(Date.now() / 1000),
    tags: [["u", `${location.origin}/api/v1/sign-in`], ["method", "POST"]],
    content: "",
  });
  me.value = await request("sign-in", "POST", { nostr: event });
}
