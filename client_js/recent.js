/**
 * The pads that this browser has opened: kept here only, newest first.
 */
import { readStored, writeStored } from "./stored.js";
import { locale, t } from "./strings.js";

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

/** @param {number} changedAt @param {number} now @param {string} [inLocale] */
export function changedText(changedAt, now, inLocale = locale) {
  const minutes = Math.floor((now - changedAt) / 60_000);
  if (minutes < 1) return t("home.changedNow");
  if (minutes < 60) return t("home.changedMinutes", { count: minutes });
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  if (changedAt >= midnight) return t("home.changedHours", { count: Math.floor(minutes / 60) });
  if (changedAt >= midnight - 86_400_000) return t("home.changedYesterday");
  const date = new Date(changedAt);
  const year = date.getFullYear() === new Date(now).getFullYear() ? undefined : "numeric";
  const words = date.toLocaleDateString(inLocale, { day: "numeric", month: "short", year });
  return t("home.changedOn", { date: words });
}
