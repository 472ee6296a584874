/**
 * How often a search finds something, and which of its finds is selected.
 */

/** More are not counted. */
const MATCHES_MAX = 5_000;

/** Nor is longer searched, as in a very large text. */
const SEARCH_MS = 60;

/**
 * @typedef {object} Matches
 * @property {number[]} starts  in their order
 * @property {boolean} complete  whether these are all
 */

/**
 * @param {import("@codemirror/search").SearchQuery} query
 * @param {import("@codemirror/state").EditorState} state
 * @returns {Matches}
 */
export function findMatches(query, state) {
  /** @type {number[]} */
  const starts = [];
  if (!query.valid) return { starts, complete: true };
  const end = performance.now() + SEARCH_MS;
  const cursor = query.getCursor(state);
  for (let next = cursor.next(); !next.done; next = cursor.next()) {
    if (starts.length >= MATCHES_MAX || performance.now() > end) return { starts, complete: false };
    starts.push(next.value.from);
  }
  return { starts, complete: true };
}

/** The number of the match that starts there, from 1. @param {number[]} starts @param {number} position */
export function atMatch(starts, position) {
  let [low, high] = [0, starts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[middle] < position) low = middle + 1;
    else high = middle;
  }
  return starts[low] === position ? low + 1 : null;
}
