/** The call that is live in this page: what is known of it as signals, what can be done as functions. */

import { CallAudio } from "./audio/call_audio.js";
import { isLive, nextState } from "./core/call_state.js";
import { mergeItem } from "./core/transcript.js";
import { signal } from "./ui.js";

/** @typedef {import("./core/call_state.js").CallState} CallState */

export const state = signal(/** @type {CallState} */ ("idle"));
export const callId = signal("");
export const agent = signal({ slug: "", name: "" });
export const items = signal(/** @type {import("./core/call_frames.js").Item[]} */ ([]));
export const publishing = signal({ policy: "off", relays: /** @type {string[]} */ ([]), refused: false });
export const latencyMs = signal(/** @type {number | null} */ (null));
export const spent = signal({ cost_usd: "0.00", is_estimate: false, elapsed_s: 0 });
export const problem = signal("");
export const warning = signal("");
export const isMuted = signal(false);
export const level = signal(0);
export const endReason = signal("");
/** When the call was answered, and when it ended, by this page's clock; 0: not yet. */
export const startedAt = signal(0);
export const endedAt = signal(0);

/** @type {CallAudio | null} */
let audio = null;
/** @type {Worker | null} */
let worker = null;
/** @type {{release: () => Promise<void>} | null} */
let wakeLock = null;

/** Call an agent. Has to be called in a click's own turn. @param {{agent: string, project: string, doNotPublish: boolean}} wish */
export async function startCall(wish) {
  if (isLive(state.value)) return;
  reset();
  audio = new CallAudio({ onLevel: (value) => (level.value = value), onProblem: (message) => (problem.value = message) });
  const socket = new Worker(new URL("./audio/socket_worker.js", import.meta.url), { type: "module" });
  worker = socket;
  socket.onmessage = ({ data }) => receive(data, wish.doNotPublish);
  try {
    const ports = await audio.open();
    const url = `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/call`;
    const start = { type: "start", agent: wish.agent, project: wish.project, transport: "page" };
    socket.postMessage({ type: "open", url, start, ...ports }, [ports.capture, ports.playback]);
  } catch (error) {
    problem.value = `The sound of this browser cannot be used: ${/** @type {Error} */ (error).message}`;
    finish("failed");
  }
  await holdScreen();
}

function reset() {
  state.value = nextState(state.value, "call");
  callId.value = problem.value = warning.value = endReason.value = "";
  items.value = [];
  latencyMs.value = null;
  isMuted.value = false;
  spent.value = { cost_usd: "0.00", is_estimate: false, elapsed_s: 0 };
  startedAt.value = endedAt.value = 0;
}

/** @param {{type: string, frame?: any, message?: string}} message @param {boolean} doNotPublish */
function receive(message, doNotPublish) {
  if (message.type === "lost") state.value = nextState(state.value, "lost");
  if (message.type === "broken") problem.value = message.message ?? "";
  if (message.type === "gone") {
    problem.value ||= "The connection was lost and could not be made again.";
    finish("connection lost");
  }
  if (message.type !== "frame") return;
  if (message.frame.type === "started" && doNotPublish) send({ type: "do_not_publish" });
  /** @type {Record<string, (frame: any) => void>} */ (FRAMES)[message.frame.type]?.(message.frame);
}

const FRAMES = {
  started: (/** @type {any} */ frame) => {
    callId.value = frame.call;
    startedAt.value = Date.now();
  },
  resumed: () => (state.value = nextState(state.value, "resumed")),
  status: (/** @type {any} */ frame) => (state.value = nextState(state.value, frame.status)),
  item: (/** @type {any} */ frame) => (items.value = mergeItem(items.value, frame.item)),
  agent: (/** @type {any} */ frame) => (agent.value = { slug: frame.slug, name: frame.name }),
  turn_timed: (/** @type {any} */ frame) => (latencyMs.value = frame.voice_to_voice_ms),
  publishing: (/** @type {any} */ frame) => (publishing.value = frame),
  spent: (/** @type {any} */ frame) => (spent.value = frame),
  warned: (/** @type {any} */ frame) => (warning.value = frame.message),
  refused: (/** @type {any} */ frame) => {
    const isGone = state.value === "reconnecting";
    problem.value = isGone ? `The call could not be taken up again. The daemon says: ${frame.message}` : frame.message;
    if (!callId.value || isGone) finish("refused");
  },
  ended: (/** @type {any} */ frame) => {
    problem.value = frame.error || problem.value;
    finish(frame.reason);
  },
};

/** @param {string} reason */
function finish(reason) {
  endReason.value = reason;
  state.value = nextState(state.value, "ended");
  endedAt.value = Date.now();
  worker?.postMessage({ type: "close" });
  worker = null;
  void audio?.close();
  audio = null;
  level.value = 0;
  void wakeLock?.release();
  wakeLock = null;
}

/** @param {import("./core/call_frames.js").Frame} frame */
function send(frame) {
  worker?.postMessage({ type: "send", frame });
}

export const interrupt = () => send({ type: "interrupt" });
export const switchTo = (/** @type {string} */ slug) => send({ type: "switch", agent: slug });
export const say = (/** @type {string} */ text) => send({ type: "text", text });
export const doNotPublish = () => send({ type: "do_not_publish" });

export function hangUp() {
  send({ type: "hang_up" });
  if (!callId.value) finish("caller");
}

export function toggleMute() {
  isMuted.value = !isMuted.value;
  audio?.mute(isMuted.value);
}

/** Take microphone and speaker as they are chosen now. */
export const reopenDevices = () => audio?.reopen();

/** How loud the agent is (RMS, 0 to 1), measured behind the playback worklet. */
export function outputLevel() {
  if (!audio?.analyser) return 0;
  const samples = new Float32Array(audio.analyser.fftSize);
  audio.analyser.getFloatTimeDomainData(samples);
  return Math.sqrt(samples.reduce((sum, value) => sum + value * value, 0) / samples.length);
}

/** A phone that sleeps would end the call. */
async function holdScreen() {
  try {
    wakeLock = (await navigator.wakeLock?.request("screen")) ?? null;
  } catch {
    wakeLock = null; // refused on low battery: the call goes on
  }
}
