/**
 * The server's side in memory: a log that takes each operation once and gives it to all.
 */
import assert from "node:assert/strict";
import { apply, composeAll, transform } from "../operation.js";

/** @typedef {import("../operation.js").Operation} Operation */
/** @typedef {import("../messages.js").OpMessage} OpMessage */
/** @typedef {import("../messages.js").OpsMessage} OpsMessage */
/** @typedef {import("../messages.js").DeltaMessage} DeltaMessage */
/** @typedef {import("./random.js").Random} Random */

/** A linear log that accepts what sessions send, as the server does, once for each seq. */
export class Log {
  /** @type {[string, number, Operation][]} */
  entries = [];
  text = "";

  /** @param {string} session @param {OpMessage} message */
  submit(session, { base, seq, op }) {
    const [last] = this.committed(session);
    if (seq <= last) return;
    assert.equal(seq, last + 1);
    const later = composeAll(this.entries.slice(base).map(([, , logOp]) => logOp));
    const [, moved] = transform(later, op);
    this.entries.push([session, seq, moved]);
    this.text = apply(this.text, moved);
  }

  /**
   * The newest seq of a session, and its revision.
   * @param {string} session @returns {[number, number]}
   */
  committed(session) {
    const index = this.entries.findLastIndex(([author]) => author === session);
    return index < 0 ? [0, 0] : [this.entries[index][1], index + 1];
  }

  /**
   * What is sent next from a revision: some entries, or a delta that ends before the own entry.
   * @param {string} session @param {number} from @param {Random} random
   * @returns {OpsMessage | DeltaMessage}
   */
  next(session, from, random) {
    const to = from + 1 + random.below(this.entries.length - from);
    const own = this.committed(session)[1] - 1;
    const end = own >= from && own < to ? own : to;
    if (end === from || random.below(2)) {
      return { type: "ops", from, ops: this.entries.slice(from, to) };
    }
    const op = composeAll(this.entries.slice(from, end).map(([, , logOp]) => logOp));
    return { type: "delta", from, to: end, op };
  }
}
