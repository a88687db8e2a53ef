/** Sound of the daemon to the speaker, in the audio thread; it tells the socket's worker what was heard. */

import { RATE_HZ, decodeSound } from "../core/call_frames.js";
import { Playout } from "../core/playout.js";
import { Resampler } from "../core/resampler.js";

const QUANTUM = 128;
const PLAYED_EVERY_MS = 100;
/** What is in the device's own buffer is not heard yet: so many quanta are remembered, over 1 s. */
const REMEMBERED = 512;

class Playback extends AudioWorkletProcessor {
  constructor() {
    super();
    this._quantumMs = (QUANTUM * 1000) / sampleRate;
    this._playout = new Playout(this._quantumMs);
    this._resampler = sampleRate === RATE_HZ ? null : new Resampler(RATE_HZ, sampleRate);
    /** @type {number[]} */
    this._history = [];
    this._latencyMs = 0;
    this._told = 0;
    this._toldAtMs = 0;
    this._floor = 0;
    /** @type {MessagePort | null} */
    this._socket = null;
    this.port.onmessage = ({ data }) => this._command(data);
  }

  /** @param {any} data */
  _command(data) {
    if (data.socket) {
      this._socket = /** @type {MessagePort} */ (data.socket);
      this._socket.onmessage = ({ data: sent }) => this._receive(sent);
    }
    if (data.latencyMs !== undefined) this._latencyMs = data.latencyMs;
  }

  /** @param {ArrayBuffer | {type: string}} sent */
  _receive(sent) {
    if (sent instanceof ArrayBuffer) return this._playout.push(decodeSound(sent), currentTime * 1000);
    if (sent.type === "clear") {
      this._floor = this._playout.clear();
      this._socket?.postMessage({ type: "cleared", samples: this._floor });
      this.port.postMessage({ cleared: true });
    }
    if (sent.type === "hush") this._playout.clear();
    if (sent.type === "go_on") this._goOnAt(/** @type {any} */ (sent).samples);
    if (sent.type === "answer_over") {
      const report = this._playout.endAnswer();
      if (report) this._socket?.postMessage({ type: "playout", ...report });
    }
  }

  /** Count on at what the daemon knows as heard. @param {number} samples */
  _goOnAt(samples) {
    this._playout.goOnAt(samples);
    this._history = [samples];
    this._floor = this._told = samples;
  }

  /** @param {Float32Array[][]} _inputs @param {Float32Array[][]} outputs */
  process(_inputs, outputs) {
    const output = outputs[0][0];
    const nowMs = currentTime * 1000;
    if (this._resampler) {
      const wanted = new Float32Array(this._resampler.needed(output.length));
      if (wanted.length) this._playout.take(wanted, nowMs);
      output.set(this._resampler.push(wanted, output.length));
    } else {
      this._playout.take(output, nowMs);
    }
    for (const channel of outputs[0].slice(1)) channel.set(output);
    this._history.push(this._playout.played);
    if (this._history.length > REMEMBERED) this._history.shift();
    this._tellPlayed(nowMs);
    return true;
  }

  /** @param {number} nowMs */
  _tellPlayed(nowMs) {
    if (nowMs - this._toldAtMs < PLAYED_EVERY_MS) return;
    const back = Math.round(this._latencyMs / this._quantumMs);
    const heard = this._history[Math.max(0, this._history.length - 1 - back)];
    const samples = Math.max(heard, Math.min(this._floor, this._playout.played));
    if (samples === this._told) return;
    this._told = samples;
    this._toldAtMs = nowMs;
    this._socket?.postMessage({ type: "played", samples });
  }
}

registerProcessor("playback", Playback);
