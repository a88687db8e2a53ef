/** When to try again after a lost socket: at once, then each time later, until the call is let go. */

/** The daemon holds a call for so long (calls.hold_s). */
export const HOLD_MS = 60_000;
const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 4_000;

/**
 * Return how long to wait before try number `tries` (0: the first), or null when the hold is over.
 * @param {number} tries @param {number} lostForMs
 * @returns {number | null}
 */
export function nextDelayMs(tries, lostForMs) {
  if (lostForMs >= HOLD_MS) return null;
  const delay = tries === 0 ? 0 : Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (tries - 1));
  return Math.min(delay, HOLD_MS - lostForMs);
}
