/**
 * How deep the jitter buffer is: the rule of agentvoice/core/jitter.py in this language.
 * tests/vectors/jitter.json proves that both give the same depths.
 */

const MIN_DEPTH_MS = 10;
const MAX_DEPTH_MS = 200;
/** The depth of a call that has heard nothing yet: two frames. */
const FIRST_DEPTH_MS = 40;
/** Depths are raised to multiples of this: the rest is a small margin. */
const STEP_MS = 10;
/** Sound that comes later than this is no jitter: the engine paused. */
const PAUSE_MS = 500;
/** Sound for which the depth falls by 1 ms. */
const FALL_AUDIO_MS = 100;
/** How much the lateness varied is kept of each slice of sound, for so many slices. */
const SLICE_AUDIO_MS = 500;
const SLICES = 20;
/** The depth does not fall below this percentile of the slices. */
const PERCENT = 95;

export class JitterDepth {
  constructor() {
    this.depthMs = FIRST_DEPTH_MS;
    this.waitMs = FIRST_DEPTH_MS;
    this._dueMs = -Infinity; // when the next sound is due; -Infinity: an answer begins with it
    this._shiftMs = 0; // by how much gaps have put off the times due in this answer
    /** @type {number[]} */
    this._rangesMs = [];
    this._unfallenMs = 0; // sound since the depth fell last
    this._leastMs = Infinity;
    this._mostMs = 0;
    this._sliceMs = 0;
  }

  /** The next sound begins an answer: it is not late, whenever it comes. */
  beginAnswer() {
    this._dueMs = -Infinity;
  }

  /**
   * Sound of `durationMs` arrived at `nowMs` (any clock that never goes back); return the depth.
   * @param {number} nowMs
   * @param {number} durationMs
   */
  arrived(nowMs, durationMs) {
    if (nowMs - this._dueMs > PAUSE_MS) this._begin(nowMs);
    const lateMs = Math.max(0, nowMs - this._dueMs);
    this._raise(depthFor(lateMs));
    this._note(Math.max(0, nowMs - this._dueMs + this._shiftMs));
    if (lateMs > this.waitMs) {
      // It ran dry, and waits again.
      this._shiftMs += lateMs;
      this._dueMs = nowMs;
      this.waitMs = Math.max(MIN_DEPTH_MS, this.depthMs - Math.ceil(lateMs));
    }
    this._dueMs += durationMs;
    this._fall(durationMs);
    this._fillSlice(durationMs);
    return this.depthMs;
  }

  /** @param {number} nowMs */
  _begin(nowMs) {
    this._dueMs = nowMs;
    this.waitMs = this.depthMs;
    this._shiftMs = 0;
    this._beginSlice();
  }

  _beginSlice() {
    this._leastMs = Infinity;
    this._mostMs = 0;
    this._sliceMs = 0;
  }

  /** @param {number} depthMs */
  _raise(depthMs) {
    if (depthMs <= this.depthMs) return;
    this.depthMs = depthMs;
    this._unfallenMs = -SLICE_AUDIO_MS; // the slice that will remember it must be full first
  }

  /** @param {number} lateMs */
  _note(lateMs) {
    this._leastMs = Math.min(this._leastMs, lateMs);
    this._mostMs = Math.max(this._mostMs, lateMs);
  }

  /** @param {number} durationMs */
  _fillSlice(durationMs) {
    this._sliceMs += durationMs;
    if (this._sliceMs < SLICE_AUDIO_MS) return;
    this._rangesMs.push(this._mostMs - this._leastMs);
    if (this._rangesMs.length > SLICES) this._rangesMs.shift();
    this._beginSlice();
  }

  /** @param {number} durationMs */
  _fall(durationMs) {
    const steps = Math.max(0, Math.floor(this._unfallenMs / FALL_AUDIO_MS));
    this._unfallenMs += durationMs - steps * FALL_AUDIO_MS;
    this.depthMs = Math.max(this.depthMs - steps, Math.min(this.depthMs, this._neededMs()));
  }

  _neededMs() {
    if (!this._rangesMs.length) return MIN_DEPTH_MS;
    const rank = Math.ceil((PERCENT * this._rangesMs.length) / 100);
    return depthFor([...this._rangesMs].sort((a, b) => a - b)[rank - 1]);
  }
}

/** Return the smallest depth that is enough for a lateness, within the bounds. @param {number} lateMs */
function depthFor(lateMs) {
  return Math.min(MAX_DEPTH_MS, Math.max(MIN_DEPTH_MS, Math.ceil(lateMs / STEP_MS) * STEP_MS));
}
