/**
 * The rules of remote carets: when a name flag is shown, where it goes, who counts as idle. Pure.
 */

/**
 * A flag stays this long after the last activity; then the caret is bare, then it carries a dot,
 * then it fades.
 */
export const FLAG_MS = 3_000;
const QUIET_MS = 10_000;
export const IDLE_MS = 300_000;

/** The caret of somebody who leaves fades for this long, as in the style sheet. */
export const FADE_MS = 220;

/** Who comes back within this has only reloaded the page: no news, and the same look as before. */
export const RELOAD_MS = 5_000;

/** In pixels, as in the style sheet. */
const FLAG_HEIGHT = 17;
const STEM = 8;

/** With more people than this only the latest typists have flags. */
const CROWD = 20;
const CROWD_FLAGS = 5;

/**
 * @typedef {object} GivenCaret  as the session tells it
 * @property {string} session
 * @property {string} name
 * @property {number} color
 * @property {[number, number][]} selections  anchor, head; the first is the main one
 * @property {number} typedAt  milliseconds, -Infinity for never
 *
 * @typedef {GivenCaret & { activeAt: number, leftAt: number | null }} RemoteCaret  selections are
 *   UTF-16 offsets; when it last moved by its person, and when that person left
 */

/**
 * The new list, with the time of each one's last activity: a caret that moved otherwise than along
 * with the text. Who has left stays in it for as long as a reload may take.
 * @param {RemoteCaret[]} previous  already moved along with the text
 * @param {GivenCaret[]} incoming
 * @param {number} now
 * @returns {RemoteCaret[]}
 */
export function mergeCarets(previous, incoming, now) {
  const known = new Map(previous.map((caret) => [caret.session, caret]));
  const here = incoming.map((caret) => {
    const old = known.get(caret.session);
    known.delete(caret.session);
    const stayed = old !== undefined && samePlaces(old.selections, caret.selections);
    return { ...caret, activeAt: stayed ? Math.max(old.activeAt, caret.typedAt) : now, leftAt: null };
  });
  const gone = [...known.values()]
    .map((caret) => ({ ...caret, leftAt: caret.leftAt ?? now }))
    .filter(({ leftAt }) => now - leftAt < RELOAD_MS);
  return [...here, ...gone];
}

/** @param {[number, number][]} a @param {[number, number][]} b */
function samePlaces(a, b) {
  return (
    a.length === b.length && a.every(([anchor, head], i) => anchor === b[i][0] && head === b[i][1])
  );
}

/**
 * Who may have a flag: everybody, or in a crowd a few who type, and those for as long as they do,
 * or flags would dance from one to the other.
 * @param {RemoteCaret[]} carets
 * @param {Set<string>} before  who had one
 * @param {number} now
 * @returns {Set<string>} sessions
 */
export function flagBearers(carets, before, now) {
  if (carets.length < CROWD) return new Set(carets.map(({ session }) => session));
  const still = carets.filter(
    ({ session, typedAt }) => before.has(session) && now - typedAt < FLAG_MS,
  );
  const next = carets
    .filter((caret) => !still.includes(caret))
    .sort((a, b) => b.typedAt - a.typedAt || b.activeAt - a.activeAt);
  return new Set([...still, ...next].slice(0, CROWD_FLAGS).map(({ session }) => session));
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
 * @param {{ left: number, right: number, top: number }} situation.box  of the text
 * @returns {{ place: "beside" | "above" | "below", shift: number }}
 */
export function placeFlag({ caret, atLineEnd, own, width, box }) {
  if (atLineEnd && caret.left + STEM + width <= box.right) return { place: "beside", shift: 0 };
  const inside = Math.max(box.left - caret.left, Math.floor(box.right - caret.left - width));
  const top = caret.top - FLAG_HEIGHT + 2;
  const coversOwnRow = own !== null && own.bottom > top && own.bottom <= caret.top + 6;
  const place = coversOwnRow || top < box.top ? "below" : "above";
  return { place, shift: Math.min(0, inside) };
}

/** @typedef {{ left: number, right: number, top: number, bottom: number }} Box */

/**
 * The box that a flag takes up.
 * @param {{ left: number, top: number, bottom: number }} caret
 * @param {{ place: string, shift: number }} flag
 * @param {number} width
 * @returns {Box}
 */
export function flagBox(caret, { place, shift }, width) {
  const left = caret.left + (place === "beside" ? STEM : shift);
  const middle = (caret.top + caret.bottom - FLAG_HEIGHT) / 2;
  const tops = { beside: middle, above: caret.top - FLAG_HEIGHT, below: caret.bottom };
  const top = tops[/** @type {keyof typeof tops} */ (place)];
  return { left, right: left + width, top, bottom: top + FLAG_HEIGHT };
}

/** @param {Box} a @param {Box} b */
export function overlap(a, b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
