/**
 * Who changed what over a range of the log: many entries folded into one list of runs, each with
 * its author. Pure.
 *
 * Every entry becomes an operation whose inserts and deletes know their session, and these are
 * composed like any others, by the rules of `compose` in operation.js; what somebody inserted and
 * somebody else deleted again within the range is gone. Lengths are code points.
 */
import { advance, apply, codePoints, composeAll } from "./operation.js";

/** @typedef {import("./operation.js").Operation} Operation */
/** @typedef {[session: string, timeMs: number, op: Operation]} LogEntry  as the history gives them */

/**
 * @typedef {object} Change  a run of the text: kept, inserted or deleted
 * @property {"keep" | "insert" | "delete"} kind
 * @property {number} length
 * @property {string | null} session  who did it; null for what is kept
 * @property {string} text  that was kept, inserted or deleted
 */
/** @typedef {Pick<Change, "kind" | "length" | "session">} Piece */
/** @typedef {{ length: number, session: string | null }} Run  of one author; null: from before */

/**
 * What the entries did to a text: all of the old text is kept or deleted, and all of the new one is
 * kept or inserted.
 * @param {string} textBefore @param {LogEntry[]} entries @returns {Change[]}
 */
export function changes(textBefore, entries) {
  const textAfter = apply(textBefore, composeAll(entries.map(([, , op]) => op)));
  const before = reader(textBefore);
  const after = reader(textAfter);
  const list = fold(entries).map((piece) => {
    const old = piece.kind === "insert" ? "" : before.take(piece.length);
    const fresh = piece.kind === "delete" ? "" : after.take(piece.length);
    return { ...piece, text: fresh || old };
  });
  const rest = before.rest();
  if (rest) list.push({ kind: "keep", length: codePoints(rest), session: null, text: rest });
  return list;
}

/**
 * Who wrote each part of the text that the entries lead to.
 * @param {string} textBefore @param {LogEntry[]} entries @returns {Run[]}
 */
export function attribute(textBefore, entries) {
  /** @type {Run[]} */
  const runs = [];
  for (const { kind, length, session } of changes(textBefore, entries)) {
    if (kind === "delete") continue;
    const last = runs.at(-1);
    if (last?.session === session) last.length += length;
    else runs.push({ length, session });
  }
  return runs;
}

/**
 * All entries as one list of pieces, composed as a balanced tree, as `composeAll` does it.
 * @param {[session: string | null, number: number, op: Operation][]} entries
 */
export function fold(entries) {
  let level = entries.map(([session, , op]) => pieces(session, op));
  while (level.length > 1) {
    const paired = [];
    for (let index = 0; index + 1 < level.length; index += 2)
      paired.push(then(level[index], level[index + 1]));
    if (level.length % 2 === 1) paired.push(level[level.length - 1]);
    level = paired;
  }
  return level[0] ?? [];
}

/** @param {string | null} session @param {Operation} op @returns {Piece[]} */
function pieces(session, op) {
  return op.map((component) => {
    if (typeof component === "string")
      return { kind: "insert", length: codePoints(component), session };
    return component > 0
      ? { kind: "keep", length: component, session: null }
      : { kind: "delete", length: -component, session };
  });
}

/** What `a` and then `b` do. @param {Piece[]} a @param {Piece[]} b */
function then(a, b) {
  /** @type {Piece[]} */
  const out = [];
  const first = new PieceWalk(a);
  const second = new PieceWalk(b);
  while (second.kind !== null) {
    if (second.kind === "insert" || first.kind === null) {
      join(out, second.take(second.left));
    } else if (first.kind === "delete") {
      join(out, first.take(first.left));
    } else {
      const count = Math.min(first.left, second.left);
      const inserted = first.kind === "insert";
      const kept = first.take(count);
      const wanted = second.take(count);
      if (wanted.kind === "keep") join(out, kept);
      else if (!inserted) join(out, wanted);
    }
  }
  while (first.kind !== null) join(out, first.take(first.left));
  return out;
}

/** Pieces, read from the left in parts. `kind` is null once they are finished. */
class PieceWalk {
  index = 0;

  /** @param {Piece[]} list */
  constructor(list) {
    this.list = list;
    this.left = list[0]?.length ?? 0;
  }

  get kind() {
    return this.list[this.index]?.kind ?? null;
  }

  /** Goes past `length` of the piece. @param {number} length @returns {Piece} */
  take(length) {
    const { kind, session } = this.list[this.index];
    this.left -= length;
    if (this.left === 0) {
      this.index += 1;
      this.left = this.list[this.index]?.length ?? 0;
    }
    return { kind, length, session };
  }
}

/**
 * Appends a piece, joined to a last neighbour of its kind and author.
 * @param {Piece[]} out @param {Piece} piece
 */
function join(out, piece) {
  const last = out.at(-1);
  if (last?.kind === piece.kind && last.session === piece.session)
    out[out.length - 1] = { ...last, length: last.length + piece.length };
  else out.push(piece);
}

/** A text, read from the left in code points. @param {string} text */
function reader(text) {
  let offset = 0;
  return {
    /** @param {number} length */
    take(length) {
      const start = offset;
      offset = advance(text, start, length);
      return text.slice(start, offset);
    },
    rest: () => text.slice(offset),
  };
}
