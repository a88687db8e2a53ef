/**
 * Owns the call's socket, in a worker: sound goes between socket and audio thread without the page,
 * so a page that is busy drawing never stops it. A lost socket is opened again for the same call.
 */

import { FRAME_MS, decodeFrame, encodeFrame } from "../core/call_frames.js";
import { nextDelayMs } from "../core/reconnect.js";

/** Sound that waits in a stalled socket beyond this is dropped, and counted: old speech helps nobody. */
const MAX_BUFFERED_BYTES = 24_000 * 2 * 2;
/** A socket that takes nothing for so long is dead, though nobody closed it. */
const STALLED_MS = 8000;

/** @type {WebSocket | null} */
let socket = null;
let url = "";
/** @type {import("../core/call_frames.js").Frame} */
let start = { type: "start", agent: "" };
let call = "";
let key = "";
let isOver = false;
let tries = 0;
let lostAt = 0;
let droppedMs = 0;
let stalledAt = 0;
/** Timer of the next try; 0: none. */
let waiting = 0;
/** @type {MessagePort | null} */
let playback = null;

self.onmessage = ({ data }) => {
  if (data.type === "open") {
    ({ url, start } = data);
    playback = data.playback;
    if (playback) playback.onmessage = ({ data: frame }) => send(frame);
    if (data.capture) data.capture.onmessage = (/** @type {MessageEvent} */ event) => sendSound(event.data);
    connect();
  } else if (data.type === "send") {
    send(data.frame);
  } else if (data.type === "close") {
    isOver = true;
    socket?.close();
  }
};

/** The device says that the network went: the socket would notice much later. */
self.addEventListener("offline", abandon);
self.addEventListener("online", () => {
  if (waiting) connect();
});

function connect() {
  clearTimeout(waiting);
  waiting = 0;
  const opened = new WebSocket(url);
  socket = opened;
  opened.binaryType = "arraybuffer";
  opened.onopen = () => {
    const lost_ms = lostAt ? Math.round(performance.now() - lostAt) : 0;
    opened.send(encodeFrame(call ? { type: "resume", call, key, lost_ms } : start));
  };
  opened.onmessage = ({ data }) => receive(data);
  opened.onclose = () => {
    if (socket === opened) lost();
  };
}

/** @param {ArrayBuffer | string} data */
function receive(data) {
  if (typeof data !== "string") {
    playback?.postMessage(data, [data]);
    return;
  }
  let frame;
  try {
    frame = decodeFrame(data);
  } catch (error) {
    self.postMessage({ type: "broken", message: String(error) });
    return;
  }
  if (frame) dispatch(frame);
}

/** @param {import("../core/call_frames.js").Frame} frame */
function dispatch(frame) {
  if (frame.type === "clear") playback?.postMessage(frame);
  if (frame.type === "status" && frame.status !== "speaking") playback?.postMessage({ type: "answer_over" });
  if (frame.type === "resumed") playback?.postMessage({ type: "go_on", samples: frame.played_samples });
  if (frame.type === "started") ({ call, key = "" } = frame);
  if (frame.type === "started" || frame.type === "resumed") tries = lostAt = 0;
  if (frame.type === "ended" || (frame.type === "refused" && (!call || lostAt))) isOver = true;
  self.postMessage({ type: "frame", frame });
}

/** The socket is gone: the same call again, or the end. */
function lost() {
  socket = null;
  stalledAt = 0;
  if (isOver) return;
  lostAt ||= performance.now();
  const delay = call && key ? nextDelayMs(tries, performance.now() - lostAt) : null;
  if (delay === null) {
    isOver = true;
    self.postMessage({ type: "gone" });
    return;
  }
  if (tries === 0) {
    // What is not reported as heard is sent again: it shall not be heard twice.
    playback?.postMessage({ type: "hush" });
    self.postMessage({ type: "lost" });
  }
  tries += 1;
  waiting = setTimeout(connect, delay);
}

/** Take an open socket for lost; it could take long to close. */
function abandon() {
  if (socket?.readyState !== WebSocket.OPEN || isOver) return;
  const dead = socket;
  lost();
  dead.close();
}

/** @param {import("../core/call_frames.js").Frame} frame */
function send(frame) {
  if (socket?.readyState === WebSocket.OPEN && (call || frame.type === "hang_up")) socket.send(encodeFrame(frame));
  if (frame.type === "hang_up" && !call) isOver = true;
}

/** @param {ArrayBuffer} sound */
function sendSound(sound) {
  if (!socket || socket.readyState !== WebSocket.OPEN || !call || lostAt) return;
  if (socket.bufferedAmount > MAX_BUFFERED_BYTES) {
    droppedMs += FRAME_MS;
    stalledAt ||= performance.now();
    if (performance.now() - stalledAt > STALLED_MS) abandon();
    return;
  }
  stalledAt = 0;
  if (droppedMs) send({ type: "dropped", ms: droppedMs });
  droppedMs = 0;
  socket.send(sound);
}
