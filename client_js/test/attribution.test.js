/**
 * The fold of a range of the log, against the texts that the range leads to.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { attribute, changes } from "../attribution.js";
import { apply, codePoints } from "../operation.js";
import { forSeeds } from "./random.js";

/** @typedef {import("../attribution.js").LogEntry} LogEntry */

/** @param {import("./random.js").Random} random @param {string} text */
function randomEntries(random, text) {
  /** @type {LogEntry[]} */
  const entries = [];
  for (let count = random.below(12); count > 0; count--) {
    const op = random.operation(text);
    entries.push([random.pick(["ada", "lin", "noor"]), entries.length, op]);
    text = apply(text, op);
  }
  return { entries, after: text };
}

/** @param {import("../attribution.js").Change[]} list @param {"insert" | "delete"} without */
function textOf(list, without) {
  return list.map(({ kind, text }) => (kind === without ? "" : text)).join("");
}

test("what is kept and deleted is the old text, what is kept and inserted the new one", () => {
  forSeeds(500, (random) => {
    const before = random.text(12);
    const { entries, after } = randomEntries(random, before);

    const list = changes(before, entries);

    assert.equal(textOf(list, "insert"), before);
    assert.equal(textOf(list, "delete"), after);
    for (const { length, text } of list) assert.equal(codePoints(text), length);
  });
});

test("each letter of the new text belongs to who inserted it", () => {
  forSeeds(500, (random) => {
    const before = random.text(12);
    const { entries, after } = randomEntries(random, before);
    // The plain way: one author for each letter, entry by entry.
    /** @type {(string | null)[]} */
    let authors = [...before].map(() => null);
    for (const [session, , op] of entries) {
      /** @type {(string | null)[]} */
      const next = [];
      for (const component of op) {
        if (typeof component === "string") next.push(...[...component].map(() => session));
        else if (component > 0) next.push(...authors.splice(0, component));
        else authors.splice(0, -component);
      }
      authors = [...next, ...authors];
    }

    const runs = attribute(before, entries);

    assert.deepEqual(
      runs.flatMap(({ length, session }) => Array(length).fill(session)),
      authors,
    );
    assert.equal(authors.length, codePoints(after));
  });
});

test("letters of one author that stand together are one run", () => {
  /** @type {LogEntry[]} */
  const entries = [
    ["ada", 1, [3, "x"]],
    ["ada", 2, [4, "y"]],
    ["lin", 3, [-2]],
    ["lin", 4, [3, "z"]],
  ];

  assert.deepEqual(changes("abc", entries), [
    { kind: "delete", length: 2, session: "lin", text: "ab" },
    { kind: "keep", length: 1, session: null, text: "c" },
    { kind: "insert", length: 2, session: "ada", text: "xy" },
    { kind: "insert", length: 1, session: "lin", text: "z" },
  ]);
});

test("nothing happened", () => {
  assert.deepEqual(changes("", []), []);
  assert.deepEqual(attribute("ab", []), [{ length: 2, session: null }]);
});

test("ten thousand letters of two people at once are folded quickly enough to wait for", () => {
  /** @type {LogEntry[]} */
  const entries = [];
  // Two carets in one text, each letter right behind the author's last one.
  for (let count = 0; count < 5_000; count++) {
    entries.push(["ada", count, count === 0 ? ["a"] : [count, "a"]]);
    entries.push(["lin", count, [2 * count + 1, "l"]]);
  }

  assert.deepEqual(attribute("", entries), [
    { length: 5_000, session: "ada" },
    { length: 5_000, session: "lin" },
  ]);
});
