/**
 * The changes of others as places in the text, to be shown and stepped through. Pure.
 *
 * Positions are code points of the text after the changes. What was removed stands before what was
 * put there instead.
 */
import { codePoints } from "./operation.js";

/** @typedef {import("./attribution.js").Change} Change */
/**
 * @typedef {object} Inserted
 * @property {"insert"} kind
 * @property {number} from
 * @property {number} to
 * @property {string} session
 * @property {string} text
 *
 * @typedef {object} Removed
 * @property {"delete"} kind
 * @property {number} from  where it was
 * @property {number} to  the same
 * @property {string} session
 * @property {string} text
 *
 * @typedef {(Inserted | Removed)[]} Place  at least one; in the order of the text
 */

/** Changes with less than this between them, in one line, are one: a sentence that was reworked. */
const GAP_MAX = 8;

/**
 * @param {Change[]} changes @param {(session: string) => boolean} isMine @returns {Place[]}
 */
export function changedPlaces(changes, isMine) {
  /** @type {Place[]} */
  const places = [];
  let position = 0;
  // Where the changes that touch the present position begin.
  let start = 0;
  let gap = "\n";
  for (const { kind, length, session, text } of changes) {
    const to = kind === "delete" ? position : position + length;
    if (kind === "keep" || session === null || isMine(session)) {
      if (kind === "delete") continue;
      gap += text;
      start = to;
    } else {
      const item = { kind, from: kind === "delete" ? start : position, to, session, text };
      if (kind === "delete") item.to = start;
      const near = !gap.includes("\n") && codePoints(gap) <= GAP_MAX;
      const place = near ? /** @type {Place} */ (places.at(-1)) : [];
      if (!near) places.push(place);
      place.push(/** @type {Inserted | Removed} */ (item));
      gap = "";
    }
    position = to;
  }
  return places.map((place) => place.sort((a, b) => a.from - b.from || order(a) - order(b)));
}

/** @param {Inserted | Removed} item */
function order({ kind }) {
  return kind === "delete" ? 0 : 1;
}

/** Whose changes these are, each once. @param {Place[]} places */
export function sessionsOf(places) {
  return [...new Set(places.flat().map(({ session }) => session))];
}
