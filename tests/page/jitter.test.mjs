import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { JitterDepth } from "../../agentvoice/web/static/core/jitter.js";

const { vectors } = JSON.parse(readFileSync(new URL("../vectors/jitter.json", import.meta.url), "utf8"));

for (const { name, answers, depths, waits } of vectors) {
  test(`depths and waits are those of the daemon's rule: ${name}`, () => {
    const rule = new JitterDepth();
    const got = { depths: [], waits: [] };
    for (const pieces of answers) {
      rule.beginAnswer();
      for (const [at, duration] of pieces) {
        got.depths.push(rule.arrived(at, duration));
        got.waits.push(rule.waitMs);
      }
    }
    assert.deepEqual(got.depths, depths);
    assert.deepEqual(got.waits, waits);
  });
}

test("there are vectors", () => assert.ok(vectors.length > 5));
