/** A queue of samples that grows when it must and never drops any: sound of an answer is not lost. */

export class RingBuffer {
  /** @param {number} [capacity] samples there is room for at first */
  constructor(capacity = 48000) {
    this._samples = new Float32Array(capacity);
    this._first = 0;
    this.length = 0;
  }

  /** Queue samples. @param {Float32Array} samples */
  push(samples) {
    if (this.length + samples.length > this._samples.length) this._grow(this.length + samples.length);
    const start = (this._first + this.length) % this._samples.length;
    const head = Math.min(samples.length, this._samples.length - start);
    this._samples.set(samples.subarray(0, head), start);
    this._samples.set(samples.subarray(head), 0);
    this.length += samples.length;
  }

  /**
   * Move samples into `target` and return how many there were; the rest of it is left as it is.
   * @param {Float32Array} target
   */
  take(target) {
    const count = Math.min(target.length, this.length);
    const head = Math.min(count, this._samples.length - this._first);
    target.set(this._samples.subarray(this._first, this._first + head));
    target.set(this._samples.subarray(0, count - head), head);
    this._first = (this._first + count) % this._samples.length;
    this.length -= count;
    return count;
  }

  /** Drop all that waits. */
  clear() {
    this._first = 0;
    this.length = 0;
  }

  /** @param {number} wanted */
  _grow(wanted) {
    const grown = new Float32Array(Math.max(wanted, this._samples.length * 2));
    const kept = this.take(grown);
    this._samples = grown;
    this._first = 0;
    this.length = kept;
  }
}
