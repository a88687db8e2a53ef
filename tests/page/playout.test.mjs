import assert from "node:assert/strict";
import { test } from "node:test";
import { Playout } from "../../agentvoice/web/static/core/playout.js";

const BLOCK_MS = 20;
const ones = (ms) => new Float32Array(ms * 24).fill(1);

/** Take blocks from `from` ms on until `to`; returns how much sound each held. */
function play(playout, from, to) {
  const got = [];
  for (let now = from; now < to; now += BLOCK_MS) got.push(playout.take(new Float32Array(BLOCK_MS * 24), now));
  return got;
}

test("the first sound of an answer waits for the depth and one block", () => {
  const playout = new Playout(BLOCK_MS);
  playout.push(ones(100), 0);
  assert.deepEqual(play(playout, 0, 80), [0, 0, 0, 480]);
});

test("played counts sound only, and ends exactly at what came", () => {
  const playout = new Playout(BLOCK_MS);
  playout.push(new Float32Array(1000), 0);
  play(playout, 0, 200);
  assert.equal(playout.played, 1000);
  assert.deepEqual(playout.endAnswer(), { depth_ms: 40, underruns: 0 });
  assert.equal(playout.endAnswer(), null);
});

test("sound that runs dry in an answer is counted, and the depth grows with it", () => {
  const playout = new Playout(BLOCK_MS);
  playout.push(ones(40), 0);
  play(playout, 0, 200);
  playout.push(ones(40), 200);
  play(playout, 200, 500);
  const report = playout.endAnswer();
  assert.equal(report?.underruns, 1);
  assert.ok(report.depth_ms > 40);
});

test("an answer that follows a pause is no underrun", () => {
  const playout = new Playout(BLOCK_MS);
  playout.push(ones(40), 0);
  play(playout, 0, 200);
  playout.endAnswer();
  playout.push(ones(40), 200);
  play(playout, 200, 400);
  assert.equal(playout.endAnswer()?.underruns, 0);
});

test("a cleared answer fades within 5 ms and is counted to the sample", () => {
  const playout = new Playout(BLOCK_MS);
  playout.push(ones(500), 0);
  play(playout, 0, 160);
  const before = playout.played;
  const cleared = playout.clear();
  assert.equal(cleared, before + 120);
  const block = new Float32Array(480);
  assert.equal(playout.take(block, 160), 120);
  assert.ok(block[0] < 1 && block[119] === 0 && block[479] === 0);
  assert.equal(playout.played, cleared);
  assert.deepEqual(play(playout, 180, 240), [0, 0, 0]);
});

test("what is cleared before it was heard leaves nothing", () => {
  const playout = new Playout(BLOCK_MS);
  playout.push(ones(500), 0);
  assert.equal(playout.clear(), 0);
  assert.deepEqual(play(playout, 0, 200), Array(10).fill(0));
  assert.equal(playout.endAnswer(), null);
});

test("no sound is no arrival", () => {
  const playout = new Playout(BLOCK_MS);
  playout.push(new Float32Array(0), 0);
  assert.ok(playout.isDry);
});

test("on another line it counts on where the daemon says, and drops what came by the old one", () => {
  const playout = new Playout(0);
  playout.push(new Float32Array(4800).fill(0.5), 0);
  playout.take(new Float32Array(2400), 1000);
  assert.equal(playout.played, 2400);
  playout.goOnAt(1200);
  assert.equal(playout.isDry, true);
  playout.push(new Float32Array(240).fill(0.25), 2000);
  const heard = new Float32Array(240);
  assert.equal(playout.take(heard, 3000), 240);
  assert.equal(heard[0], 0.25);
  assert.equal(playout.played, 1440);
});
