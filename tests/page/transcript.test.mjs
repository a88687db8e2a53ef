import assert from "node:assert/strict";
import { test } from "node:test";
import { buildLines, mergeItem, transcriptText } from "../../agentvoice/web/static/core/transcript.js";

const item = (position, changes = {}) => ({
  id: `i${position}`, position, kind: "message", role: "agent", agent: "ada", text: `text ${position}`,
  status: "completed", heard_ms: null, started_at: 0, completed_at: 0, tool_name: "", ...changes,
});
const nameOf = (slug) => ({ ada: "Ada", max: "Max" })[slug] ?? slug;

test("items stand by position, however they arrive", () => {
  let items = [];
  for (const position of [2, 0, 3, 1]) items = mergeItem(items, item(position));
  assert.deepEqual(items.map((one) => one.position), [0, 1, 2, 3]);
});

test("later news of an item takes its place, and its old list is left alone", () => {
  const before = mergeItem(mergeItem([], item(0)), item(1));
  const after = mergeItem(before, item(0, { text: "more" }));
  assert.deepEqual(after.map((one) => one.text), ["more", "text 1"]);
  assert.equal(before[0].text, "text 0");
});

test("cut answers say where they were cut", () => {
  const lines = buildLines([
    item(0, { status: "interrupted", heard_ms: 1240 }), item(1, { status: "interrupted" }), item(2, { status: "failed" }),
  ], nameOf);
  assert.deepEqual(lines.map((line) => line.cut), ["cut off after 1.2 s", "cut off", "not finished"]);
});

test("handovers, notices and tools are notes; results and empty turns are not shown", () => {
  const lines = buildLines([
    item(0, { kind: "handover", text: "ada -> max" }), item(1, { kind: "notice", text: "Line lost." }),
    item(2, { kind: "tool_call", tool_name: "weather" }), item(3, { kind: "tool_result" }), item(4, { text: "" }),
    item(5, { kind: "tool_call", tool: "clock", tool_name: undefined }), item(6, { text: "", status: "in_progress" }),
    item(7, { kind: "tool_call", tool_name: "transfer_to_max" }), item(8, { kind: "tool_call", tool_name: "end_call" }),
  ], nameOf);
  assert.deepEqual(lines.map((line) => [line.side, line.text]), [
    ["note", "Ada handed over to Max"], ["note", "Line lost."], ["note", "Ada used weather"], ["note", "Ada used clock"],
    ["agent", ""], ["note", "Ada ended the call"],
  ]);
  assert.equal(lines[4].isFinal, false);
});

test("the copied text says who spoke and what was cut", () => {
  const lines = buildLines([
    item(0, { role: "user", text: "Hello." }), item(1, { status: "interrupted", heard_ms: 500, text: "Good" }),
    item(2, { kind: "handover", text: "ada -> max" }),
  ], nameOf);
  assert.equal(transcriptText(lines, nameOf), "You: Hello.\nAda: Good [cut off after 0.5 s]\n(Ada handed over to Max)");
});
