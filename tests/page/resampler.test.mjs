import assert from "node:assert/strict";
import { test } from "node:test";
import { Resampler } from "../../agentvoice/web/static/core/resampler.js";

const sine = (hz, rate, count) => Float32Array.from({ length: count }, (_, i) => Math.sin((2 * Math.PI * hz * i) / rate));

/** The amplitude of one frequency in samples, and how much else there is. */
function measure(samples, hz, rate) {
  let a = 0, b = 0, power = 0;
  samples.forEach((value, i) => {
    a += value * Math.cos((2 * Math.PI * hz * i) / rate);
    b += value * Math.sin((2 * Math.PI * hz * i) / rate);
    power += value * value;
  });
  const amplitude = (2 * Math.hypot(a, b)) / samples.length;
  const rest = Math.max(0, power / samples.length - amplitude ** 2 / 2);
  return { amplitude, rest: Math.sqrt(rest) };
}

for (const rate of [8000, 16000, 22050, 44100, 48000, 96000, 192000]) {
  test(`a tone survives ${rate} Hz to 24 kHz and back`, () => {
    const hz = 1000;
    for (const [from, to] of [[rate, 24000], [24000, rate]]) {
      const output = new Resampler(from, to).push(sine(hz, from, from)).subarray(Math.ceil(to * 0.01));
      const whole = output.subarray(0, Math.floor(output.length / (to / 50)) * Math.round(to / 50));
      const { amplitude, rest } = measure(whole, hz, to);
      assert.ok(Math.abs(amplitude - 1) < 0.01, `amplitude ${amplitude}`);
      assert.ok(rest < 0.03, `rest ${rest}`);
    }
  });
}

test("what a lower rate cannot carry is taken out, not folded back", () => {
  const output = new Resampler(48000, 24000).push(sine(17000, 48000, 48000)).subarray(500);
  assert.ok(Math.hypot(...output) / Math.sqrt(output.length) < 0.003);
});

test("pieces of any size give the samples of one piece", () => {
  const input = sine(440, 44100, 20000);
  const whole = new Resampler(44100, 24000).push(input);
  const pieces = new Resampler(44100, 24000);
  const joined = [];
  for (let at = 0, size = 1; at < input.length; at += size, size = (size * 7) % 331 || 1) {
    joined.push(...pieces.push(input.subarray(at, at + size)));
  }
  assert.equal(joined.length, whole.length);
  assert.deepEqual(joined, [...whole]);
});

test("an hour of pieces drifts by no sample", () => {
  const resampler = new Resampler(44100, 24000);
  let total = 0;
  for (let second = 0; second < 20; second++) total += resampler.push(new Float32Array(44100)).length;
  assert.ok(Math.abs(total - 20 * 24000) <= 20);
});

for (const rate of [16000, 24000, 44100, 48000, 192000]) {
  test(`blocks of 128 at ${rate} Hz ask for exactly what they need`, () => {
    const resampler = new Resampler(24000, rate);
    for (let block = 0; block < 500; block++) {
      const needed = resampler.needed(128);
      assert.equal(resampler.push(new Float32Array(needed), 128).length, 128);
    }
    assert.equal(resampler.needed(0), 0);
  });
}

for (const rate of [16000, 44100, 48000, 96000]) {
  test(`what was taken at 24 kHz comes out at ${rate} Hz within 1.5 ms`, () => {
    // The played position counts what was taken: it may run before the ear by that alone.
    const click = 2400, resampler = new Resampler(24000, rate), output = [];
    let taken = 0, aheadMs = 0;
    while (output.length < rate / 5) {
      const wanted = new Float32Array(resampler.needed(128));
      if (click >= taken && click < taken + wanted.length) wanted[click - taken] = 1;
      taken += wanted.length;
      output.push(...resampler.push(wanted, 128));
      aheadMs = Math.max(aheadMs, taken / 24 - (output.length * 1000) / rate);
    }
    const at = output.reduce((best, value, i) => (value > output[best] ? i : best), 0);
    assert.ok(aheadMs < 1.5, `${aheadMs} ms taken ahead`);
    assert.ok(Math.abs((at * 1000) / rate - click / 24) < 1.5, `click at ${at}`);
  });
}

test("a rate of nothing is refused by name", () => {
  assert.throws(() => new Resampler(0, 24000), /got 0 to 24000 Hz/);
});
