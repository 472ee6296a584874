import assert from "node:assert/strict";
import { test } from "node:test";
import { mergeCarets, phaseAfter, phaseOf, placeFlag } from "../flags.js";

const box = { right: 1000, top: 0 };
const caret = { left: 400, top: 100, bottom: 121 };

test("at the end of a line the flag stands beside the caret", () => {
  assert.deepEqual(placeFlag({ caret, atLineEnd: true, own: null, width: 40, box }), {
    place: "beside",
    shift: 0,
  });
});

test("in the middle of a line it stands above, so that no text of the line is covered", () => {
  assert.deepEqual(placeFlag({ caret, atLineEnd: false, own: null, width: 40, box }), {
    place: "above",
    shift: 0,
  });
});

test("it stands below where it would cover the line that one is writing", () => {
  const own = { top: 71, bottom: 92 };
  assert.equal(placeFlag({ caret, atLineEnd: false, own, width: 40, box }).place, "below");
});

test("one's own caret on the same line, or two lines above, does not matter", () => {
  for (const own of [
    { top: 100, bottom: 121 },
    { top: 42, bottom: 63 },
    { top: 129, bottom: 150 },
  ]) {
    assert.equal(placeFlag({ caret, atLineEnd: false, own, width: 40, box }).place, "above");
  }
});

test("at the right edge it moves inside the text", () => {
  const near = { ...caret, left: 980 };
  assert.deepEqual(placeFlag({ caret: near, atLineEnd: true, own: null, width: 60, box }), {
    place: "above",
    shift: -40,
  });
});

test("over the first line there is no room, so it stands below", () => {
  const first = { left: 10, top: 4, bottom: 25 };
  assert.equal(
    placeFlag({ caret: first, atLineEnd: false, own: null, width: 60, box }).place,
    "below",
  );
});

test("flags go after 3 s, the dot comes after 10 s, idle is 5 min", () => {
  assert.deepEqual([0, 2_999, 3_000, 9_999, 10_000, 299_999, 300_000].map(phaseOf), [
    "active",
    "active",
    "still",
    "still",
    "quiet",
    "quiet",
    "idle",
  ]);
  assert.equal(phaseAfter(1_000), 2_000);
  assert.equal(phaseAfter(300_000), Infinity);
});

test("only who moved is active: a caret that is where the text carried it is not", () => {
  /** @type {[number, number][]} */
  const here = [[5, 5]];
  /** @type {[number, number][]} */
  const there = [[6, 6]];
  const ada = { session: "a", name: "Ada", color: 1, typing: false };
  const lin = { session: "l", name: "Lin", color: 2, typing: false };
  const before = [
    { ...ada, selections: here, activeAt: 10 },
    { ...lin, selections: here, activeAt: 10 },
  ];
  const after = mergeCarets(
    before,
    [
      { ...ada, selections: here },
      { ...lin, selections: there },
    ],
    99,
  );
  assert.deepEqual(
    after.map(({ activeAt }) => activeAt),
    [10, 99],
  );
  assert.deepEqual(
    mergeCarets(after, [{ ...lin, selections: there }], 120).map(({ session }) => session),
    ["l"],
  );
});
