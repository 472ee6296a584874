import assert from "node:assert/strict";
import { test } from "node:test";
import { EditorState, Transaction } from "@codemirror/state";
import { wellFormed, wellFormedInput } from "../wellformed.js";

/** @param {string} doc @param {import("@codemirror/state").TransactionSpec} spec */
function change(doc, spec) {
  const state = EditorState.create({
    doc,
    extensions: [EditorState.lineSeparator.of("\n"), wellFormedInput()],
  });
  const transaction = state.update(spec);
  /** @type {[number, number, string][]} */
  const changes = [];
  transaction.changes.iterChanges((from, to, _fromB, _toB, text) =>
    changes.push([from, to, text.toString()]),
  );
  return {
    text: transaction.newDoc.toString(),
    changes,
    head: transaction.state.selection.main.head,
  };
}

test("line breaks become one kind, lone surrogates become U+FFFD", () => {
  assert.equal(wellFormed("a\r\nb\rc\n\ud83dx\ude00😀"), "a\nb\nc\n\ufffdx\ufffd😀");
});

test("what is pasted or typed is mended inside the same change", () => {
  const { text, changes, head } = change("ab", {
    changes: { from: 1, insert: "x\r\ny\ud83d" },
    selection: { anchor: 6 },
  });
  assert.equal(text, "ax\ny\ufffdb");
  assert.deepEqual(changes, [[1, 1, "x\ny\ufffd"]]);
  assert.equal(head, 5);
});

test("deleting half a pair deletes the pair", () => {
  assert.deepEqual(change("a😀b", { changes: { from: 2, to: 3 } }), {
    text: "ab",
    changes: [[1, 3, ""]],
    head: 0,
  });
  assert.deepEqual(change("a😀b", { changes: { from: 0, to: 2 } }).text, "b");
  assert.deepEqual(change("a😀b", { changes: { from: 2, to: 4 } }).text, "a");
});

test("a half that is replaced by another half is a whole replacement", () => {
  assert.deepEqual(change("😀", { changes: { from: 1, to: 2, insert: "\ude01" } }), {
    text: "😁",
    changes: [[0, 2, "😁"]],
    head: 0,
  });
  assert.deepEqual(change("😀", { changes: { from: 0, to: 1, insert: "\ud83e" } }).changes, [
    [0, 2, "\ud83e\ude00"],
  ]);
});

test("an insert inside a pair takes the place of the pair", () => {
  assert.deepEqual(change("a😀b", { changes: { from: 2, insert: "x" } }), {
    text: "axb",
    changes: [[1, 3, "x"]],
    head: 0,
  });
});

test("a whole pair, and changes from the server, pass as they are", () => {
  assert.deepEqual(change("a😀b", { changes: { from: 1, to: 3 } }).changes, [[1, 3, ""]]);
  const remote = change("ab", {
    changes: { from: 1, insert: "\r" },
    annotations: Transaction.remote.of(true),
  });
  assert.equal(remote.text, "a\rb");
});
