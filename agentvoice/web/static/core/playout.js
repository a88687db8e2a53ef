/**
 * The one buffer between sound that arrives and the ear: agentvoice/core/playout.py for the page.
 * The first sound of an answer waits for the depth (jitter.js); if it runs dry, silence is played
 * and what comes then waits for the rest of the depth. Nothing is dropped but by `clear`.
 */

import { RATE_HZ } from "./call_frames.js";
import { JitterDepth } from "./jitter.js";
import { RingBuffer } from "./ring_buffer.js";

/** An answer that is cut fades out over so many samples (5 ms): a hard cut clicks. */
const FADE_SAMPLES = 120;

export class Playout {
  /** @param {number} blockMs how much is taken at once: its end is needed when its beginning is */
  constructor(blockMs) {
    /** Samples taken to be heard since the call began; never silence. */
    this.played = 0;
    this.depth = new JitterDepth();
    this._blockMs = blockMs;
    this._ring = new RingBuffer();
    this._startsAtMs = 0;
    this._isDry = true;
    this._isAnswerOver = true;
    this._hasPlayed = false;
    this._underruns = 0;
  }

  get isDry() {
    return this._isDry;
  }

  /** Queue sound that arrives now. @param {Float32Array} samples @param {number} nowMs */
  push(samples, nowMs) {
    if (!samples.length) return;
    if (this._isDry && this._isAnswerOver) this.depth.beginAnswer();
    else if (this._isDry) this._underruns += 1;
    this.depth.arrived(nowMs, (samples.length * 1000) / RATE_HZ);
    if (this._isDry) this._startsAtMs = nowMs + this.depth.waitMs + this._blockMs;
    this._isDry = this._isAnswerOver = false;
    this._ring.push(samples);
  }

  /**
   * Fill `target` with what is heard next; silence where nothing waits. Returns how much was sound.
   * @param {Float32Array} target @param {number} nowMs
   */
  take(target, nowMs) {
    target.fill(0);
    if (nowMs < this._startsAtMs) return 0;
    const taken = this._ring.take(target);
    this.played += taken;
    this._hasPlayed ||= taken > 0;
    if (taken < target.length) this._isDry = true;
    return taken;
  }

  /** Drop what was not taken but a few milliseconds that fade; what comes next begins an answer. */
  clear() {
    const tail = new Float32Array(this._hasPlayed && !this._isDry ? Math.min(FADE_SAMPLES, this._ring.length) : 0);
    this._ring.take(tail);
    this._ring.clear();
    for (let i = 0; i < tail.length; i++) tail[i] *= 1 - (i + 1) / tail.length;
    this._ring.push(tail);
    this._startsAtMs = 0;
    this._isDry = this._isAnswerOver = true;
    return this.played + tail.length;
  }

  /** Another line brings what is heard from this sample on; what waits here came by the old one. @param {number} played */
  goOnAt(played) {
    this._ring.clear();
    this.played = played;
    this._startsAtMs = 0;
    this._isDry = this._isAnswerOver = true;
  }

  /** The call does something else than speaking: report on the answer if some of it was played. */
  endAnswer() {
    this._isAnswerOver = true;
    if (!this._hasPlayed) return null;
    const report = { depth_ms: this.depth.depthMs, underruns: this._underruns };
    this._hasPlayed = false;
    this._underruns = 0;
    return report;
  }
}
