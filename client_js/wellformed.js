/**
 * Keeps what a person does to the text well formed before it becomes an operation: no half of a
 * surrogate pair is inserted, none is left behind, and every line break is one "\n".
 *
 * Changes that come from the server are well formed already and are not looked at.
 */
import { EditorState, Transaction } from "@codemirror/state";
import { EditorView } from "@codemirror/view";

/** Line breaks as "\n", lone surrogates as U+FFFD. @param {string} text */
export function wellFormed(text) {
  return text.replace(/\r\n?/g, "\n").replace(/\p{Surrogate}/gu, "\uFFFD");
}

/** @returns {import("@codemirror/state").Extension} */
export function wellFormedInput() {
  return [
    EditorView.clipboardInputFilter.of(wellFormed),
    EditorState.transactionFilter.of((transaction) => {
      if (!transaction.docChanged || transaction.annotation(Transaction.remote)) return transaction;
      const changes = repairs(transaction);
      return changes.length === 0 ? transaction : [transaction, { changes, sequential: true }];
    }),
  ];
}

/**
 * Changes to the new document which, composed with the transaction's own, give a well-formed change
 * that cuts no pair.
 * @param {Transaction} transaction
 */
function repairs(transaction) {
  const before = transaction.startState.doc;
  const after = transaction.newDoc;
  /** @type {{ from: number, to: number, insert: string }[]} */
  const found = [];
  transaction.changes.iterChanges((fromA, toA, fromB, toB) => {
    const head = cutsPair(before, fromA) ? 1 : 0;
    const tail = cutsPair(before, toA) ? 1 : 0;
    const text = after.sliceString(fromB - head, toB + tail, "\n");
    const clean = wellFormed(withoutLeftovers(text, head, tail));
    // Also when the text is the same: the change must be widened to the whole pair.
    if (head || tail || clean !== text)
      found.push({ from: fromB - head, to: toB + tail, insert: clean });
  });
  return found;
}

/**
 * Without the halves at the ends that the change has left alone; a half that found a new partner
 * stays.
 * @param {string} text @param {number} head @param {number} tail
 */
function withoutLeftovers(text, head, tail) {
  let [from, to] = [0, text.length];
  if (head && !isLow(text.charCodeAt(1))) from = 1;
  if (tail && (to - from < 2 || !isHigh(text.charCodeAt(to - 2)))) to -= 1;
  return text.slice(from, Math.max(from, to));
}

/** @param {import("@codemirror/state").Text} doc @param {number} offset */
function cutsPair(doc, offset) {
  if (offset === 0 || offset === doc.length) return false;
  const around = doc.sliceString(offset - 1, offset + 1, "\n");
  return isHigh(around.charCodeAt(0)) && isLow(around.charCodeAt(1));
}

/** @param {number} unit */
function isHigh(unit) {
  return (unit & 0xfc00) === 0xd800;
}

/** @param {number} unit */
function isLow(unit) {
  return (unit & 0xfc00) === 0xdc00;
}
