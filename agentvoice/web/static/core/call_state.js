/** What a call in the page is doing, as a table: state, event, next state. */

/** @typedef {"idle" | "connecting" | "listening" | "hearing" | "thinking" | "speaking" | "switching" | "reconnecting" | "ended"} CallState */
/** @typedef {"call" | "connecting" | "listening" | "hearing" | "thinking" | "speaking" | "switching" | "reconnecting" | "lost" | "resumed" | "ended" | "leave"} CallEvent */

/** While a call lives the daemon's word for its status is the state. @type {Partial<Record<CallEvent, CallState>>} */
const LIVE = {
  connecting: "connecting",
  listening: "listening",
  hearing: "hearing",
  thinking: "thinking",
  speaking: "speaking",
  switching: "switching",
  reconnecting: "reconnecting",
  lost: "reconnecting",
  ended: "ended",
};

/** @type {Record<CallState, Partial<Record<CallEvent, CallState>>>} */
export const TRANSITIONS = {
  idle: { call: "connecting" },
  connecting: LIVE,
  listening: LIVE,
  hearing: LIVE,
  thinking: LIVE,
  speaking: LIVE,
  switching: LIVE,
  reconnecting: { ...LIVE, resumed: "listening" },
  ended: { call: "connecting", leave: "idle" },
};

/**
 * Return the state after an event. What a state does not know leaves it: frames that were under
 * way when the call ended change nothing.
 * @param {CallState} state @param {string} event
 * @returns {CallState}
 */
export function nextState(state, event) {
  return TRANSITIONS[state][/** @type {CallEvent} */ (event)] ?? state;
}

/** Whether there is somebody to talk to. @param {CallState} state */
export function isLive(state) {
  return state !== "idle" && state !== "ended";
}

/** What a person reads. @type {Record<CallState, string>} */
export const STATUS_TEXT = {
  idle: "Not in a call",
  connecting: "Connecting",
  listening: "Listening",
  hearing: "Hearing you",
  thinking: "Thinking",
  speaking: "Speaking",
  switching: "Switching",
  reconnecting: "Reconnecting",
  ended: "Call ended",
};
