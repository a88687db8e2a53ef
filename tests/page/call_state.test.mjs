import assert from "node:assert/strict";
import { test } from "node:test";
import { STATUS_TEXT, TRANSITIONS, isLive, nextState } from "../../agentvoice/web/static/core/call_state.js";
import { HOLD_MS, nextDelayMs } from "../../agentvoice/web/static/core/reconnect.js";

const STATES = Object.keys(TRANSITIONS);
const STATUSES = ["connecting", "listening", "hearing", "thinking", "speaking", "switching", "reconnecting", "ended"];
const EVENTS = [...STATUSES, "call", "lost", "resumed", "leave"];

/** What is meant, said another way than the table says it. */
function expected(state, event) {
  if (event === "call") return isLive(state) ? state : "connecting";
  if (event === "leave") return state === "ended" ? "idle" : state;
  if (!isLive(state)) return state;
  if (event === "lost") return "reconnecting";
  if (event === "resumed") return state === "reconnecting" ? "listening" : state;
  return event;
}

for (const state of STATES) {
  for (const event of EVENTS) {
    test(`${state}, ${event}`, () => assert.equal(nextState(state, event), expected(state, event)));
  }
}

test("each state has its words, and unknown events change nothing", () => {
  assert.deepEqual(Object.keys(STATUS_TEXT).sort(), [...STATES].sort());
  assert.equal(nextState("speaking", "dancing"), "speaking");
});

test("a lost socket is tried at once, then ever later, until the call is let go", () => {
  const delays = [];
  let lostFor = 0;
  for (let tries = 0; ; tries++) {
    const delay = nextDelayMs(tries, lostFor);
    if (delay === null) break;
    delays.push(delay);
    lostFor += delay;
  }
  assert.deepEqual(delays.slice(0, 7), [0, 250, 500, 1000, 2000, 4000, 4000]);
  assert.equal(lostFor, HOLD_MS);
});
