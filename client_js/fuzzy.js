/**
 * Fuzzy search: the letters of a query in their order, anywhere in a text; best where words begin
 * and where letters stand together. Pure.
 */

/**
 * @typedef {object} Match
 * @property {number} score  the higher the better; only to be compared for one query
 * @property {[number, number][]} ranges  what matches: from and to in the text
 */

const LETTER = 1;
/** Besides, for the letter after one that matches. */
const TOGETHER = 4;
/** Besides, for the first letter of a word. */
const WORD_START = 5;
/** Besides, for the first letter of the text. */
const TEXT_START = 3;
/** Of two texts with the same match, the shorter is the closer. */
const PER_LENGTH = 0.01;

/** Nobody types more of a name; longer ones would cost time. */
const QUERY_LENGTH_MAX = 64;

/** @param {string} query @param {string} text @returns {Match | null} */
export function fuzzy(query, text) {
  const wanted = letters(query.replace(/\s+/g, "")).slice(0, QUERY_LENGTH_MAX);
  const found = letters(text);
  if (wanted.length === 0) return { score: 0, ranges: [] };
  // best[i][j] is the score of the first i+1 letters, of which the last is at j; cameFrom[i][j] is
  // where the one before it is.
  /** @type {number[][]} */
  const best = [];
  /** @type {number[][]} */
  const cameFrom = [];
  wanted.forEach((letter, i) => {
    best.push(Array(found.length).fill(-Infinity));
    cameFrom.push(Array(found.length).fill(-1));
    let before = -1; // the best place of the letter before, somewhere left of j
    for (let j = i; j < found.length; j++) {
      if (i > 0 && j > 0 && best[i - 1][j - 1] > (best[i - 1][before] ?? -Infinity)) before = j - 1;
      if (found[j] !== letter || (i > 0 && before < 0)) continue;
      const apart = i === 0 ? 0 : best[i - 1][before];
      const together = i === 0 ? -Infinity : best[i - 1][j - 1] + TOGETHER;
      best[i][j] = Math.max(apart, together) + LETTER + bonus(text, j);
      cameFrom[i][j] = together >= apart ? j - 1 : before;
    }
  });
  const last = best[wanted.length - 1];
  const score = Math.max(...last);
  if (score === -Infinity) return null;
  const places = trace(cameFrom, last.indexOf(score));
  return { score: score - text.length * PER_LENGTH, ranges: joined(places) };
}

/**
 * Those that match, the best first; all as they are for an empty query.
 * @template T @param {string} query @param {T[]} list @param {(item: T) => string} textOf
 * @returns {{ item: T, match: Match }[]}
 */
export function fuzzySort(query, list, textOf) {
  return list
    .flatMap((item) => {
      const match = fuzzy(query, textOf(item));
      return match ? [{ item, match }] : [];
    })
    .sort((a, b) => b.match.score - a.match.score);
}

/** Without case and accents, one for each UTF-16 unit. @param {string} text */
function letters(text) {
  return Array.from({ length: text.length }, (_, at) => {
    const plain = text[at].normalize("NFD")[0].toLowerCase();
    return plain.length === 1 ? plain : text[at];
  });
}

/** @param {string} text @param {number} at */
function bonus(text, at) {
  if (at === 0) return WORD_START + TEXT_START;
  const [before, here] = [text[at - 1], text[at]];
  const afterGap = /[^\p{L}\p{N}]/u.test(before) && /[\p{L}\p{N}]/u.test(here);
  const hump = /\p{Ll}/u.test(before) && /\p{Lu}/u.test(here);
  return afterGap || hump ? WORD_START : 0;
}

/** @param {number[][]} cameFrom @param {number} end */
function trace(cameFrom, end) {
  const places = [];
  for (let i = cameFrom.length - 1, at = end; i >= 0; at = cameFrom[i][at], i--) places.unshift(at);
  return places;
}

/** @param {number[]} places @returns {[number, number][]} */
function joined(places) {
  /** @type {[number, number][]} */
  const ranges = [];
  for (const place of places) {
    const last = ranges.at(-1);
    if (last?.[1] === place) last[1] += 1;
    else ranges.push([place, place + 1]);
  }
  return ranges;
}
