import assert from "node:assert/strict";
import { test } from "node:test";
import { Held } from "../held.js";
import { apply } from "../operation.js";

/** Small numbers from a seed, so that a failure can be run again. @param {number} seed */
function randomNumbers(seed) {
  let state = seed;
  return (/** @type {number} */ limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

/**
 * A random edit of one place, as an editor makes them.
 * @param {string} text
 * @param {(limit: number) => number} random
 */
function randomEdit(text, random) {
  const length = [...text].length;
  const from = random(length + 1);
  const deleted = Math.min(random(3), length - from);
  const inserted = ["", "x", "yz", "😀"][random(4)];
  const op = /** @type {(number | string)[]} */ (
    [from, -deleted, inserted].filter((part) => part !== 0 && part !== "")
  );
  return deleted === 0 && inserted === "" ? ["i"] : op;
}

test("nothing held: local edits pass untouched", () => {
  assert.deepEqual(new Held().receiveLocal([3, "a"]), [3, "a"]);
});

test("an edit made while a remote insert waits lands where the person typed", () => {
  const held = new Held();
  held.add(["remote "]);
  assert.deepEqual(held.receiveLocal([2, "x"]), [9, "x"]);
  assert.equal(held.toSession(2), 9);
  assert.deepEqual(held.release(), ["remote "]);
  assert.equal(held.op, null);
});

test("screen and session end with the same text, whatever is typed and received meanwhile", () => {
  for (let seed = 1; seed <= 3_000; seed++) {
    const random = randomNumbers(seed);
    const held = new Held();
    let screen = "ab😀cd";
    let session = screen;
    for (let step = 0; step < 8; step++) {
      if (random(2)) {
        const op = randomEdit(session, random);
        session = apply(session, op);
        held.add(op);
      } else {
        const op = randomEdit(screen, random);
        screen = apply(screen, op);
        session = apply(session, held.receiveLocal(op));
      }
      assert.equal(
        held.op ? apply(screen, held.op) : screen,
        session,
        `seed ${seed}, step ${step}`,
      );
    }
  }
});
