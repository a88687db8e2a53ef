/** The transcript of a call: items by position, later news of an item in the place of earlier. */

/** @typedef {import("./call_frames.js").Item} Item */

/**
 * A line of the transcript as it is read.
 * @typedef {object} Line
 * @property {string} id
 * @property {"user" | "agent" | "note"} side
 * @property {string} agent slug of the speaker, or of the one spoken to
 * @property {string} text
 * @property {string} cut how much of it was heard, "" if it was not cut
 * @property {boolean} isFinal
 */

/** Where an item stands among the items of a call. @param {Item[]} items @param {Item} item */
export function mergeItem(items, item) {
  const merged = items.filter((one) => one.id !== item.id);
  const at = merged.findIndex((one) => one.position > item.position);
  merged.splice(at < 0 ? merged.length : at, 0, item);
  return merged;
}

/**
 * Return the lines to show; `nameOf` gives an agent's name.
 * @param {Item[]} items @param {(slug: string) => string} nameOf
 * @returns {Line[]}
 */
export function buildLines(items, nameOf) {
  return items.map((item) => buildLine(item, nameOf)).filter((line) => line !== null);
}

/** @param {Item} item @param {(slug: string) => string} nameOf @returns {Line | null} */
function buildLine(item, nameOf) {
  const isFinal = item.status !== "in_progress";
  const line = { id: item.id, agent: item.agent, text: item.text, cut: "", isFinal };
  switch (item.kind) {
    case "message":
      if (!item.text && isFinal && item.status !== "interrupted") return null;
      return { ...line, side: item.role === "user" ? "user" : "agent", cut: cutText(item) };
    case "handover": {
      const [from, to] = item.text.split(" -> ");
      return { ...line, side: "note", text: `${nameOf(from)} handed over to ${nameOf(to ?? "")}` };
    }
    case "notice":
      return { ...line, side: "note" };
    case "tool_call":
      return noteOfTool(line, toolName(item), nameOf(item.agent));
    default:
      return null; // results are between the agent and its tool
  }
}

/**
 * A tool that was used; a handover has an item of its own.
 * @param {Omit<Line, "side">} line @param {string} tool @param {string} who
 * @returns {Line | null}
 */
function noteOfTool(line, tool, who) {
  if (tool.startsWith("transfer_to_")) return null;
  return { ...line, side: "note", text: tool === "end_call" ? `${who} ended the call` : `${who} used ${tool}` };
}

/** Over the socket a tool is `tool_name`, in documents `tool`. @param {Item & {tool?: string | null}} item */
function toolName(item) {
  return item.tool_name || item.tool || "a tool";
}

/** @param {Item} item */
function cutText(item) {
  if (item.status === "failed") return "not finished";
  if (item.status !== "interrupted") return "";
  return item.heard_ms === null ? "cut off" : `cut off after ${(item.heard_ms / 1000).toFixed(1)} s`;
}

/** The transcript as plain text, for the clipboard. @param {Line[]} lines @param {(slug: string) => string} nameOf */
export function transcriptText(lines, nameOf) {
  return lines
    .map((line) => {
      if (line.side === "note") return `(${line.text})`;
      const who = line.side === "user" ? "You" : nameOf(line.agent);
      return `${who}: ${line.text}${line.cut ? ` [${line.cut}]` : ""}`;
    })
    .join("\n");
}
