/** An agent as a form: which fields people fill in, and how they read and write an agent's document. */

/** @typedef {import("./fields.js").Field} Field */

/** @type {Field} */
export const SLUG = { path: "slug", label: "Short name", kind: "line", hint: "a-z, 0-9, - and _; it never changes", isNeeded: true };

/** @type {Field[]} */
export const FIELDS = [
  { path: "name", label: "Name", kind: "line", isNeeded: true },
  { path: "about", label: "About", kind: "line", hint: "other agents read it before they hand over" },
  { path: "greeting", label: "Greeting", kind: "line", hint: "the first words; empty: the caller speaks first" },
  { path: "instructions", label: "Instructions", kind: "text" },
];

/** What seldom changes. @type {Field[]} */
export const MORE_FIELDS = [
  { path: "aliases", label: "Also called", kind: "list", hint: "what speech recognition makes of the name" },
  { path: "handover_to", label: "May hand over to", kind: "list", hint: "short names; empty: to everybody" },
  { path: "engines", label: "Engines", kind: "list", hint: "the first is used, the rest if it fails", isNeeded: true },
  { path: "local.voice", label: "Voice of the local engine", kind: "line" },
  { path: "openai.model", label: "Realtime model", kind: "line" },
  { path: "openai.voice", label: "Realtime voice", kind: "line" },
];

/** A new agent, before anything is typed. */
export const NEW_AGENT = { engines: ["local"] };

/** What the daemon adds to an agent that it shows. */
const SHOWN_ONLY = ["pubkey", "npub", "changed_at", "changed", "profile"];

/** The agent as the daemon takes it. @param {any} agent */
export function agentToSend(agent) {
  return Object.fromEntries(Object.entries(agent).filter(([name]) => !SHOWN_ONLY.includes(name)));
}
