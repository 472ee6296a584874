/**
 * The changes of others as places: what is one place, what is not mine, what stands first.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { changes } from "../attribution.js";
import { changedPlaces, sessionsOf } from "../changed_places.js";
import { apply } from "../operation.js";
import { forSeeds } from "./random.js";

/** @typedef {import("../attribution.js").LogEntry} LogEntry */

/** @param {string} before @param {...LogEntry} entries */
function placesOf(before, ...entries) {
  return changedPlaces(changes(before, entries), (session) => session === "me");
}

/**
 * Removed in brackets, inserted with a plus.
 * @param {import("../changed_places.js").Place} place
 */
function words(place) {
  return place.map(({ kind, text }) => (kind === "delete" ? `[${text}]` : `+${text}`)).join(" ");
}

test("what was removed stands before what was put there, whatever came first", () => {
  const removedFirst = placesOf("a slow phone", ["ada", 1, [2, -4]], ["lin", 2, [2, "fast"]]);
  const insertedFirst = placesOf("a slow phone", ["lin", 1, [2, "fast"]], ["ada", 2, [6, -4]]);

  for (const places of [removedFirst, insertedFirst]) {
    assert.deepEqual(places.map(words), ["[slow] +fast"]);
    assert.deepEqual(
      places[0].map(({ from, to }) => [from, to]),
      [
        [2, 2],
        [2, 6],
      ],
    );
  }
});

test("near changes of one line are one place, those of two lines are two", () => {
  assert.equal(placesOf("one two six", ["ada", 1, ["x", 4, "y"]]).length, 1);
  assert.equal(placesOf("one two, three", ["ada", 1, ["x", 9, "y"]]).length, 2);
  assert.equal(placesOf("one\ntwo", ["ada", 1, ["x", 4, "y"]]).length, 2);
  assert.equal(placesOf("one\ntwo", ["ada", 1, ["x\n"]]).length, 1);
});

test("my own edits are no changes, but they count as text", () => {
  const places = placesOf("ab", ["me", 1, [1, "mine"]], ["ada", 2, [6, "hers"]], ["me", 3, [-1]]);
  assert.deepEqual(places.map(words), ["+hers"]);
  assert.deepEqual(sessionsOf(places), ["ada"]);
  assert.deepEqual(placesOf("ab", ["me", 1, [-1, "x"]]), []);
});

test("what others inserted stands in the text where the places say", () => {
  forSeeds(300, (random) => {
    const before = random.text(20);
    let after = before;
    /** @type {LogEntry[]} */
    const entries = [];
    for (let count = random.below(8); count > 0; count--) {
      const op = random.operation(after);
      entries.push([random.pick(["me", "ada", "lin"]), 0, op]);
      after = apply(after, op);
    }
    const letters = [...after];
    let last = 0;
    for (const place of placesOf(before, ...entries)) {
      for (const { kind, from, to, text } of place) {
        assert.ok(from >= last);
        last = from;
        assert.equal(letters.slice(from, to).join(""), kind === "insert" ? text : "");
      }
    }
  });
});
