/** Microphone to PCM16 frames of 20 ms at 24 kHz, in the audio thread; they go straight to the socket's worker. */

import { FRAME_SAMPLES, RATE_HZ, encodeSound } from "../core/call_frames.js";
import { Resampler } from "../core/resampler.js";
import { RingBuffer } from "../core/ring_buffer.js";

/** How often the level is told: fifteen times a second looks steady. */
const LEVEL_FRAMES = 3;

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this._resampler = sampleRate === RATE_HZ ? null : new Resampler(sampleRate, RATE_HZ);
    this._ring = new RingBuffer(FRAME_SAMPLES * 4);
    this._frame = new Float32Array(FRAME_SAMPLES);
    this._isMuted = false;
    this._peak = 0;
    this._frames = 0;
    /** @type {MessagePort | null} */
    this._socket = null;
    this.port.onmessage = ({ data }) => {
      if (data.socket) this._socket = data.socket;
      if (data.muted !== undefined) this._isMuted = data.muted;
    };
  }

  /** @param {Float32Array[][]} inputs */
  process(inputs) {
    const input = inputs[0]?.[0];
    if (!input) return true;
    this._ring.push(this._resampler ? this._resampler.push(input) : input);
    while (this._ring.length >= FRAME_SAMPLES) {
      this._ring.take(this._frame);
      if (this._isMuted) this._frame.fill(0); // silence is sent: engines tell turns by it
      this._tellLevel();
      const sound = encodeSound(this._frame);
      this._socket?.postMessage(sound, [sound]);
    }
    return true;
  }

  _tellLevel() {
    for (const value of this._frame) this._peak = Math.max(this._peak, Math.abs(value));
    this._frames += 1;
    if (this._frames % LEVEL_FRAMES) return;
    this.port.postMessage({ level: this._peak });
    this._peak = 0;
  }
}

registerProcessor("capture", Capture);
