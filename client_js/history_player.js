/**
 * Plays the log: from edit to edit, as fast as it was written or faster.
 */
import { playMs } from "./history_shape.js";

/** With less motion: one step in so long. */
const CALM_STEP_MS = 1_000;

/** @typedef {import("./history_log.js").HistoryLog} HistoryLog */

export class Player {
  playing = false;
  #frame = 0;
  /** How much of the playing time the edits so far have used up. */
  #due = 0;

  /**
   * @param {object} options
   * @param {() => HistoryLog | null} options.log
   * @param {() => number} options.revision  that is shown
   * @param {() => { speed: number, skipQuiet: boolean }} options.how
   * @param {(revision: number) => void} options.onSeek
   * @param {() => void} options.onChange  it plays, or pauses
   */
  constructor({ log, revision, how, onSeek, onChange }) {
    this.log = log;
    this.revision = revision;
    this.how = how;
    this.onSeek = onSeek;
    this.onChange = onChange;
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.pause();
    });
  }

  toggle() {
    if (this.playing) this.pause();
    else this.#play();
  }

  pause() {
    if (!this.playing) return;
    cancelAnimationFrame(this.#frame);
    this.playing = false;
    this.onChange();
  }

  /** From the end, it starts again. */
  #play() {
    const log = this.log();
    if (log === null || log.entries.length === 0) return;
    if (this.revision() >= log.head) this.onSeek(log.first);
    this.playing = true;
    this.#due = performance.now() + this.#wait(this.revision());
    this.#frame = requestAnimationFrame((now) => this.#tick(now));
    this.onChange();
  }

  /** @param {number} now */
  #tick(now) {
    const log = this.log();
    let revision = this.revision();
    if (log === null || revision >= log.head) return this.pause();
    while (revision < log.head && this.#due <= now) {
      revision = this.#next(revision, log.head);
      this.#due += this.#wait(revision);
    }
    if (revision !== this.revision()) this.onSeek(revision);
    if (revision >= log.head) this.pause();
    else this.#frame = requestAnimationFrame((later) => this.#tick(later));
  }

  /** With less motion, steps are as wide as the speed instead of as quick. @param {number} revision @param {number} head */
  #next(revision, head) {
    return isCalm() ? Math.min(head, revision + this.how().speed) : revision + 1;
  }

  /** Until the step after a revision, in milliseconds. @param {number} revision */
  #wait(revision) {
    if (isCalm()) return CALM_STEP_MS;
    const log = this.log();
    const [before, after] = [log?.entry(revision), log?.entry(revision + 1)];
    if (before === undefined || after === undefined) return 0;
    return playMs(after[1] - before[1], this.how());
  }
}

function isCalm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
