/** What the daemon tells as it happens: the event stream of the API. */

const STREAM = "/api/v1/events";
/** A stream that was refused is asked for again after so long; one that was lost the browser takes up by itself. */
const AGAIN_MS = 5000;

/**
 * Run `look` at each piece of news of a call or its thread, and whenever the stream begins or is refused:
 * what changed before that was not told. Nobody looks at a hidden page, and a browser has few connections
 * for all its tabs, so there the stream rests. Returns what ends it.
 * @param {string} id @param {() => void} look
 */
export function watchCall(id, look) {
  /** @type {EventSource | null} */
  let stream = null;
  let timer = 0;
  const hear = (/** @type {MessageEvent} */ event) => {
    const news = JSON.parse(event.data);
    if ((news.call ?? news.id) === id) look();
  };
  const stop = () => {
    clearTimeout(timer);
    stream?.close();
    stream = null;
  };
  const start = () => {
    stop();
    if (document.hidden) return;
    const opened = new EventSource(STREAM);
    stream = opened;
    opened.onopen = look;
    opened.addEventListener("call", hear);
    opened.addEventListener("publication", hear);
    opened.addEventListener("lost", look);
    opened.onerror = () => {
      if (opened.readyState !== EventSource.CLOSED) return;
      look();
      timer = setTimeout(start, AGAIN_MS);
    };
  };
  document.addEventListener("visibilitychange", start);
  start();
  return () => {
    document.removeEventListener("visibilitychange", start);
    stop();
  };
}
