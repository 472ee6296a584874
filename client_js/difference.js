/**
 * What makes one text out of another: few changes, found in bounded time. Loaded when needed.
 */
import { diff } from "@codemirror/merge";

/** Longer is not searched for a smaller difference; a coarser one is as right. */
const SEARCH_MS = 500;

/** Of long stretches that have nothing in common, nothing better than replacing them is sought. */
const SCAN_MAX = 1_000;

/**
 * @param {string} before @param {string} after
 * @returns {{ from: number, to: number, insert: string }[]}
 */
export function difference(before, after) {
  return diff(before, after, { scanLimit: SCAN_MAX, timeout: SEARCH_MS }).map(
    ({ fromA, toA, fromB, toB }) => ({ from: fromA, to: toA, insert: after.slice(fromB, toB) }),
  );
}
