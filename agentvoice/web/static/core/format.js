/** Money, durations and times as people read them. */

/**
 * Money below a cent keeps two digits that say something: "$0.0012"; nothing is "$0.00".
 * @param {string | number} usd
 */
export function formatMoney(usd) {
  const value = Number(usd);
  if (!Number.isFinite(value)) return "–";
  if (value === 0 || Math.abs(value) >= 0.1) return `$${value.toFixed(2)}`;
  const digits = Math.min(6, 1 - Math.floor(Math.log10(Math.abs(value))));
  return `$${value.toFixed(Math.max(2, digits))}`;
}

/** Seconds as 0:07, 12:05 or 1:02:03. @param {number} seconds */
export function formatDuration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 60) % 60, whole % 60];
  const hours = Math.floor(whole / 3600);
  if (!hours) return `${parts[0]}:${two(parts[1])}`;
  return `${hours}:${two(parts[0])}:${two(parts[1])}`;
}

/** @param {number} value */
function two(value) {
  return String(value).padStart(2, "0");
}

/** Latency: 840 ms, 1.2 s. @param {number} ms */
export function formatLatency(ms) {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** A time of a document (ISO 8601) in the reader's own time. @param {string | null} iso */
export function formatTime(iso) {
  if (!iso) return "–";
  return new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/** The start of an id or key, to tell things apart. @param {string} id */
export function shorten(id) {
  return id.length > 20 ? `${id.slice(0, 12)}…${id.slice(-4)}` : id;
}

/** @param {number} count @param {string} noun */
export function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
