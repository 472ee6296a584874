/**
 * How far each pad was seen, as it is kept in the browser.
 */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { noteSeen, seenOf } from "../seen.js";

/** @type {Map<string, string>} */
const kept = new Map();

/** @type {any} */ (globalThis).localStorage = {
  getItem: (/** @type {string} */ key) => kept.get(key) ?? null,
  setItem: (/** @type {string} */ key, /** @type {string} */ value) => kept.set(key, value),
};

beforeEach(() => kept.clear());

test("each pad has its revision", () => {
  noteSeen({ id: "one", epoch: "e", revision: 3, at: 1 });
  noteSeen({ id: "two", epoch: "e", revision: 7, at: 2 });
  noteSeen({ id: "one", epoch: "e", revision: 5, at: 3 });

  assert.deepEqual(seenOf("one"), { id: "one", epoch: "e", revision: 5, at: 3 });
  assert.equal(seenOf("two")?.revision, 7);
  assert.equal(seenOf("three"), null);
});

test("a tab that is behind does not take back what another has seen, unless the log is new", () => {
  noteSeen({ id: "one", epoch: "e", revision: 9, at: 1 });
  noteSeen({ id: "one", epoch: "e", revision: 5, at: 2 });
  assert.equal(seenOf("one")?.revision, 9);

  noteSeen({ id: "one", epoch: "other", revision: 5, at: 3 });
  assert.equal(seenOf("one")?.revision, 5);
});

test("a hundred pads, the newest; what is broken counts as nothing", () => {
  for (let count = 0; count <= 100; count++)
    noteSeen({ id: `pad-${count}`, epoch: "e", revision: 1, at: count });
  assert.equal(seenOf("pad-0"), null);
  assert.equal(seenOf("pad-1")?.at, 1);

  kept.set("deltapad.seen", "[{}, null, 3]");
  assert.equal(seenOf("pad-1"), null);
  kept.set("deltapad.seen", "{");
  assert.equal(seenOf("pad-1"), null);
});
