/**
 * Code points outside, UTF-16 offsets in the editor: positions and changes, both ways. Pure.
 *
 * Works on strings and on CodeMirror's `Text`. A `Text` is a tree that is never changed, of which
 * an edit replaces a few nodes; how many surrogate pairs a node holds is counted once and kept with
 * the node, so that converting a position takes one way down the tree and a look at one leaf.
 */
import { add, advance, codePoints } from "./operation.js";

/** @typedef {import("./operation.js").Operation} Operation */
/** @typedef {import("@codemirror/state").Text} DocText */
/** @typedef {{ from: number, to?: number, insert?: string }} ChangeSpec */

/** Surrogate pairs in each node. @type {WeakMap<DocText, number>} */
const pairCounts = new WeakMap();

/** @param {DocText} node @returns {number} */
function pairsIn(node) {
  let pairs = pairCounts.get(node);
  if (pairs === undefined) {
    pairs = node.children
      ? node.children.reduce((total, child) => total + pairsIn(child), 0)
      : node.length - codePoints(node.sliceString(0));
    pairCounts.set(node, pairs);
  }
  return pairs;
}

/**
 * The code points before a UTF-16 offset.
 * @param {string | DocText} text @param {number} offset @returns {number}
 */
export function toCodePoints(text, offset) {
  if (typeof text === "string") return codePoints(text.slice(0, offset));
  if (pairsIn(text) === 0) return offset;
  if (!text.children) return codePoints(text.sliceString(0, offset));
  let before = 0;
  for (const child of text.children) {
    if (offset <= child.length) return before + toCodePoints(child, offset);
    // Between two children there is a line break.
    before += child.length - pairsIn(child) + 1;
    offset -= child.length + 1;
  }
  return before + offset;
}

/**
 * The UTF-16 offset of a position in code points.
 * @param {string | DocText} text @param {number} position @returns {number}
 */
export function toUtf16(text, position) {
  if (typeof text === "string") return advance(text, 0, position);
  if (pairsIn(text) === 0) return position;
  if (!text.children) return advance(text.sliceString(0), 0, position);
  let before = 0;
  for (const child of text.children) {
    const count = child.length - pairsIn(child);
    if (position <= count) return before + toUtf16(child, position);
    before += child.length + 1;
    position -= count + 1;
  }
  return before + position;
}

/**
 * What a change of the editor does, as an operation. The change must not cut a surrogate pair nor
 * insert half of one. A replacement deletes, then inserts; other deletes and inserts that touch
 * keep the order in which they were made.
 * @param {import("@codemirror/state").ChangeSet} changes @param {DocText} oldDoc
 * @returns {Operation}
 */
export function opFromChanges(changes, oldDoc) {
  /** @type {Operation} */
  const op = [];
  let position = 0;
  changes.iterChanges((from, to, _fromNew, _toNew, inserted) => {
    const start = toCodePoints(oldDoc, from);
    const end = toCodePoints(oldDoc, to);
    if (start > position) add(op, start - position);
    position = end;
    if (end > start) add(op, start - end);
    if (inserted.length > 0) add(op, inserted.sliceString(0));
  }, true);
  return op;
}

/**
 * What an operation does, as changes for the editor, all in offsets of the old document. A delete
 * and an insert that touch stay two changes in their order, so that the editor moves its own
 * positions as `transformPosition` does.
 * @param {Operation} op @param {DocText} doc @returns {ChangeSpec[]}
 */
export function changesFromOp(op, doc) {
  /** @type {ChangeSpec[]} */
  const changes = [];
  let position = 0;
  let from = 0;
  for (const component of op) {
    if (typeof component === "string") {
      changes.push({ from, insert: component });
    } else {
      position += Math.abs(component);
      const to = toUtf16(doc, position);
      if (component < 0) changes.push({ from, to });
      from = to;
    }
  }
  return changes;
}
