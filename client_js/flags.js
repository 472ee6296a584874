/**
 * The rules of remote carets: when a name flag is shown, where it goes, who counts as idle. Pure.
 */

/**
 * A flag stays this long after the last activity; then the caret is bare, then it carries a dot,
 * then it fades.
 */
const FLAG_MS = 3_000;
const QUIET_MS = 10_000;
export const IDLE_MS = 300_000;

/** In pixels, as in the style sheet. */
const FLAG_HEIGHT = 17;

/**
 * @typedef {object} RemoteCaret  selections are UTF-16 offsets, the first is the main one
 * @property {string} session
 * @property {string} name
 * @property {number} color
 * @property {[number, number][]} selections  anchor, head
 * @property {boolean} typing
 * @property {number} activeAt  milliseconds
 */

/**
 * The new list, with the time of each one's last activity: a caret that moved otherwise than along
 * with the text.
 * @param {RemoteCaret[]} previous  already moved along with the text
 * @param {Omit<RemoteCaret, "activeAt">[]} incoming
 * @param {number} now
 * @returns {RemoteCaret[]}
 */
export function mergeCarets(previous, incoming, now) {
  const known = new Map(previous.map((caret) => [caret.session, caret]));
  return incoming.map((caret) => {
    const old = known.get(caret.session);
    const same = old !== undefined && String(old.selections) === String(caret.selections);
    return { ...caret, activeAt: same ? old.activeAt : now };
  });
}

/**
 * @param {number} age  milliseconds since the last activity
 * @returns {"active" | "still" | "quiet" | "idle"}
 */
export function phaseOf(age) {
  if (age < FLAG_MS) return "active";
  if (age < QUIET_MS) return "still";
  return age < IDLE_MS ? "quiet" : "idle";
}

/** How long until the phase is another one. @param {number} age @returns {number} milliseconds */
export function phaseAfter(age) {
  const limit = [FLAG_MS, QUIET_MS, IDLE_MS].find((candidate) => age < candidate);
  return limit === undefined ? Infinity : limit - age;
}

/**
 * Where the flag of a caret goes, all in one coordinate system. `own` is the row of one's own
 * caret: a flag must not cover the line that one is writing.
 * @param {object} situation
 * @param {{ left: number, top: number, bottom: number }} situation.caret
 * @param {boolean} situation.atLineEnd
 * @param {{ top: number, bottom: number } | null} situation.own
 * @param {number} situation.width  of the flag
 * @param {{ right: number, top: number }} situation.box  of the text
 * @returns {{ place: "beside" | "above" | "below", shift: number }}
 */
export function placeFlag({ caret, atLineEnd, own, width, box }) {
  if (atLineEnd && caret.left + 8 + width <= box.right) return { place: "beside", shift: 0 };
  const shift = Math.min(0, Math.floor(box.right - caret.left - width));
  const top = caret.top - FLAG_HEIGHT + 2;
  const coversOwnRow = own !== null && own.bottom > top && own.bottom <= caret.top + 6;
  return { place: coversOwnRow || top < box.top ? "below" : "above", shift };
}
