/** The sound of one call: microphone and speaker as worklets of one audio context. */

import { RATE_HZ } from "../core/call_frames.js";
import { openMicrophone, readChoice } from "./devices.js";

const LATENCY_EVERY_MS = 1000;

/** Firefox joins a microphone only to a context of its own rate; the worklets resample then. */
const TAKES_ONE_RATE = navigator.userAgent.includes("Firefox/");

export class CallAudio {
  /** @param {{onLevel: (level: number) => void, onProblem: (message: string) => void}} listener */
  constructor(listener) {
    this._listener = listener;
    // Made in the click's own turn: browsers let only that start sound.
    this.context = new AudioContext({ latencyHint: "interactive", ...(TAKES_ONE_RATE ? {} : { sampleRate: RATE_HZ }) });
    this.isMuted = false;
    /** @type {MediaStream | null} */
    this._stream = null;
    /** @type {MediaStreamAudioSourceNode | null} */
    this._source = null;
    this._timer = 0;
    this._onDevices = () => void this._survive();
  }

  /** Open the devices; return the two ports for the socket's worker. */
  async open() {
    const base = new URL(".", import.meta.url);
    const { audioWorklet } = this.context;
    await Promise.all(["capture", "playback"].map((name) => audioWorklet.addModule(new URL(`${name}_worklet.js`, base))));
    this._capture = new AudioWorkletNode(this.context, "capture", { numberOfOutputs: 0 });
    this._playback = new AudioWorkletNode(this.context, "playback", { numberOfInputs: 0, outputChannelCount: [1] });
    this._playback.connect(this.context.destination);
    this.analyser = new AnalyserNode(this.context, { fftSize: 1024 });
    this._playback.connect(this.analyser);
    this._capture.port.onmessage = ({ data }) => this._listener.onLevel(data.level);
    await this.listen();
    await this._chooseSpeaker();
    await this.context.resume();
    navigator.mediaDevices?.addEventListener("devicechange", this._onDevices);
    this._timer = window.setInterval(() => this._tellLatency(), LATENCY_EVERY_MS);
    this._tellLatency();
    return { capture: this._port(this._capture), playback: this._port(this._playback) };
  }

  /** (Re)open the microphone as chosen; without one the call goes on by text. */
  async listen() {
    this._release();
    try {
      this._stream = await openMicrophone(readChoice());
    } catch (error) {
      this._listener.onProblem(/** @type {Error} */ (error).message);
      return;
    }
    this._stream.getAudioTracks()[0].onended = this._onDevices;
    this._source = this.context.createMediaStreamSource(this._stream);
    if (this._capture) this._source.connect(this._capture);
  }

  /** Microphone and speaker anew, as chosen now. */
  async reopen() {
    await this.listen();
    await this._chooseSpeaker();
  }

  /** @param {boolean} isMuted */
  mute(isMuted) {
    this.isMuted = isMuted;
    this._capture?.port.postMessage({ muted: isMuted });
  }

  async close() {
    navigator.mediaDevices?.removeEventListener("devicechange", this._onDevices);
    clearInterval(this._timer);
    this._release();
    if (this.context.state !== "closed") await this.context.close();
  }

  _release() {
    this._source?.disconnect();
    for (const track of this._stream?.getTracks() ?? []) {
      track.onended = null;
      track.stop();
    }
  }

  /** Devices came or went: take the microphone anew if ours is gone. */
  async _survive() {
    const track = this._stream?.getAudioTracks()[0];
    if (!track || track.readyState === "ended") await this.listen();
    await this._chooseSpeaker();
  }

  async _chooseSpeaker() {
    const { speaker } = readChoice();
    const context = /** @type {AudioContext & {setSinkId?: (id: string) => Promise<void>}} */ (this.context);
    if (!context.setSinkId) return;
    try {
      await context.setSinkId(speaker);
    } catch {
      this._listener.onProblem("The chosen speaker is gone; the usual one is used.");
      await context.setSinkId("");
    }
  }

  _tellLatency() {
    const latencyMs = ((this.context.outputLatency || 0) + this.context.baseLatency) * 1000;
    this._playback?.port.postMessage({ latencyMs });
  }

  /** A channel from a worklet to the socket's worker: one hop. @param {AudioWorkletNode} node */
  _port(node) {
    const { port1, port2 } = new MessageChannel();
    node.port.postMessage({ socket: port1 }, [port1]);
    return port2;
  }
}
