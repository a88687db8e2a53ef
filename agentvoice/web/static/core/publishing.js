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
  none: ["Not published", "Nothing of this call was published."],
  review: ["Waiting for review", "Somebody has to read and approve it before it is published."],
  queued: ["On its way", "The thread is signed and being sent to its relays."],
  published: ["Published", "Every relay has the whole thread."],
  partial: ["Partly published", "Some relays have the thread; see below what the others said."],
  failed: ["Not delivered", "No relay took the thread; see below what they said, then try again."],
};

/**
 * Deliveries of a thread, summed up per relay, worst first.
 * @param {{deliveries: {relay: string, state: string, attempts: number, next_attempt_at: string | null, last_answer: string | null}[]}[]} events
 */
export function relayStates(events) {
  /** @type {Map<string, {relay: string, total: number, accepted: number, waiting: number, refused: number, answer: string, nextAt: string | null}>} */
  const relays = new Map();
  for (const { relay, state, next_attempt_at, last_answer } of events.flatMap((event) => event.deliveries)) {
    const sum = relays.get(relay) ?? { relay, total: 0, accepted: 0, waiting: 0, refused: 0, answer: "", nextAt: null };
    sum.total += 1;
    if (state === "accepted") sum.accepted += 1;
    else if (state === "waiting" || state === "attempting") sum.waiting += 1;
    else sum.refused += 1;
    if (state !== "accepted") {
      sum.answer = last_answer || sum.answer;
      sum.nextAt = next_attempt_at ?? sum.nextAt;
    }
    relays.set(relay, sum);
  }
  return [...relays.values()].sort((a, b) => a.accepted / a.total - b.accepted / b.total);
}

/** What to do about a relay. @param {ReturnType<typeof relayStates>[number]} sum */
export function adviceFor(sum) {
  if (sum.accepted === sum.total) return "It has the whole thread.";
  if (sum.waiting) return "It is tried again by itself; nothing needs to be done.";
  if (/auth-required/.test(sum.answer)) return "The relay wants to know who writes: give the key access there, then retry.";
  if (/blocked|restricted|pow|rate-limited/.test(sum.answer)) return "The relay refuses this key; ask its operator, or use another relay.";
  return "The relay did not take it. Read its answer, then retry or drop it.";
}
