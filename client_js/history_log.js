/**
 * The log as the history shows it: the entries that are loaded, the text at any revision of them,
 * who wrote which part of it, and what was changed last. Pure.
 *
 * A text is made from the nearest checkpoint before it and the entries since then, folded into one.
 * Checkpoints are made while one looks on, and thinned out when they grow heavy. Entries come page
 * by page, the newest first; as long as older ones are missing, nobody is known to have written
 * what stands in their text.
 */
import { changes, fold } from "./attribution.js";
import { apply, codePoints, composeAll, invert } from "./operation.js";

/** @typedef {import("./operation.js").Operation} Operation */
/** @typedef {import("./attribution.js").LogEntry} LogEntry */
/** @typedef {import("./attribution.js").Piece} Piece */
/** @typedef {import("./attribution.js").Run} Run */
/** @typedef {{ person: string, name: string, color: number }} Author */
/** @typedef {{ from: number, entries: LogEntry[], authors: Record<string, Author> }} LogPage */
/** @typedef {{ revision: number, text: string, runs: Run[] }} Checkpoint */

/** To fold so many entries takes a millisecond or two. */
const CHECKPOINT_ENTRIES = 256;

/** What the checkpoints of a log may hold together: characters, and a run as so many of them. */
const CHECKPOINTS_WEIGHT_MAX = 32_000_000;
const RUN_WEIGHT = 20;

/** Further apart, two texts are compared rather than led from one to the other by their entries. */
const STEP_ENTRIES_MAX = 2_000;

/** A person's edits are one change as long as they do not pause: in milliseconds, in entries. */
const CHANGE_PAUSE_MS = 2_000;
const CHANGE_ENTRIES_MAX = 100;

export class HistoryLog {
  /** Entry `first + i + 1` is at i. @type {LogEntry[]} */
  entries = [];
  /** @type {Record<string, Author>} */
  authors = {};
  /** In the order of their revisions; the first one is at `first`. @type {Checkpoint[]} */
  #checkpoints;
  #spacing = CHECKPOINT_ENTRIES;

  /** @param {number} first  the oldest revision that can be shown @param {string} text  at it */
  constructor(first, text) {
    this.first = first;
    this.#checkpoints = [{ revision: first, text, runs: runOf(text) }];
  }

  /** The newest revision. */
  get head() {
    return this.first + this.entries.length;
  }

  /** The entry that made a revision. @param {number} revision @returns {LogEntry | undefined} */
  entry(revision) {
    return this.entries[revision - this.first - 1];
  }

  /** Who made a revision. @param {number} revision @returns {Author | undefined} */
  authorOf(revision) {
    const session = this.entry(revision)?.[0];
    return session === undefined ? undefined : this.authors[session];
  }

  // --- pages

  /** Newer entries, right after the head. @param {LogPage} page */
  append({ from, entries, authors }) {
    // Of two answers that were asked for at once, the second one repeats.
    this.entries = this.entries.concat(entries.slice(this.head - from));
    this.#putTimesInOrder();
    Object.assign(this.authors, authors);
  }

  /** Older entries, right before the first. @param {LogPage} page @param {string} text  before them */
  prepend({ from, entries, authors }, text) {
    this.first = from;
    this.entries = entries.concat(this.entries);
    this.#putTimesInOrder();
    Object.assign(this.authors, authors);
    this.#checkpoints.unshift({ revision: from, text, runs: runOf(text) });
  }

