import assert from "node:assert/strict";
import { test } from "node:test";
import { FIELDS, MORE_FIELDS, NEW_AGENT, SLUG, agentToSend } from "../../agentvoice/web/static/core/agent_form.js";
import { readField, writeField } from "../../agentvoice/web/static/core/fields.js";

const field = (path) => [SLUG, ...FIELDS, ...MORE_FIELDS].find((one) => one.path === path);
const AGENT = { slug: "ada", name: "Ada", aliases: ["Eda", "Ida"], local: { voice: "hibari", silence_ms: 400 } };

for (const [path, text] of [["name", "Ada"], ["aliases", "Eda, Ida"], ["local.voice", "hibari"], ["openai.voice", ""], ["handover_to", ""]]) {
  test(`the text of ${path}`, () => assert.equal(readField(AGENT, field(path)), text));
}

test("a list is typed with commas, and empty words are nothing", () => {
  assert.deepEqual(writeField(AGENT, field("aliases"), " Aida,, Ader ,").aliases, ["Aida", "Ader"]);
});

test("what stands beside a field stays, and the agent given is left alone", () => {
  const changed = writeField(AGENT, field("local.voice"), "low");
  assert.deepEqual(changed.local, { voice: "low", silence_ms: 400 });
  assert.equal(AGENT.local.voice, "hibari");
  assert.deepEqual(writeField(NEW_AGENT, field("openai.voice"), "marin").openai, { voice: "marin" });
});

test("what the daemon adds is not sent back, but the revision that was read is", () => {
  const shown = { ...AGENT, npub: "npub1", pubkey: "00", changed_at: "now", changed: ["name"], profile: [], revision: 3 };
  assert.deepEqual(agentToSend(shown), { ...AGENT, revision: 3 });
});
