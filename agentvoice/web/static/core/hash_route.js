/** Routes of the page stand behind the #: nothing of them is sent to the server. */

/** First segment: how many parameters it takes. @type {Record<string, number>} */
const ROUTES = { start: 0, call: 0, calls: 1, history: 0, agents: 1, projects: 1, review: 1, sound: 0, "sign-in": 0 };

/** Slugs and ids of calls. Anything else would lead a link's request to another address of the API. */
const ID = /^[\w-]*$/;

/**
 * Return the view's name and parameters; what is not known is the start.
 * @param {string} hash
 * @returns {{name: string, id: string}}
 */
export function parseRoute(hash) {
  const [name, ...rest] = hash.replace(/^#?\/?/, "").split("/");
  if (!Object.hasOwn(ROUTES, name) || rest.length > ROUTES[name]) return { name: "start", id: "" };
  const id = rest[0] ?? "";
  return ID.test(id) ? { name, id } : { name: "start", id: "" };
}

/** @param {string} name @param {string} [id] */
export function hrefOf(name, id = "") {
  return `#/${name}${id ? `/${encodeURIComponent(id)}` : ""}`;
}
