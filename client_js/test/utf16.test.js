import assert from "node:assert/strict";
import { test } from "node:test";
import { ChangeSet, EditorState, Text } from "@codemirror/state";
import { apply, codePoints, transformPosition } from "../operation.js";
import { changesFromOp, opFromChanges, toCodePoints, toUtf16 } from "../utf16.js";
import { forSeeds } from "./random.js";

/** @typedef {import("../operation.js").Operation} Operation */

/** @param {string} string */
function doc(string) {
  return Text.of(string.split("\n"));
}

test("positions in a string and in a document, both ways", () => {
  for (const text of ["a😀b", doc("a😀b")]) {
    assert.deepEqual([0, 1, 3, 4].map((offset) => toCodePoints(text, offset)), [0, 1, 2, 3]);
    assert.deepEqual([0, 1, 2, 3].map((position) => toUtf16(text, position)), [0, 1, 3, 4]);
  }
  assert.equal(toUtf16(doc("plain"), 3), 3);
  assert.equal(toCodePoints(doc("plain"), 3), 3);
});

test("a document large enough to be a tree", () => {
  const line = (/** @type {number} */ index) => (index % 7 ? `line ${index}` : "😀 🚀");
  const lines = Array.from({ length: 5_000 }, (_, index) => line(index));
  const text = doc(lines.join("\n"));
  const string = text.toString();
  assert.ok(text.children, "one leaf only");
  forSeeds(300, (random) => {
    const position = random.below(codePoints(string) + 1);
    const offset = toUtf16(string, position);
    assert.equal(toUtf16(text, position), offset);
    assert.equal(toCodePoints(text, offset), position);
  });
  assert.equal(toCodePoints(text, text.length), codePoints(string));
  assert.equal(toUtf16(text, codePoints(string)), text.length);
});

test("after an edit only the new nodes are counted", () => {
  let text = doc("line 😀\n".repeat(20_000));
  toCodePoints(text, 1);
  const start = performance.now();
  for (let count = 0; count < 1_000; count++) {
    text = text.replace(70_000, 70_000, doc("x"));
    toUtf16(text, toCodePoints(text, 140_000));
  }
  // Some 20 ms; counting the whole document each time takes seconds.
  assert.ok(performance.now() - start < 1_000);
});

/** @param {string} text @param {import("@codemirror/state").ChangeSpec} changes */
function opOf(text, changes) {
  const state = EditorState.create({ doc: doc(text) });
  return opFromChanges(state.changes(changes), state.doc);
}

test("what the editor does, as an operation", () => {
  assert.deepEqual(opOf("hello", { from: 0, insert: "x" }), ["x"]);
  assert.deepEqual(opOf("hello", { from: 2, insert: "x" }), [2, "x"]);
  assert.deepEqual(opOf("hello", { from: 1, to: 3 }), [1, -2]);
  assert.deepEqual(opOf("a😀b😀", { from: 3, to: 6 }), [2, -2]);
  assert.deepEqual(opOf("a😀b", { from: 3, insert: "🚀\n" }), [2, "🚀\n"]);
  assert.deepEqual(opOf("hello", []), []);
});

test("a replacement deletes, then inserts", () => {
  assert.deepEqual(opOf("hello", { from: 1, to: 3, insert: "x" }), [1, -2, "x"]);
});

test("several places in one change", () => {
  const changes = [{ from: 0, insert: "😀" }, { from: 2, to: 3 }, { from: 4, insert: "y" }];
  assert.deepEqual(opOf("hello", changes), ["😀", 2, -1, 1, "y"]);
});

test("touching changes keep the order in which they were made", () => {
  const insertFirst = ChangeSet.of([{ from: 1, insert: "z" }, { from: 1, to: 2 }], 3);
  assert.deepEqual(opFromChanges(insertFirst, doc("abc")), [1, "z", -1]);
  const deleteFirst = ChangeSet.of([{ from: 1, to: 2 }, { from: 2, insert: "z" }], 3);
  assert.deepEqual(opFromChanges(deleteFirst, doc("abc")), [1, -1, "z"]);
  const twoReplacements = [{ from: 0, to: 1, insert: "x" }, { from: 1, to: 2, insert: "y" }];
  assert.deepEqual(opOf("abc", twoReplacements), [-1, "x", -1, "y"]);
});

test("an operation and its changes do the same, and come back as the same operation", () => {
  forSeeds(4_000, (random) => {
    const text = random.text(12);
    const op = random.operation(text);
    const state = EditorState.create({
      doc: text,
      extensions: EditorState.lineSeparator.of("\n"),
    });
    const { changes, newDoc } = state.update({ changes: changesFromOp(op, state.doc) });
    assert.equal(newDoc.toString(), apply(text, op));
    assert.deepEqual(opFromChanges(changes, state.doc), op);
    const position = random.below(codePoints(text) + 1);
    const mapped = changes.mapPos(toUtf16(text, position), -1);
    assert.equal(toCodePoints(newDoc, mapped), transformPosition(position, op));
  });
});

test("changes of any shape make an operation that does the same", () => {
  forSeeds(4_000, (random) => {
    const text = random.text(10);
    const length = codePoints(text);
    const specs = Array.from({ length: 1 + random.below(3) }, () => {
      const from = random.below(length + 1);
      const to = Math.min(length, from + random.below(3));
      return { from: toUtf16(text, from), to: toUtf16(text, to), insert: random.text(2) };
    });
    const state = EditorState.create({ doc: doc(text) });
    // One after the other, as an input filter or several carets make them.
    let changes = ChangeSet.empty(state.doc.length);
    for (const { from, to, insert } of specs) {
      if (to > changes.newLength) continue;
      const next = state.changes({ from, to, insert });
      changes = changes.compose(next.map(changes));
    }
    const op = opFromChanges(changes, state.doc);
    assert.equal(apply(text, op), changes.apply(state.doc).toString());
  });
});
