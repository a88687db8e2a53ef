import assert from "node:assert/strict";
import { test } from "node:test";
import { canUnpublish, deletionsByRelay, isBeingTakenBack } from "../../agentvoice/web/static/core/unpublishing.js";

const AT = "2026-11-01T00:00:00.000Z";

for (const [publication, wanted] of [
  [{ prepared_at: null, unpublished_at: null, nevent: null }, "no"],
  [{ prepared_at: AT, unpublished_at: null, nevent: "nevent1" }, "yes"],
  [{ prepared_at: AT, unpublished_at: null, nevent: null }, "private"],
  [{ prepared_at: AT, unpublished_at: AT, nevent: "nevent1" }, "no"],
]) {
  test(`a thread that can be taken back: ${wanted}, ${publication.nevent}`, () => assert.equal(canUnpublish(publication), wanted));
}

const asked = (relay, state, last_answer = "") => ({ relay, state, last_answer });
const DELETIONS = [
  { deliveries: [asked("wss://a", "accepted", "ok"), asked("wss://b", "rejected", "blocked: no")] },
  { deliveries: [asked("wss://a", "waiting"), asked("wss://b", "rejected", "blocked: never")] },
];

test("what each relay made of the deletions is added up, with its first refusal", () => {
  assert.deepEqual(deletionsByRelay({ deletions: DELETIONS }), [
    { relay: "wss://a", asked: 2, taken: 1, answer: "" },
    { relay: "wss://b", asked: 2, taken: 0, answer: "blocked: no" },
  ]);
  assert.deepEqual(deletionsByRelay({ deletions: [] }), []);
});

test("it goes on until every deletion has found its end", () => {
  const relays = [{ states: { accepted: 2 } }];
  const taken = { unpublished_at: AT, relays };
  assert.equal(isBeingTakenBack({ ...taken, deletions: DELETIONS }), true);
  assert.equal(isBeingTakenBack({ ...taken, deletions: [DELETIONS[0]] }), false);
  assert.equal(isBeingTakenBack({ ...taken, deletions: [] }), true);
  assert.equal(isBeingTakenBack({ unpublished_at: AT, relays: [{ states: { dropped: 2 } }], deletions: [] }), false);
  assert.equal(isBeingTakenBack({ unpublished_at: null, relays, deletions: [] }), false);
});
