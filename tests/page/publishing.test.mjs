import assert from "node:assert/strict";
import { test } from "node:test";
import {
  THREAD_STATES, canRefuse, noticeOf, relayName, shareOf,
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

test("how much of a thread a relay has", () => {
  assert.equal(shareOf({ states: { accepted: 3, waiting: 2, rejected: 1 } }), "3 of 6");
  assert.equal(shareOf({ states: { waiting: 2 } }), "0 of 2");
});

test("relays are called as people know them", () => {
  assert.equal(relayName("embedded"), "The relay on this machine");
  assert.equal(relayName("wss://one.example"), "wss://one.example");
});

test("each state of a publication has its words", () => {
  assert.deepEqual(Object.keys(THREAD_STATES), ["none", "review", "queued", "published", "partial", "failed"]);
});
