/** Taking a thread back: whether that can be asked for, and what the relays made of it. */

/** Whether the daemon goes on with a delivery. @param {{state: string}} delivery */
const isOpen = ({ state }) => state === "waiting" || state === "attempting";

/** @param {any} publication @returns {any[]} */
const deliveriesOf = ({ deletions }) => deletions.flatMap((/** @type {any} */ one) => one.deliveries);

/**
 * Whether a thread can be taken back: not while nothing is signed, and not twice; of a `private` one, which has
 * no link either, the keys are gone.
 * @param {any} publication @returns {"yes" | "no" | "private"}
 */
export function canUnpublish({ prepared_at, unpublished_at, nevent }) {
  if (!prepared_at || unpublished_at) return "no";
  return nevent ? "yes" : "private";
}

/** How many deletions each relay took of those it was asked for, and how it refused the first. @param {any} publication */
export function deletionsByRelay(publication) {
  /** @type {Record<string, {relay: string, asked: number, taken: number, answer: string}>} */
  const found = {};
  for (const { relay, state, last_answer } of deliveriesOf(publication)) {
    const sum = (found[relay] ??= { relay, asked: 0, taken: 0, answer: "" });
    sum.asked += 1;
    if (state === "accepted") sum.taken += 1;
    else sum.answer ||= last_answer;
  }
  return Object.values(found);
}

/** Whether the daemon still works on the deletions, or has yet to sign them. @param {any} publication */
export function isBeingTakenBack(publication) {
  if (!publication.unpublished_at) return false;
  if (publication.deletions.length) return deliveriesOf(publication).some(isOpen);
  return publication.relays.some((/** @type {any} */ relay) => relay.states.accepted);
}