  /**
   * Makes the checkpoints, one at each step, so that the caller can pause; and, now that all pages
   * are there, tells again who wrote what in those that were made without the older ones.
   */
  *prepare() {
    let [last] = this.#checkpoints;
    for (let revision = last.revision; revision < this.head; ) {
      revision = Math.min(this.head, last.revision + this.#spacing);
      const place = this.#checkpoints.findIndex((made) => made.revision > last.revision);
      const next = this.#checkpoints[place];
      if (next !== undefined && next.revision <= revision) {
        revision = next.revision;
        next.runs = carry(last.runs, fold(this.#between(last.revision, revision)));
        last = next;
      } else if (revision === last.revision + this.#spacing) {
        last = this.#follow(last, revision);
        this.#checkpoints.splice(place < 0 ? this.#checkpoints.length : place, 0, last);
        this.#thinOut();
      }
      yield revision;
    }
  }

  // --- texts

  /** @param {number} revision  from `first` to `head` @returns {Checkpoint} text and runs there */
  at(revision) {
    const before = this.#checkpoints.findLast((made) => made.revision <= revision);
    if (before === undefined) throw new RangeError(`revision ${revision} is not loaded`);
    return this.#follow(before, revision);
  }

  /**
   * What leads from the text at one revision to that at another; null if they are too far apart.
   * @param {Checkpoint} from @param {Checkpoint} to @returns {Operation | null}
   */
  operation(from, to) {
    const [older, newer] = from.revision <= to.revision ? [from, to] : [to, from];
    if (newer.revision - older.revision > STEP_ENTRIES_MAX) return null;
    const entries = this.#between(older.revision, newer.revision);
    const op = composeAll(entries.map(([, , one]) => one));
    return older === from ? op : invert(op, older.text);
  }

  /**
   * What was changed last: all that the author of a revision did up to it without a pause.
   * @param {number} revision
   * @returns {import("./attribution.js").Change[]}
   */
  lastChange(revision) {
    const last = this.entry(revision);
    if (last === undefined) return [];
    const oldest = Math.max(this.first, revision - CHANGE_ENTRIES_MAX);
    let from = revision - 1;
    let after = last[1];
    for (; from > oldest; from -= 1) {
      const [session, timeMs] = /** @type {LogEntry} */ (this.entry(from));
      if (session !== last[0] || after - timeMs > CHANGE_PAUSE_MS) break;
      after = timeMs;
    }
    return changes(this.at(from).text, this.#between(from, revision));
  }

  // --- inside

  /** The server's clock may have been set back: what is shown never goes back in time. */
  #putTimesInOrder() {
    let newest = -Infinity;
    this.entries.forEach(([session, timeMs, op], index) => {
      if (timeMs < newest) this.entries[index] = [session, newest, op];
      else newest = timeMs;
    });
  }

  /** The entries that lead from one revision to a later one. @param {number} from @param {number} to */
  #between(from, to) {
    return this.entries.slice(from - this.first, to - this.first);
  }

  /** @param {Checkpoint} from @param {number} revision @returns {Checkpoint} */
  #follow(from, revision) {
    const entries = this.#between(from.revision, revision);
    const op = composeAll(entries.map(([, , one]) => one));
    return { revision, text: apply(from.text, op), runs: carry(from.runs, fold(entries)) };
  }

  /** Every second checkpoint goes when they weigh too much, and the next ones are wider apart. */
  #thinOut() {
    const weight = this.#checkpoints.reduce(
      (sum, { text, runs }) => sum + text.length + RUN_WEIGHT * runs.length,
      0,
    );
    if (weight <= CHECKPOINTS_WEIGHT_MAX || this.#checkpoints.length < 3) return;
    const newest = this.#checkpoints.at(-1);
    this.#checkpoints = this.#checkpoints.filter(
      (made, index) => index % 2 === 0 || made === newest,
    );
    this.#spacing *= 2;
  }
}

/** A text of unknown authors. @param {string} text @returns {Run[]} */
function runOf(text) {
  return text === "" ? [] : [{ length: codePoints(text), session: null }];
}

/** Who wrote what after a change. @param {Run[]} runs @param {Piece[]} pieces @returns {Run[]} */
function carry(runs, pieces) {
  /** @type {Run[]} */
  const out = [];
  /** @param {number} length @param {string | null} session */
  const put = (length, session) => {
    const last = out.at(-1);
    if (last?.session === session) last.length += length;
    else if (length > 0) out.push({ length, session });
  };
  let index = 0;
  let left = runs[0]?.length ?? 0;
  /** @param {number} length @param {boolean} keep */
  const pass = (length, keep) => {
    while (length > 0 && index < runs.length) {
      const count = Math.min(length, left);
      if (keep) put(count, runs[index].session);
      length -= count;
      left -= count;
      if (left === 0) left = runs[++index]?.length ?? 0;
    }
  };
  for (const { kind, length, session } of pieces) {
    if (kind === "insert") put(length, session);
    else pass(length, kind === "keep");
  }
  pass(Infinity, true);
  return out;
}
