/**
 * The call socket's wire format (docs/reference/call-socket.md): JSON text frames for control,
 * binary frames for sound, 24 kHz mono PCM16 little endian, both ways.
 */

/**
 * @typedef {object} Item
 * @property {string} id
 * @property {number} position
 * @property {"message" | "tool_call" | "tool_result" | "handover" | "notice"} kind
 * @property {"user" | "agent" | "system" | "tool"} role
 * @property {string} agent
 * @property {string} text
 * @property {"in_progress" | "completed" | "interrupted" | "failed"} status
 * @property {number | null} heard_ms
 * @property {number} started_at
 * @property {number} completed_at
 * @property {string} tool_name
 */

/** @typedef {{type: string, [field: string]: any}} Frame */

export const RATE_HZ = 24000;
export const FRAME_MS = 20;
export const FRAME_SAMPLES = (RATE_HZ * FRAME_MS) / 1000;

/** The fields of each frame of the daemon, with what each has to be. @type {Record<string, Record<string, string>>} */
const DAEMON_FRAMES = {
  started: { call: "string", key: "string?" },
  resumed: { call: "string", played_samples: "number" },
  clear: {},
  status: { status: "string" },
  item: { item: "object" },
  agent: { slug: "string", name: "string" },
  turn_timed: { agent: "string", voice_to_voice_ms: "number" },
  handover_timed: { from_agent: "string", to_agent: "string", duration_ms: "number" },
  publishing: { policy: "string", relays: "object", refused: "boolean" },
  spent: { cost_usd: "string", is_estimate: "boolean", elapsed_s: "number" },
  warned: { message: "string" },
  ended: { call: "string", reason: "string", error: "string?" },
  refused: { message: "string", exit_code: "number?" },
};

/** What the page may say, with the fields of each. @type {Record<string, Record<string, string>>} */
const CLIENT_FRAMES = {
  start: { agent: "string", project: "string?", engine: "string?", transport: "string?" },
  resume: { call: "string", key: "string", lost_ms: "number" },
  text: { text: "string" },
  played: { samples: "number" },
  cleared: { samples: "number" },
  playout: { depth_ms: "number", underruns: "number" },
  dropped: { ms: "number" },
  interrupt: {},
  turn_ended: {},
  switch: { agent: "string" },
  do_not_publish: {},
  hang_up: {},
};

/** The frame was not one. */
export class FrameError extends Error {}

/**
 * Return a frame as JSON text; throws FrameError for a frame that the daemon would refuse.
 * @param {Frame} frame
 */
export function encodeFrame(frame) {
  check(frame, CLIENT_FRAMES);
  return JSON.stringify(frame);
}

/**
 * Return a daemon's frame, or null for a type that is newer than this page.
 * Throws FrameError naming what is wrong.
 * @param {string} text
 * @returns {Frame | null}
 */
export function decodeFrame(text) {
  let frame;
  try {
    frame = JSON.parse(text);
  } catch {
    throw new FrameError(`call socket: got ${text.slice(0, 40)}, want a JSON object`);
  }
  if (typeof frame?.type !== "string") throw new FrameError("call socket: got a frame without a type");
  if (!Object.hasOwn(DAEMON_FRAMES, frame.type)) return null;
  check(frame, DAEMON_FRAMES);
  return frame;
}

/** @param {Frame} frame @param {Record<string, Record<string, string>>} table */
function check(frame, table) {
  const fields = Object.hasOwn(table, frame.type) ? table[frame.type] : undefined;
  if (!fields) throw new FrameError(`call socket: got type ${frame.type}, want one of ${Object.keys(table).join(", ")}`);
  for (const [name, wanted] of Object.entries(fields)) {
    const value = frame[name];
    if (value === undefined && wanted.endsWith("?")) continue;
    const got = value === null ? "null" : typeof value;
    if (got !== wanted.replace("?", "")) {
      throw new FrameError(`call socket: ${frame.type}.${name}: got ${got}, want ${wanted.replace("?", "")}`);
    }
  }
}

/**
 * Return samples in [-1, 1] as PCM16; what is louder is clipped.
 * @param {Float32Array} samples
 */
export function encodeSound(samples) {
  const view = new DataView(new ArrayBuffer(samples.length * 2));
  for (let i = 0; i < samples.length; i++) {
    const value = Math.max(-1, Math.min(1, samples[i]));
    view.setInt16(i * 2, Math.round(value * (value < 0 ? 32768 : 32767)), true);
  }
  return view.buffer;
}

/**
 * Return PCM16 as samples in [-1, 1); throws FrameError for half a sample.
 * @param {ArrayBuffer} data
 */
export function decodeSound(data) {
  if (data.byteLength % 2) throw new FrameError(`call socket: got ${data.byteLength} bytes of sound, want whole samples`);
  const view = new DataView(data);
  const samples = new Float32Array(data.byteLength / 2);
  for (let i = 0; i < samples.length; i++) samples[i] = view.getInt16(i * 2, true) / 32768;
  return samples;
}
