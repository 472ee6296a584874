/**
 * How far this browser has seen each pad: the revision, kept here only, newest first.
 */
import { readStored, writeStored } from "./stored.js";

const KEY = "deltapad.seen";

/** More pads than anybody goes back to; at some 80 bytes each. */
const SEEN_MAX = 100;

/**
 * @typedef {object} Seen
 * @property {string} id  of the pad
 * @property {string} epoch  of its log: revisions of another one say nothing
 * @property {number} revision
 * @property {number} at  milliseconds
 */

/** @param {string} id @returns {Seen | null} */
export function seenOf(id) {
  return all().find((seen) => seen.id === id) ?? null;
}

/** What another tab has seen stays seen. @param {Seen} seen */
export function noteSeen(seen) {
  const known = seenOf(seen.id);
  const further = known?.epoch === seen.epoch && known.revision > seen.revision;
  const revision = further ? known.revision : seen.revision;
  const others = all().filter(({ id }) => id !== seen.id);
  writeStored(KEY, JSON.stringify([{ ...seen, revision }, ...others].slice(0, SEEN_MAX)));
}

/** @returns {Seen[]} */
function all() {
  try {
    const list = JSON.parse(readStored(KEY) ?? "[]");
    return Array.isArray(list) ? list.filter(isSeen) : [];
  } catch {
    return [];
  }
}

/** @param {any} seen @returns {seen is Seen} */
function isSeen(seen) {
  return (
    typeof seen?.id === "string" &&
    typeof seen.epoch === "string" &&
    Number.isInteger(seen.revision) &&
    Number.isFinite(seen.at)
  );
}
