/** A project as a form: which fields people fill in, and what is sent of them. Only what was changed is. */

/** @typedef {import("./fields.js").Field} Field */

const EMBEDDED = "embedded";

/** @type {Field} */
export const SLUG = { path: "slug", label: "Short name", kind: "line", hint: "a-z, 0-9, - and _; it never changes", isNeeded: true };

/** @type {Field[]} */
export const FIELDS = [
  { path: "title", label: "Title", kind: "line", hint: "the subject of its threads", isNeeded: true },
  { path: "relays", label: "Relays", kind: "lines", hint: "one a line: wss://…, or embedded for the one on this machine", isNeeded: true },
  {
    path: "policy",
    label: "What becomes of a finished call",
    kind: "choice",
    isNeeded: true,
    choices: [["public", "It is published"], ["review", "Somebody reads it first"], ["private", "Its readers get it, encrypted"], ["off", "Nothing is published"]],
  },
  { path: "budget_usd_per_month", label: "Budget", kind: "money", hint: "USD for its calls of a month, such as 12.50; empty: as the settings say" },
];

/** What seldom changes. @type {Field[]} */
export const MORE_FIELDS = [
  { path: "shape", label: "Shape of a thread", kind: "choice", choices: [["thread", "A reply for each turn"], ["single", "One note with all of it"]] },
  { path: "readers", label: "Readers of private threads", kind: "lines", hint: "npubs, one a line, besides the project's own" },
  { path: "callers", label: "Who may sign in with Nostr and call", kind: "lines", hint: "npubs, one a line" },
  { path: "redact", label: "Taken out before publishing", kind: "lines", hint: "phone, email, card, pattern:REGEX or secret:NAME, one a line" },
];

/** What becomes of a project's calls, in a word. @type {Record<string, string>} */
export const POLICIES = { public: "Public", review: "Read first", private: "Private", off: "Not published" };

/** A project that is new, before anything is typed: as the daemon makes it. @type {Record<string, any>} */
export const NEW_PROJECT = { relays: [EMBEDDED], policy: "public", shape: "thread", redact: ["phone", "email", "card"] };

/** @param {string[]} relays */
function isOutside(relays) {
  return relays.some((relay) => relay !== EMBEDDED);
}

/**
 * Whether somebody has to choose what becomes of calls: nothing leaves the machine unsaid.
 * @param {any} stored the project as it is @param {any} changes what was typed
 */
export function wantsPolicy(stored, changes) {
  return !("policy" in changes) && isOutside(changes.relays ?? stored.relays) && !isOutside(stored.relays);
}

/** The project as the form shows it. @param {any} stored @param {any} changes */
export function shownProject(stored, changes) {
  return { ...stored, ...changes, ...(wantsPolicy(stored, changes) ? { policy: "" } : {}) };
}

/** What is sent: the changes that are some, and a policy whenever one was chosen. @param {any} stored @param {any} changes */
export function changesToSend(stored, changes) {
  const isSame = (/** @type {string} */ name) => JSON.stringify(changes[name]) === JSON.stringify(stored[name]);
  return Object.fromEntries(Object.entries(changes).filter(([name]) => name === "policy" || !isSame(name)));
}
