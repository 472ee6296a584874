import assert from "node:assert/strict";
import { test } from "node:test";
import { askAll } from "../pad_status.js";

test("every pad is asked for once, and never more than four at a time", async () => {
  const ids = Array.from({ length: 11 }, (_, index) => `pad-${index}`);
  let open = 0;
  let most = 0;
  /** @type {string[]} */
  const answered = [];
  await askAll(
    ids,
    (id) => answered.push(id),
    async () => {
      most = Math.max(most, ++open);
      await new Promise((resolve) => setImmediate(resolve));
      open--;
      return { state: "gone", status: null };
    },
  );
  assert.deepEqual(answered.sort(), [...ids].sort());
  assert.equal(most, 4);
});
