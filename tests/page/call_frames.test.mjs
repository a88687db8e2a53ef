import assert from "node:assert/strict";
import { test } from "node:test";
import {
  FrameError, decodeFrame, decodeSound, encodeFrame, encodeSound,
} from "../../agentvoice/web/static/core/call_frames.js";

test("frames of the daemon are read", () => {
  const status = { type: "status", status: "listening" };
  assert.deepEqual(decodeFrame(JSON.stringify(status)), status);
  const spent = { type: "spent", cost_usd: "0.0123", is_estimate: false, elapsed_s: 7 };
  assert.deepEqual(decodeFrame(JSON.stringify(spent)), spent);
});

test("a type newer than the page is passed over", () => {
  assert.equal(decodeFrame('{"type":"weather"}'), null);
  assert.equal(decodeFrame('{"type":"constructor"}'), null);
});

for (const [text, complaint] of [
  ["nothing", /want a JSON object/],
  ["null", /without a type/],
  ['{"status":"listening"}', /without a type/],
  ['{"type":"status"}', /status\.status: got undefined, want string/],
  ['{"type":"item","item":null}', /item\.item: got null, want object/],
]) {
  test(`what breaks the format is named: ${text}`, () => {
    assert.throws(() => decodeFrame(text), (error) => error instanceof FrameError && complaint.test(error.message));
  });
}

test("frames to the daemon are checked before they are sent", () => {
  assert.equal(encodeFrame({ type: "hang_up" }), '{"type":"hang_up"}');
  assert.equal(encodeFrame({ type: "start", agent: "ada" }), '{"type":"start","agent":"ada"}');
  assert.throws(() => encodeFrame({ type: "start" }), /start\.agent: got undefined, want string/);
  assert.throws(() => encodeFrame({ type: "fly" }), /got type fly, want one of start/);
});

test("sound keeps its samples, and what is too loud is clipped", () => {
  const sent = Float32Array.from([0, 0.5, -0.5, 1, -1, 7, -7]);
  const got = decodeSound(encodeSound(sent));
  [0, 0.5, -0.5, 1, -1, 1, -1].forEach((value, i) => assert.ok(Math.abs(got[i] - value) < 1 / 16000));
  assert.deepEqual([...new Uint8Array(encodeSound(Float32Array.from([-1])))], [0, 128]);
});

test("half a sample is refused", () => {
  assert.throws(() => decodeSound(new ArrayBuffer(3)), /got 3 bytes/);
});
