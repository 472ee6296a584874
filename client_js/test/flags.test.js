import assert from "node:assert/strict";
import { test } from "node:test";
import { flagBearers, flagBox, mergeCarets, overlap, phaseAfter, phaseOf, placeFlag } from "../flags.js";

const box = { left: 0, right: 1000, top: 0 };
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

/** @param {string} session @param {number} at @param {number} [typedAt] */
function given(session, at, typedAt = -Infinity) {
  /** @type {[number, number][]} */
  const selections = [[at, at]];
  return { session, name: session, color: 1, selections, typedAt };
}

test("only who moved is active: a caret that is where the text carried it is not", () => {
  const before = mergeCarets([], [given("ada", 5), given("lin", 5)], 10);
  const after = mergeCarets(before, [given("ada", 5), given("lin", 6)], 99);
  assert.deepEqual(after.map(({ activeAt }) => activeAt), [10, 99]);
});

test("who types on without moving the caret, as with Delete, is active", () => {
  const before = mergeCarets([], [given("ada", 5)], 10);
  assert.equal(mergeCarets(before, [given("ada", 5, 70)], 99)[0].activeAt, 70);
});

test("who leaves is kept for as long as a reload takes, and comes back as they were", () => {
  const before = mergeCarets([], [given("ada", 5)], 10);
  const left = mergeCarets(before, [], 1_000);
  assert.equal(left[0].leftAt, 1_000);
  assert.equal(mergeCarets(left, [], 3_000)[0].leftAt, 1_000);
  assert.deepEqual(mergeCarets(left, [], 6_000), []);
  const [back] = mergeCarets(left, [given("ada", 5)], 4_000);
  assert.deepEqual([back.leftAt, back.activeAt], [null, 10]);
});

test("in a crowd five who type have flags, and keep them while they type", () => {
  const crowd = Array.from({ length: 30 }, (_, i) => given(`p${i}`, i, i < 6 ? 100 + i : -Infinity));
  const carets = mergeCarets([], crowd, 200);
  const first = flagBearers(carets, new Set(), 200);
  assert.deepEqual([...first].sort(), ["p1", "p2", "p3", "p4", "p5"]);
  const typing = mergeCarets(carets, [...crowd.slice(1), given("p0", 50, 900)], 900);
  assert.deepEqual(flagBearers(typing, first, 900), first);
  assert.ok(flagBearers(typing, first, 3_500).has("p0"));
  assert.equal(flagBearers(carets.slice(0, 19), new Set(), 200).size, 19);
});

test("flags in one place overlap, beside each other they do not", () => {
  const beside = flagBox(caret, { place: "beside", shift: 0 }, 40);
  assert.deepEqual([beside.left, beside.right], [408, 448]);
  assert.ok(overlap(beside, { ...beside, left: 440, right: 480 }));
  assert.ok(!overlap(beside, { ...beside, left: 448, right: 480 }));
});
