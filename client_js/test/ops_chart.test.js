/** What the charts of the operations page are computed with. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { apart, linePath, roundTop } from "../ops_chart.js";

test("a line is interrupted where nothing was measured", () => {
  assert.equal(linePath([[0, 5], [1, 6], [2, null], [3, 7]]), "M0.0 5.0h0L1.0 6.0M3.0 7.0h0");
  assert.equal(linePath([]), "");
});

test("labels at the same height do not overlap and stay inside", () => {
  assert.deepEqual(apart([10, 10, 10], 100), [10, 26, 42]);
  assert.deepEqual(apart([96, 98, 99], 100), [68, 84, 100]);
  assert.deepEqual(apart([0, 40, 80], 100), [0, 40, 80]);
});

test("the axis ends at a round number that holds the highest point", () => {
  assert.equal(roundTop(55), 80);
  assert.equal(roundTop(80), 80);
  assert.equal(roundTop(81), 200);
  assert.equal(roundTop(9_300), 20_000);
  assert.equal(roundTop(0.2), 4);
});
