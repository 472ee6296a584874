/**
 * The shape of a log over its revisions: how much was changed where and by whom, which versions
 * there are to choose from, when days begin, and how long to wait when it is played. Pure.
 */
import { codePoints } from "./operation.js";

/** @typedef {import("./history_log.js").HistoryLog} HistoryLog */
/** @typedef {import("./history_log.js").Author} Author */
/** @typedef {{ revision: number, name: string, person: string, time_ms: number }} NamedVersion */

/** The bars over the slider. */
export const BUCKETS = 128;

/** So long without an edit, and the next one begins a new version. */
export const QUIET_MS = 10 * 60_000;

/** A paste is one act, whatever its length; so many code points of an entry count as activity. */
const ENTRY_SIZE_MAX = 40;

/** Of a pause between two entries counts a minute; a stretch takes a second at least. */
const PAUSE_MS_MAX = 60_000;
const BUSY_MS_MIN = 1_000;

/** When quiet time is skipped, so much is quiet, and becomes so much. */
const SKIPPED_FROM_MS = 2_000;
const SKIPPED_TO_MS = 300;

/**
 * @typedef {object} Group  revisions that one would call a version
 * @property {number} from  the first of them
 * @property {number} to  the last one, which is shown when the version is chosen
 * @property {number} fromMs
 * @property {number} toMs
 * @property {number} inserted  code points
 * @property {number} deleted
 * @property {Author[]} authors  each person once, by the name they last had there
 * @property {string | null} name  for a named revision, which is a version by itself
 */

/**
 * All versions, the oldest first: a new one after ten quiet minutes and at a name. In the order of
 * the log, whose times never go back.
 * @param {HistoryLog} log @param {NamedVersion[]} named @returns {Group[]}
 */
export function groupsOf(log, named) {
  const names = new Map(named.map(({ revision, name }) => [revision, name]));
  /** @type {(Group & { people: Map<string, Author> })[]} */
  const groups = [];
  /** @type {(Group & { people: Map<string, Author> }) | null} */
  let group = null;
  for (let revision = log.first + 1; revision <= log.head; revision += 1) {
    const [session, timeMs, op] = /** @type {import("./attribution.js").LogEntry} */ (
      log.entry(revision)
    );
    const name = names.get(revision) ?? null;
    const goesOn = group !== null && name === null && group.name === null;
    if (group === null || !goesOn || timeMs - group.toMs >= QUIET_MS) {
      const [inserted, deleted, to] = [0, 0, revision];
      const [fromMs, toMs, people] = [timeMs, timeMs, new Map()];
      group = { from: revision, to, fromMs, toMs, inserted, deleted, authors: [], name, people };
      groups.push(group);
    }
    group.to = revision;
    group.toMs = timeMs;
    const size = sizeOf(op);
    group.inserted += size.inserted;
    group.deleted += size.deleted;
    const author = log.authors[session];
    if (author !== undefined) group.people.set(author.person, author);
  }
  return groups.map(({ people, ...rest }) => ({ ...rest, authors: [...people.values()] }));
}

/**
 * How busy each person was in each of 128 equal stretches of revisions: by color, code points
 * changed in a minute. A short log has fewer stretches, a revision each.
 * @param {HistoryLog} log @returns {Map<number, number>[]}
 */
export function bucketsOf(log) {
  const count = log.entries.length;
  /** @type {{ parts: Map<number, number>, ms: number }[]} */
  const buckets = Array.from({ length: Math.min(BUCKETS, count) }, () => ({
    parts: new Map(),
    ms: 0,
  }));
  let before = log.entries[0]?.[1] ?? 0;
  for (const [index, [session, timeMs, op]] of log.entries.entries()) {
    const bucket = buckets[Math.floor((index * buckets.length) / count)];
    const color = log.authors[session]?.color ?? 0;
    const { inserted, deleted } = sizeOf(op);
    const size = Math.min(inserted + deleted, ENTRY_SIZE_MAX);
    bucket.parts.set(color, (bucket.parts.get(color) ?? 0) + size);
    bucket.ms += Math.min(timeMs - before, PAUSE_MS_MAX);
    before = timeMs;
  }
  for (const { parts, ms } of buckets)
    for (const [color, size] of parts) parts.set(color, (size * 60_000) / Math.max(ms, BUSY_MS_MIN));
  return buckets.map(({ parts }) => parts);
}

/** @param {import("./operation.js").Operation} op */
function sizeOf(op) {
  let [inserted, deleted] = [0, 0];
  for (const component of op) {
    if (typeof component === "string") inserted += codePoints(component);
    else if (component < 0) deleted -= component;
  }
  return { inserted, deleted };
}

/**
 * The revisions that are the first of their day, but for the very first.
 * @param {HistoryLog} log @returns {number[]}
 */
export function dayStarts(log) {
  const starts = [];
  let day = "";
  for (const [index, [, timeMs]] of log.entries.entries()) {
    const its = new Date(timeMs).toDateString();
    if (day !== "" && its !== day) starts.push(log.first + index + 1);
    day = its;
  }
  return starts;
}

/**
 * Labels that fit beside each other: earlier ones in the list come first. One stands in the middle
 * of its place or, for want of room, to the left or to the right of it.
 * @template {{ at: number, width: number }} L  in pixels
 * @param {L[]} labels @param {{ from: number, to: number, gap: number }} room
 * @returns {(L & { left: number })[]}
 */
export function placeLabels(labels, { from, to, gap }) {
  /** @type {(L & { left: number })[]} */
  const placed = [];
  for (const label of labels) {
    const { at, width } = label;
    const left = [at - width / 2, at - width, at]
      .map((wanted) => Math.max(from, Math.min(to - width, wanted)))
      .find((left) =>
        placed.every(
          (other) => left >= other.left + other.width + gap || left + width + gap <= other.left,
        ),
      );
    if (left !== undefined && width <= to - from) placed.push({ ...label, left });
  }
  return placed;
}

/**
 * How long the step from one edit to the next is played.
 * @param {number} gapMs  between the two @param {{ speed: number, skipQuiet: boolean }} how
 */
export function playMs(gapMs, { speed, skipQuiet }) {
  if (skipQuiet && gapMs > SKIPPED_FROM_MS) return Math.min(SKIPPED_TO_MS, gapMs / speed);
  return Math.max(0, gapMs) / speed;
}

/**
 * The end of the version before or after a revision.
 * @param {Group[]} groups @param {number} revision @param {1 | -1} direction
 */
export function nextVersion(groups, revision, direction) {
  const ends = groups.map(({ to }) => to);
  const found =
    direction > 0 ? ends.find((end) => end > revision) : ends.findLast((end) => end < revision);
  return found ?? revision;
}
