/** Fields of a form, and how they read and write a document. */

/**
 * A field. `path` names it in the document, `kind` how it is typed: a line, a text, words with commas between,
 * words one a line, one of some `choices` (value, words for it), or money, which may be none.
 * @typedef {{path: string, label: string, kind: "line" | "text" | "list" | "lines" | "choice" | "money",
 *   hint?: string, isNeeded?: boolean, choices?: [string, string][]}} Field
 */

/** What stands between the words of a list. @type {Record<string, string>} */
const BETWEEN = { list: ",", lines: "\n" };

/** The text of a field. @param {any} shown @param {Field} field @returns {string} */
export function readField(shown, { path, kind }) {
  const value = path.split(".").reduce((part, name) => part?.[name], shown);
  return kind in BETWEEN ? (value ?? []).join(kind === "list" ? ", " : "\n") : value ?? "";
}

/** The document with another text in a field; what was given is left as it is. @param {any} shown @param {Field} field @param {string} text */
export function writeField(shown, { path, kind }, text) {
  const [name, inner] = path.split(".");
  const value = meaningOf(kind, text);
  return { ...shown, [name]: inner ? { ...shown[name], [inner]: value } : value };
}

/** @param {Field["kind"]} kind @param {string} text */
function meaningOf(kind, text) {
  if (kind in BETWEEN) return text.split(BETWEEN[kind]).map((word) => word.trim()).filter(Boolean);
  return kind === "money" ? text.trim() || null : text;
}
