import assert from "node:assert/strict";
import { test } from "node:test";
import {
  THREAD_STATES, adviceFor, canRefuse, noticeOf, relayStates,
} from "../../agentvoice/web/static/core/publishing.js";

const RELAYS = ["embedded", "wss://one.example", "wss://two.example"];

for (const [publishing, wanted, refusable] of [
  [{ policy: "public", relays: RELAYS }, /the relay on this machine, wss:\/\/one\.example and wss:\/\/two\.example/, true],
  [{ policy: "public", relays: [] }, /the relay on this machine/, true],
  [{ policy: "review", relays: ["wss://one.example"] }, /waits for a review/, true],
  [{ policy: "private", relays: [] }, /encrypted/, true],
  [{ policy: "off", relays: [] }, /publishes nothing/, false],
  [{ policy: "public", relays: RELAYS, refused: true }, /will not be published/, false],
]) {
  test(`the notice of ${publishing.policy}${publishing.refused ? ", refused" : ""}: ${publishing.relays.length}`, () => {
    assert.match(noticeOf(publishing), wanted);
    assert.equal(canRefuse(publishing), refusable);
  });
}

const delivery = (relay, state, answer = null) => ({ relay, state, attempts: 1, next_attempt_at: null, last_answer: answer });

test("deliveries are summed up per relay, the worst first, with its words", () => {
  const sums = relayStates([
    { deliveries: [delivery("good", "accepted"), delivery("bad", "rejected", "blocked: no")] },
    { deliveries: [delivery("good", "accepted"), delivery("bad", "waiting")] },
  ]);
  assert.deepEqual(sums.map((sum) => [sum.relay, sum.accepted, sum.total, sum.answer]), [
    ["bad", 0, 2, "blocked: no"], ["good", 2, 2, ""],
  ]);
});

for (const [sum, advice] of [
  [{ accepted: 2, total: 2 }, /whole thread/],
  [{ accepted: 1, total: 2, waiting: 1, answer: "" }, /by itself/],
  [{ accepted: 0, total: 2, waiting: 0, answer: "auth-required: who" }, /access/],
  [{ accepted: 0, total: 2, waiting: 0, answer: "blocked: no" }, /operator/],
  [{ accepted: 0, total: 2, waiting: 0, answer: "invalid: hm" }, /retry or drop/],
]) {
  test(`advice: ${advice}`, () => assert.match(adviceFor(sum), advice));
}

test("each state of a publication has its words", () => {
  assert.deepEqual(Object.keys(THREAD_STATES), ["none", "review", "queued", "published", "partial", "failed"]);
});
