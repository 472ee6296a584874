/**
 * The pads that this browser has opened: kept here only, newest first.
 */
import { readStored, writeStored } from "./stored.js";

const KEY = "deltapad.recent";

/** Enough to find last month's pad, few enough to read through. */
const RECENT_MAX = 30;

const EXCERPT_LENGTH_MAX = 120;

/**
 * @typedef {object} RecentPad
 * @property {string} id
 * @property {string} title
 * @property {string} excerpt
 * @property {number} revision
 * @property {number} changedAt  milliseconds, when this browser last saw the text change
 */

/** @returns {RecentPad[]} */
export function recentPads() {
  try {
    const list = JSON.parse(readStored(KEY) ?? "[]");
    return Array.isArray(list) ? list.filter(isRecentPad) : [];
  } catch {
    return [];
  }
}

/** Puts the pad first. @param {RecentPad} pad */
export function rememberPad(pad) {
  save([pad, ...recentPads().filter(({ id }) => id !== pad.id)].slice(0, RECENT_MAX));
}

/** @param {string} id */
export function forgetPad(id) {
  save(recentPads().filter((pad) => pad.id !== id));
}

export function clearRecent() {
  writeStored(KEY, null);
}

/** @param {RecentPad[]} list */
function save(list) {
  writeStored(KEY, JSON.stringify(list));
}

/** @param {any} pad @returns {pad is RecentPad} */
function isRecentPad(pad) {
  return (
    typeof pad?.id === "string" &&
    /^[A-Za-z0-9_-]{1,64}$/.test(pad.id) &&
    typeof pad.title === "string" &&
    typeof pad.excerpt === "string" &&
    Number.isInteger(pad.revision) &&
    Number.isFinite(pad.changedAt)
  );
}

/**
 * The first line that says more than the title.
 * @param {string} text  the beginning of the pad is enough
 * @param {string} title
 */
export function excerptOf(text, title) {
  const lines = text
    .split("\n")
    .map((line) => line.replace(/^[#>\s*-]+(\[[ x]\])?|[*_`]/g, "").trim());
  const line = lines.find((candidate) => candidate && candidate !== title) ?? "";
  return [...line].slice(0, EXCERPT_LENGTH_MAX).join("");
}

/** @param {number} changedAt @param {number} now @param {string} [locale] */
export function changedText(changedAt, now, locale) {
  const minutes = Math.floor((now - changedAt) / 60_000);
  if (minutes < 1) return "Changed just now";
  if (minutes < 60) return `Changed ${minutes} min ago`;
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  if (changedAt >= midnight) return `Changed ${Math.floor(minutes / 60)} h ago`;
  if (changedAt >= midnight - 86_400_000) return "Changed yesterday";
  const date = new Date(changedAt);
  const year = date.getFullYear() === new Date(now).getFullYear() ? undefined : "numeric";
  return `Changed ${date.toLocaleDateString(locale, { day: "numeric", month: "short", year })}`;
}

/**
 * The pad whose id was most likely meant, if one is near enough.
 * @param {string} id @param {RecentPad[]} pads @returns {RecentPad | null}
 */
export function nearestPad(id, pads) {
  let best = null;
  let bestDistance = Math.min(3, Math.floor(id.length / 3)) + 1;
  for (const pad of pads) {
    if (pad.id === id) continue;
    const distance = Math.min(editDistance(id, pad.id), editDistance(id, withoutSuffix(pad.id)));
    if (distance < bestDistance) [best, bestDistance] = [pad, distance];
  }
  return best;
}

/** Named pads end in a random suffix, which people leave out. @param {string} id */
function withoutSuffix(id) {
  return id.replace(/-[A-Za-z0-9_-]{8}$/, "");
}

/** Levenshtein. @param {string} a @param {string} b */
function editDistance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[b.length];
}
