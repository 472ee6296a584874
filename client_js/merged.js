/**
 * Where somebody else's edit met one of mine that they could not have seen. Pure.
 *
 * The rule. An edit touches what it inserted, and the point where it deleted, and the words that
 * these are inside of. Two edits meet if they were made at the same time and what they touch
 * overlaps, or has at most `GAP_MAX` code points and no line break between.
 * "At the same time": mine had not been acknowledged when theirs came, so it was made without
 * theirs before it; or mine had been for less than `UNSEEN_MS`, so that theirs was on its way
 * before they can have seen it.
 *
 *    entries ──► ranges at the confirmed text ──pending──► ranges on screen ──words──► places
 */
import { fold } from "./attribution.js";
import { codePoints, composeAll, transformPosition } from "./operation.js";

/** @typedef {import("./operation.js").Operation} Operation */
/** @typedef {{ from: number, to: number }} Range */
/** @typedef {Range & { session: string | null }} Touched */
/**
 * @typedef {object} Meeting  on screen, in code points
 * @property {Range} own
 * @property {Range} other
 * @property {string | null} session  the other's; null where the frame does not tell
 */

/** A space, or a comma and a space. */
const GAP_MAX = 2;

/** A slow round trip: by then whoever types has mine on their screen. */
const UNSEEN_MS = 1_000;

/** How far a word reaches, in UTF-16 units; what goes on for longer is no word. */
const WORD_LENGTH_MAX = 48;

/** Ranges that are compared: more are no writing by hand, and each of mine meets each of theirs. */
const OWN_MAX = 50;
const OTHERS_MAX = 1_000;

const words = new Intl.Segmenter(undefined, { granularity: "word" });

/**
 * The ranges of the text after them that the pieces touched, by author.
 * @param {import("./attribution.js").Piece[]} pieces
 */
export function touched(pieces) {
  /** @type {Touched[]} */
  const ranges = [];
  let position = 0;
  for (const { kind, length, session } of pieces) {
    const to = kind === "delete" ? position : position + length;
    if (kind !== "keep") {
      const last = ranges.at(-1);
      if (last?.to === position && last.session === session) last.to = to;
      else ranges.push({ from: position, to, session });
    }
    position = to;
  }
  return ranges;
}

/** @template {Range} R @param {R} range @param {Operation} op @returns {R} */
function moved(range, op) {
  // What is typed at the edges is not part of it; but what stands where a delete was is inside.
  const [start, end] =
    range.from < range.to
      ? /** @type {const} */ (["right", "left"])
      : /** @type {const} */ (["left", "right"]);
  const from = transformPosition(range.from, op, start);
  return { ...range, from, to: Math.max(from, transformPosition(range.to, op, end)) };
}

/** Follows the log beside a session, and finds the meetings in each frame. */
export class Meetings {
  /** My newest acknowledged edits, at the confirmed text. @type {(Range & { at: number })[]} */
  #own = [];

  /**
   * A frame has been taken in.
   * @param {[session: string | null, number: number, op: Operation][]} entries  that were new in it
   * @param {string} me
   * @param {Operation[]} pending  mine that wait, in order, as they are after the frame
   * @param {number} now  milliseconds
   * @returns {Meeting[]}
   */
  receive(entries, me, pending, now) {
    const before = this.#own.filter(({ at }) => now - at < UNSEEN_MS);
    const alone = entries.every(([session]) => session !== me);
    if (alone && before.length + pending.length === 0) return [];
    const ranges = touched(fold(entries));
    const whole = composeAll(entries.map(([, , op]) => op));
    const acknowledged = ranges.filter(({ session }) => session === me);
    this.#own = [
      ...before.map((range) => moved(range, whole)),
      ...acknowledged.map(({ from, to }) => ({ from, to, at: now })),
    ].slice(-OWN_MAX);
    let others = ranges.filter(({ session }) => session !== me).slice(0, OTHERS_MAX);
    /** @type {Range[]} */
    let mine = this.#own;
    for (const op of pending) {
      others = others.map((range) => moved(range, op));
      const fresh = touched(fold([[me, 0, op]])).slice(0, OWN_MAX);
      mine = [...mine.map((range) => moved(range, op)), ...fresh];
    }
    return others.flatMap((other) =>
      mine
        .filter((range) => apart(range, other) <= 2 * WORD_LENGTH_MAX + GAP_MAX)
        .map(({ from, to }) => ({
          own: { from, to },
          other: { from: other.from, to: other.to },
          session: other.session,
        })),
    );
  }
}

/** How much is between them; less than 0 where they overlap. @param {Range} a @param {Range} b */
function apart(a, b) {
  return Math.max(a.from, b.from) - Math.min(a.to, b.to);
}

/**
 * What to mark of a meeting: where the touched words overlap or what is between them, grown to
 * whole words. All in UTF-16 offsets.
 * @param {Range} own @param {Range} other
 * @param {(from: number, to: number) => string} slice  of the text; from less than 0 is 0
 * @returns {Range | null}  null if they do not meet, or nothing is left there to mark
 */
export function meetingPlace(own, other, slice) {
  const [mine, theirs] = [own, other].map((range) => {
    const { from, to } = withoutLineEnds(range, slice);
    return { from: wordAcross(from, slice).from, to: wordAcross(to, slice).to };
  });
  const start = Math.max(mine.from, theirs.from);
  const end = Math.min(mine.to, theirs.to);
  if (start > end) {
    const gap = slice(end, start);
    if (gap.includes("\n") || codePoints(gap) > GAP_MAX) return null;
  }
  const place = {
    from: wordsBeside(Math.min(start, end), slice).from,
    to: wordsBeside(Math.max(start, end), slice).to,
  };
  const text = slice(place.from, place.to);
  const from = place.from + text.length - text.trimStart().length;
  const to = place.to - (text.length - text.trimEnd().length);
  return from < to ? { from, to } : null;
}

/** @typedef {(from: number, to: number) => string} Slice */

/**
 * Who ends a line does not touch the next one.
 * @param {Range} range @param {Slice} slice @returns {Range}
 */
function withoutLineEnds({ from, to }, slice) {
  while (to > from && slice(to - 1, to) === "\n") to -= 1;
  while (to > from && slice(from, from + 1) === "\n") from += 1;
  return { from, to };
}

/**
 * The word that an offset is inside of.
 * @param {number} offset @param {Slice} slice @returns {Range}
 */
function wordAcross(offset, slice) {
  const { before, after } = wordsAt(offset, slice);
  // Only a word that goes on across it is one and the same on both sides.
  return before.to > offset ? { from: before.from, to: after.to } : { from: offset, to: offset };
}

/**
 * The words that end, begin or go on there.
 * @param {number} offset @param {Slice} slice @returns {Range}
 */
function wordsBeside(offset, slice) {
  const { before, after } = wordsAt(offset, slice);
  return { from: before.from, to: after.to };
}

/**
 * The words of the two characters beside an offset.
 * @param {number} offset @param {Slice} slice
 */
function wordsAt(offset, slice) {
  const start = Math.max(0, offset - WORD_LENGTH_MAX);
  const segments = words.segment(slice(start, offset + WORD_LENGTH_MAX));
  /** @param {number} at @returns {Range} */
  const wordOf = (at) => {
    const found = segments.containing(at - start);
    if (!found?.isWordLike) return { from: offset, to: offset };
    return { from: start + found.index, to: start + found.index + found.segment.length };
  };
  return { before: wordOf(offset - 1), after: wordOf(offset) };
}
