/** What is said about a call's thread: before, during and after the call. */

/** @param {string[]} relays */
function places(relays) {
  const named = relays.map((relay) => (relay === "embedded" ? "the relay on this machine" : relay));
  if (!named.length) return "the relay on this machine";
  if (named.length === 1) return named[0];
  return `${named.slice(0, -1).join(", ")} and ${named[named.length - 1]}`;
}

/**
 * What will be published where, in one sentence.
 * @param {{policy: string, relays: string[], refused?: boolean}} publishing
 */
export function noticeOf({ policy, relays, refused }) {
  if (refused) return "This call will not be published.";
  switch (policy) {
    case "public":
      return `What is said will be published to ${places(relays)}, signed, when the call ends.`;
    case "review":
      return `What is said waits for a review; if it is approved, it is published to ${places(relays)}.`;
    case "private":
      return "What is said is sent encrypted to the readers of this project, when the call ends.";
    default:
      return "What is said stays here; this project publishes nothing.";
  }
}

/** Whether there is something to refuse. @param {{policy: string, refused?: boolean}} publishing */
export function canRefuse({ policy, refused }) {
  return !refused && policy !== "off";
}

/** The state of a thread, and what it means. @type {Record<string, [string, string]>} */
export const THREAD_STATES = {
  none: ["Not published", "Nothing of this call is published."],
  review: ["Waiting for review", "Somebody has to read and approve it before it is published."],
  queued: ["On its way", "The thread is signed and being sent to its relays."],
  published: ["Published", "Every relay has the whole thread."],
  partial: ["Partly published", "Some relays have the thread; see below what the others said."],
  failed: ["Not delivered", "No relay took the thread; see below what they said, then try again."],
};

/**
 * How much of a thread a relay has, as "3 of 7".
 * @param {{states: Record<string, number>}} relay
 */
export function shareOf({ states }) {
  const total = Object.values(states).reduce((sum, count) => sum + count, 0);
  return `${states.accepted ?? 0} of ${total}`;
}

/** A relay as people know it. @param {string} relay */
export function relayName(relay) {
  return relay === "embedded" ? "The relay on this machine" : relay;
}
