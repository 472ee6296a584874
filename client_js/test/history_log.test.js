import assert from "node:assert/strict";
import { test } from "node:test";
import { HistoryLog } from "../history_log.js";
import { apply, codePoints, invert } from "../operation.js";
import { Random } from "./random.js";

const NAMES = ["ada", "lin", "noor"];

/** @typedef {import("../attribution.js").LogEntry} LogEntry */

/**
 * A log of random edits, each text, and who wrote each of its letters.
 * @param {number} seed @param {number} count
 */
function written(seed, count) {
  const random = new Random(seed);
  /** @type {LogEntry[]} */
  const entries = [];
  const texts = [""];
  /** @type {string[][]} */
  const owners = [[]];
  let timeMs = 0;
  for (let revision = 1; revision <= count; revision += 1) {
    const session = NAMES[random.below(3)];
    const before = texts[revision - 1];
    const length = codePoints(before);
    const at = random.below(length + 1);
    const deleted = random.below(5) < 2 ? Math.min(random.below(4), length - at) : 0;
    const text = deleted > 0 && random.below(2) === 0 ? "" : ["a", "bc", "😀", "\n"][random.below(4)];
    const op = [...(at > 0 ? [at] : []), ...(deleted ? [-deleted] : []), ...(text ? [text] : [])];
    const after = [...owners[revision - 1]];
    after.splice(at, deleted, ...[...text].map(() => session));
    timeMs += random.below(3) * 1_500;
    entries.push([session, timeMs, op]);
    texts.push(apply(before, op));
    owners.push(after);
  }
  return { entries, texts, owners };
}

const authors = Object.fromEntries(
  NAMES.map((name, index) => [name, { person: name, name, color: index + 1 }]),
);

/** @param {import("../attribution.js").Run[]} runs */
function letters(runs) {
  return runs.flatMap(({ length, session }) => Array(length).fill(session));
}

test("any revision has the text and the authors that it had", () => {
  const { entries, texts, owners } = written(1, 1_500);
  const log = new HistoryLog(0, "");
  log.append({ from: 0, entries, authors });
  for (const prepared of [false, true]) {
    if (prepared) for (const _ of log.prepare());
    for (const revision of [0, 1, 255, 256, 257, 700, 1_024, 1_499, 1_500]) {
      const at = log.at(revision);
      assert.equal(at.text, texts[revision]);
      assert.deepEqual(letters(at.runs), owners[revision], `revision ${revision}`);
    }
  }
});

test("pages come from the newest to the oldest; authors are known when all are there", () => {
  const { entries, texts, owners } = written(2, 1_200);
  const log = new HistoryLog(800, texts[800]);
  log.append({ from: 800, entries: entries.slice(800), authors });
  for (const _ of log.prepare());
  assert.equal(log.at(1_000).text, texts[1_000]);
  assert.deepEqual(new Set(letters(log.at(800).runs)), new Set([null]));
  log.prepend({ from: 300, entries: entries.slice(300, 800), authors }, texts[300]);
  log.prepend({ from: 0, entries: entries.slice(0, 300), authors }, "");
  for (const _ of log.prepare());
  for (let revision = 0; revision <= 1_200; revision += 97) {
    assert.equal(log.at(revision).text, texts[revision]);
    assert.deepEqual(letters(log.at(revision).runs), owners[revision], `revision ${revision}`);
  }
});

test("an answer that repeats what is there adds only what is new", () => {
  const { entries, texts } = written(3, 50);
  const log = new HistoryLog(0, "");
  log.append({ from: 0, entries: entries.slice(0, 30), authors });
  log.append({ from: 20, entries: entries.slice(20), authors });
  log.append({ from: 20, entries: entries.slice(20, 30), authors });
  assert.equal(log.head, 50);
  assert.equal(log.at(50).text, texts[50]);
});

test("an operation leads from one text to another, both ways, unless they are far apart", () => {
  const { entries, texts } = written(4, 2_200);
  const log = new HistoryLog(0, "");
  log.append({ from: 0, entries, authors });
  const [older, newer] = [log.at(90), log.at(140)];
  assert.equal(apply(older.text, log.operation(older, newer) ?? []), texts[140]);
  assert.equal(apply(newer.text, log.operation(newer, older) ?? []), texts[90]);
  assert.equal(log.operation(log.at(0), log.at(2_200)), null);
});

test("the last change is all that its author did without a pause", () => {
  const log = new HistoryLog(0, "");
  /** @type {LogEntry[]} */
  const entries = [
    ["ada", 0, ["old text"]],
    ["ada", 10_000, [5, -2]],
    ["ada", 11_000, [4, "n"]],
    ["lin", 11_100, ["L"]],
    ["ada", 11_200, [7, "e"]],
  ];
  log.append({ from: 0, entries, authors });
  const kinds = (/** @type {number} */ revision) =>
    log.lastChange(revision).map(({ kind, text }) => `${kind} ${text}`);
  assert.deepEqual(kinds(3), ["keep old ", "insert n", "keep t", "delete ex", "keep t"]);
  assert.deepEqual(kinds(4), ["insert L", "keep old ntt"]);
  assert.deepEqual(kinds(5), ["keep Lold nt", "insert e", "keep t"]);
  assert.deepEqual(log.lastChange(0), []);
});

test("heavy checkpoints are thinned out, and every text is still right", () => {
  const long = "x".repeat(400_000);
  /** @type {LogEntry[]} */
  const entries = [["ada", 0, [long]]];
  let text = long;
  for (let revision = 2; revision <= 30_000; revision += 1) entries.push(["lin", revision, ["y"]]);
  const log = new HistoryLog(0, "");
  log.append({ from: 0, entries, authors });
  for (const _ of log.prepare());
  text = "y".repeat(24_999) + long;
  assert.equal(log.at(25_000).text, text);
  assert.deepEqual(log.at(25_000).runs, [
    { length: 24_999, session: "lin" },
    { length: 400_000, session: "ada" },
  ]);
  assert.deepEqual(invert(log.operation(log.at(25_000), log.at(25_001)) ?? [], text), [-1]);
});

test("a clock that was set back shows no time before an earlier one, whatever page comes first", () => {
  /** @param {number[]} times @returns {LogEntry[]} */
  const at = (...times) => times.map((timeMs) => ["ada", timeMs, ["x"]]);
  const log = new HistoryLog(3, "xxx");
  log.append({ from: 3, entries: at(40, 20), authors: {} });
  log.prepend({ from: 0, entries: at(10, 70, 60), authors: {} }, "");
  log.append({ from: 5, entries: at(30, 80), authors: {} });
  assert.deepEqual(log.entries.map(([, timeMs]) => timeMs), [10, 70, 70, 70, 70, 70, 80]);
});
