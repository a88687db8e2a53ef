import assert from "node:assert/strict";
import { test } from "node:test";
import { RingBuffer } from "../../agentvoice/web/static/core/ring_buffer.js";

const count = (from, to) => Float32Array.from({ length: to - from }, (_, i) => from + i);

test("samples come out in order, however they were pushed and taken", () => {
  const ring = new RingBuffer(7);
  let pushed = 0;
  let taken = 0;
  for (const [push, take] of [[5, 3], [4, 6], [7, 2], [20, 25], [1, 9], [3, 3]]) {
    ring.push(count(pushed, pushed + push));
    pushed += push;
    const target = new Float32Array(take);
    const got = ring.take(target);
    assert.equal(got, Math.min(take, pushed - taken));
    assert.deepEqual([...target.subarray(0, got)], [...count(taken, taken + got)]);
    taken += got;
    assert.equal(ring.length, pushed - taken);
  }
});

test("what does not fit makes it grow, nothing is dropped", () => {
  const ring = new RingBuffer(4);
  ring.push(count(0, 3));
  ring.take(new Float32Array(2));
  ring.push(count(3, 1000));
  const target = new Float32Array(998);
  assert.equal(ring.take(target), 998);
  assert.deepEqual([...target], [...count(2, 1000)]);
});

test("clearing drops all, and it goes on", () => {
  const ring = new RingBuffer(4);
  ring.push(count(0, 3));
  ring.clear();
  assert.equal(ring.take(new Float32Array(3)), 0);
  ring.push(count(5, 6));
  const target = new Float32Array([0, 9]);
  assert.equal(ring.take(target), 1);
  assert.deepEqual([...target], [5, 9]);
});
