import assert from "node:assert/strict";
import { test } from "node:test";
import { HistoryLog } from "../history_log.js";
import { bucketsOf, dayStarts, groupsOf, nextVersion, placeLabels, playMs } from "../history_shape.js";

const MINUTE = 60_000;
const authors = {
  a1: { person: "ada", name: "Ada", color: 1 },
  a2: { person: "ada", name: "Ada L.", color: 1 },
  l: { person: "lin", name: "Lin", color: 2 },
};

/** @param {[string, number, import("../operation.js").Operation][]} entries */
function logOf(entries) {
  const log = new HistoryLog(0, "");
  log.append({ from: 0, entries, authors });
  return log;
}

/** @param {number} revision @param {string} name */
const named = (revision, name) => ({ revision, name, person: "ada", time_ms: 0 });

test("a clock that is set back breaks no version and no order", () => {
  const log = logOf([
    ["a1", 60 * MINUTE, ["a"]],
    ["a1", 59 * MINUTE, ["b"]],
    ["a1", 2 * MINUTE, ["c"]],
    ["a1", 3 * MINUTE, ["d"]],
    ["a1", 90 * MINUTE, ["e"]],
  ]);
  const groups = groupsOf(log, []).map(({ from, to, fromMs, toMs }) => [from, to, fromMs, toMs]);
  assert.deepEqual(groups, [
    [1, 4, 60 * MINUTE, 60 * MINUTE],
    [5, 5, 90 * MINUTE, 90 * MINUTE],
  ]);
  assert.equal(bucketsOf(log).length, 5);
});

test("a version ends with ten quiet minutes and at a name, which is one by itself", () => {
  const log = logOf([
    ["a1", 0, ["ab"]],
    ["l", MINUTE, [-1]],
    ["a2", 2 * MINUTE, ["c"]],
    ["l", 3 * MINUTE, ["d"]],
    ["l", 13 * MINUTE, ["e"]],
    ["l", 22 * MINUTE, ["😀"]],
  ]);
  const groups = groupsOf(log, [named(3, "Draft")]).map((group) => ({
    ...group,
    authors: group.authors.map(({ name }) => name),
  }));
  const all = { name: null, inserted: 1, deleted: 0, authors: ["Lin"] };
  assert.deepEqual(groups, [
    { ...all, from: 1, to: 2, fromMs: 0, toMs: MINUTE, inserted: 2, deleted: 1, authors: ["Ada", "Lin"] },
    { ...all, from: 3, to: 3, fromMs: 2 * MINUTE, toMs: 2 * MINUTE, name: "Draft", authors: ["Ada L."] },
    { ...all, from: 4, to: 4, fromMs: 3 * MINUTE, toMs: 3 * MINUTE },
    { ...all, from: 5, to: 6, fromMs: 13 * MINUTE, toMs: 22 * MINUTE, inserted: 2 },
  ]);
});

test("the next version and the last one are the ends of groups", () => {
  const log = logOf([0, 1, 20, 21, 40].map((at) => ["l", at * MINUTE, ["x"]]));
  const groups = groupsOf(log, []);
  assert.deepEqual(groups.map(({ to }) => to), [2, 4, 5]);
  assert.equal(nextVersion(groups, 2, 1), 4);
  assert.equal(nextVersion(groups, 3, 1), 4);
  assert.equal(nextVersion(groups, 3, -1), 2);
  assert.equal(nextVersion(groups, 5, 1), 5);
  assert.equal(nextVersion(groups, 1, -1), 1);
});

test("128 bars by revision, each with the part of each person; busy ones are higher", () => {
  /** @type {[string, number, import("../operation.js").Operation][]} */
  const entries = [];
  for (let index = 0; index < 256; index += 1)
    entries.push([index % 2 ? "l" : "a1", index * (index < 128 ? 1_000 : 4_000), ["x"]]);
  const buckets = bucketsOf(logOf(entries));
  assert.equal(buckets.length, 128);
  assert.deepEqual([...buckets[5].keys()], [1, 2]);
  assert.equal(buckets[5].get(1), 30);
  assert.ok((buckets[5].get(1) ?? 0) > (buckets[100].get(1) ?? 0));
});

test("a short log has a bar for each revision, an empty one none", () => {
  assert.equal(bucketsOf(logOf([["l", 0, ["x"]], ["l", 9, ["y"]]])).length, 2);
  assert.deepEqual(bucketsOf(logOf([])), []);
  assert.deepEqual(groupsOf(logOf([]), []), []);
});

test("days begin at their first revision", () => {
  const noon = new Date(2026, 9, 6, 12).getTime();
  const log = logOf([0, 1, 24 * 60, 24 * 60 + 1, 72 * 60].map((at) => ["l", noon + at * MINUTE, ["x"]]));
  assert.deepEqual(dayStarts(log), [3, 5]);
});

test("quiet time is cut short, the rest is played at its speed", () => {
  assert.equal(playMs(1_600, { speed: 8, skipQuiet: true }), 200);
  assert.equal(playMs(60_000, { speed: 8, skipQuiet: true }), 300);
  assert.equal(playMs(60_000, { speed: 8, skipQuiet: false }), 7_500);
  assert.equal(playMs(3_000, { speed: 128, skipQuiet: true }), 3_000 / 128);
  assert.equal(playMs(-5, { speed: 1, skipQuiet: true }), 0);
});

test("labels keep their distance; earlier ones have the better place", () => {
  const room = { from: 0, to: 400, gap: 10 };
  const label = (/** @type {number} */ at) => ({ at, width: 80 });
  const lefts = placeLabels([label(0), label(400), label(200), label(230), label(210)], room);
  assert.deepEqual(lefts.map(({ left }) => left), [0, 320, 160]);
  assert.deepEqual(placeLabels([label(400), label(300)], room).map(({ left }) => left), [320, 220]);
  assert.deepEqual(placeLabels([label(20)], { ...room, to: 50 }), []);
});
