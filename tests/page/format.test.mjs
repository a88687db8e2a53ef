import assert from "node:assert/strict";
import { test } from "node:test";
import {
  formatDuration, formatLatency, formatMoney, formatTime, plural, shorten,
} from "../../agentvoice/web/static/core/format.js";
import { hrefOf, parseRoute } from "../../agentvoice/web/static/core/hash_route.js";

for (const [usd, text] of [
  ["0.00", "$0.00"], ["0.0123", "$0.012"], ["0.00004567", "$0.000046"], ["1.5", "$1.50"], ["12.345", "$12.35"],
  ["0.1", "$0.10"], ["-0.5", "$-0.50"], ["0.0000000001", "$0.000000"], ["much", "–"],
]) {
  test(`money: ${usd}`, () => assert.equal(formatMoney(usd), text));
}

for (const [seconds, text] of [[0, "0:00"], [7.9, "0:07"], [725, "12:05"], [3723, "1:02:03"], [-1, "0:00"]]) {
  test(`duration: ${seconds}`, () => assert.equal(formatDuration(seconds), text));
}

test("latency, times, ids and counts", () => {
  assert.deepEqual([839.6, 1234].map(formatLatency), ["840 ms", "1.2 s"]);
  assert.equal(formatTime(null), "–");
  assert.match(formatTime("2026-11-25T08:30:00.000Z"), /2026/);
  assert.equal(shorten("short"), "short");
  assert.equal(shorten("0123456789abcdef0123456789abcdef"), "0123456789ab…cdef");
  assert.deepEqual([plural(1, "call"), plural(2, "call")], ["1 call", "2 calls"]);
});

test("routes are read back as they are written, and what is unknown is the start", () => {
  for (const [name, id] of [["start", ""], ["calls", "01ab"], ["agents", "our_max-2"], ["agents", "new"]]) {
    assert.deepEqual(parseRoute(hrefOf(name, id)), { name, id });
  }
  for (const hash of ["", "#", "#/nowhere", "#/history/7", "#/calls/%zz", "#/constructor",
    "#/agents/..%2f..%2fme", "#/review/a%3Fb", "#/calls/a b", "#/agents/.."]) {
    assert.deepEqual(parseRoute(hash), { name: "start", id: "" });
  }
});
