/**
 * Streaming resampler for devices that do not run at 24 kHz: a Hann-windowed sinc, its table
 * interpolated, cut off below the lower rate's half. Both rates are whole numbers of hertz, so the
 * phase is kept in whole steps and never drifts.
 */

/** Zero crossings of the sinc on each side: 16 keep speech clean and delay it by less than 1 ms. */
const CROSSINGS = 16;
/** Table entries per zero crossing; between them the table is interpolated. */
const STEPS = 256;
/** The cut-off as a part of the lower Nyquist frequency: room for the filter's slope. */
const CUTOFF = 0.92;

const TABLE = buildTable();

export class Resampler {
  /** @param {number} fromHz @param {number} toHz */
  constructor(fromHz, toHz) {
    if (!(fromHz > 0 && toHz > 0)) throw new RangeError(`resampler: got ${fromHz} to ${toHz} Hz, want rates above 0`);
    this.fromHz = fromHz;
    this.toHz = toHz;
    this._scale = Math.min(1, toHz / fromHz) * CUTOFF;
    this._reach = Math.ceil(CROSSINGS / this._scale); // input samples on each side of an output sample
    this._held = new Float32Array(2 * this._reach); // silence before the first sample
    this._index = this._reach; // of _held: the input sample at or before the next output sample
    this._phase = 0; // how far beyond it the output sample lies, in 1/toHz of an input sample
  }

  /** Input samples that have to be pushed now to get exactly `count` more output samples. @param {number} count */
  needed(count) {
    if (count < 1) return 0;
    const last = this._index + Math.floor((this._phase + (count - 1) * this.fromHz) / this.toHz);
    return Math.max(0, last + this._reach + 1 - this._held.length);
  }

  /**
   * Take samples at `fromHz`, return those at `toHz` that can be told now, at most `count` of them.
   * @param {Float32Array} input @param {number} [count]
   * @returns {Float32Array}
   */
  push(input, count = Infinity) {
    const held = new Float32Array(this._held.length + input.length);
    held.set(this._held);
    held.set(input, this._held.length);
    const output = [];
    while (output.length < count && this._index + this._reach < held.length) {
      output.push(this._sampleAt(held, this._index, this._phase / this.toHz));
      this._phase += this.fromHz;
      this._index += Math.floor(this._phase / this.toHz);
      this._phase %= this.toHz;
    }
    const from = Math.min(held.length, Math.max(0, this._index - this._reach));
    this._held = held.slice(from);
    this._index -= from;
    return Float32Array.from(output);
  }

  /** @param {Float32Array} held @param {number} index @param {number} offset */
  _sampleAt(held, index, offset) {
    let sum = 0;
    for (let i = index - this._reach + 1; i <= index + this._reach; i++) {
      const at = Math.abs(i - index - offset) * this._scale * STEPS;
      const entry = Math.floor(at);
      if (entry >= CROSSINGS * STEPS) continue;
      const weight = TABLE[entry] + (TABLE[entry + 1] - TABLE[entry]) * (at - entry);
      sum += held[i] * weight;
    }
    return sum * this._scale;
  }
}

function buildTable() {
  const table = new Float32Array(CROSSINGS * STEPS + 1);
  for (let i = 0; i < table.length; i++) {
    const x = i / STEPS;
    const sinc = i ? Math.sin(Math.PI * x) / (Math.PI * x) : 1;
    table[i] = sinc * (0.5 + 0.5 * Math.cos((Math.PI * x) / CROSSINGS));
  }
  return table;
}
