import assert from "node:assert/strict";
import { test } from "node:test";
import { readField, writeField } from "../../agentvoice/web/static/core/fields.js";
import {
  FIELDS, MORE_FIELDS, NEW_PROJECT, POLICIES, SLUG, changesToSend, shownProject, wantsPolicy,
} from "../../agentvoice/web/static/core/project_form.js";

const field = (path) => [SLUG, ...FIELDS, ...MORE_FIELDS].find((one) => one.path === path);
const GARDEN = { ...NEW_PROJECT, slug: "garden", title: "Garden", readers: [], callers: [], budget_usd_per_month: null };
const FAR = "wss://relay.example";

for (const [path, text] of [["title", "Garden"], ["relays", "embedded"], ["redact", "phone\nemail\ncard"], ["readers", ""], ["budget_usd_per_month", ""]]) {
  test(`the text of ${path}`, () => assert.equal(readField(GARDEN, field(path)), text));
}

test("relays stand one a line, and a rule may have commas in it", () => {
  assert.deepEqual(writeField({}, field("relays"), ` embedded \n\n${FAR}\n`).relays, ["embedded", FAR]);
  assert.deepEqual(writeField({}, field("redact"), "pattern:a{1,2}").redact, ["pattern:a{1,2}"]);
});

test("no budget is none", () => {
  for (const [text, value] of [["", null], ["  ", null], [" 12.50 ", "12.50"]]) {
    assert.equal(writeField({}, field("budget_usd_per_month"), text).budget_usd_per_month, value);
  }
});

test("the first outside relay wants a policy, which nothing but a choice gives", () => {
  let changes = writeField({}, field("relays"), `embedded\n${FAR}`);
  assert.equal(wantsPolicy(GARDEN, changes), true);
  assert.equal(shownProject(GARDEN, changes).policy, "");
  assert.equal("policy" in changesToSend(GARDEN, changes), false);
  changes = writeField(changes, field("policy"), "public");
  assert.equal(wantsPolicy(GARDEN, changes), false);
  assert.deepEqual(changesToSend(GARDEN, changes), { relays: ["embedded", FAR], policy: "public" });
});

test("a project with outside relays has chosen already, and one without need not", () => {
  const far = { ...GARDEN, relays: [FAR] };
  assert.equal(wantsPolicy(far, { relays: [FAR, "wss://other.example"] }), false);
  assert.equal(wantsPolicy(GARDEN, { title: "x" }), false);
  assert.equal(shownProject(far, {}).policy, "public");
});

test("only what was changed is sent", () => {
  assert.deepEqual(changesToSend(GARDEN, { title: "Garden", relays: ["embedded"], readers: ["npub1"] }), { readers: ["npub1"] });
  assert.deepEqual(changesToSend(NEW_PROJECT, { slug: "p", title: "P" }), { slug: "p", title: "P" });
});

test("each policy has its words", () => {
  assert.deepEqual(field("policy").choices.map(([value]) => value), Object.keys(POLICIES));
});
