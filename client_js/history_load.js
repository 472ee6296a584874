/**
 * Gets the log from the server for the history: the newest page first, older ones after it, and
 * what has been written since.
 */
import { HistoryLog } from "./history_log.js";

/** Entries that are asked for at once; the server gives no more in one answer. */
const PAGE_ENTRIES = 10_000;

/** As much of a log as a page keeps: of a longer one, the newest. Some 100 MB at a few words an entry. */
const LOADED_ENTRIES_MAX = 200_000;

/** Checkpoints are made for so long before the page gets its turn: half a frame. */
const SLICE_MS = 8;

/** @typedef {import("./history_log.js").LogPage & { to: number, head: number }} Answer */
/** @typedef {import("./history_shape.js").NamedVersion} NamedVersion */

export class HistoryLoader {
  /** @type {HistoryLog | null} */
  log = null;
  /** @type {NamedVersion[]} */
  named = [];
  #address;
  #closed = false;

  /** @param {string} address  of the pad @param {() => void} onChange  there is more to show */
  constructor(address, onChange) {
    this.#address = address;
    this.onChange = onChange;
  }

  /**
   * The newest page; the others follow. Throws if it cannot be had.
   * @param {number} wanted  a revision that has to be there, if the log keeps it
   */
  async open(wanted) {
    const [{ head }, named] = await Promise.all([this.#page(0, 0), this.#json("versions")]);
    this.named = named;
    const oldest = Math.max(0, head - LOADED_ENTRIES_MAX);
    const first = Math.max(oldest, Math.min(head - PAGE_ENTRIES, wanted - 1));
    const log = await this.#stretch(first, head);
    this.log = log;
    this.#loadOlder(log, oldest);
  }

  /** What has been written since. Throws if it cannot be had. */
  async newer() {
    const { log } = this;
    if (log === null) return;
    for (let head = Infinity; log.head < head; ) {
      /** @type {Answer} */
      const answer = await this.#json(`history?from=${log.head}`);
      if (answer.entries.length === 0) break;
      log.append(answer);
      head = answer.head;
    }
    this.onChange();
  }

  /**
   * Gives a revision a name; an empty one takes it away. Throws if the server does not do it.
   * @param {number} revision @param {string} name @param {string} person  its key
   */
  async name(revision, name, person) {
    const body = JSON.stringify({ revision, name, person });
    this.named = await this.#json("versions", { method: "POST", body });
    this.onChange();
  }

  close() {
    this.#closed = true;
  }

  /** The log between two revisions. @param {number} first @param {number} head */
  async #stretch(first, head) {
    const [text, page] = await Promise.all([this.#text(first), this.#entries(first, head)]);
    const log = new HistoryLog(first, text);
    log.append(page);
    return log;
  }

  /** @param {HistoryLog} log @param {number} oldest */
  async #loadOlder(log, oldest) {
    await this.#prepare(log);
    let loaded = false;
    while (log.first > oldest && !this.#closed) {
      const from = Math.max(oldest, log.first - PAGE_ENTRIES);
      try {
        const [text, page] = await Promise.all([
          this.#text(from),
          this.#entries(from, log.first),
        ]);
        log.prepend(page, text);
      } catch {
        break; // What is there can be looked at; opening the history again asks again.
      }
      loaded = true;
      this.onChange();
    }
    if (!loaded) return;
    await this.#prepare(log);
    this.onChange();
  }

  /** @param {HistoryLog} log */
  async #prepare(log) {
    let until = performance.now() + SLICE_MS;
    for (const _ of log.prepare()) {
      if (this.#closed) return;
      if (performance.now() < until) continue;
      await new Promise((resolve) => setTimeout(resolve));
      until = performance.now() + SLICE_MS;
    }
  }

  /**
   * All entries between two revisions, in as many answers as the server makes of them.
   * @param {number} from @param {number} to @returns {Promise<import("./history_log.js").LogPage>}
   */
  async #entries(from, to) {
    const { entries, authors } = await this.#page(from, to);
    while (from + entries.length < to) {
      const more = await this.#page(from + entries.length, to);
      if (more.entries.length === 0) throw new Error("the server gives no more of its log");
      for (const entry of more.entries) entries.push(entry);
      Object.assign(authors, more.authors);
    }
    return { from, entries, authors };
  }

  /** One answer, which may end before `to`. @param {number} from @param {number} to @returns {Promise<Answer>} */
  #page(from, to) {
    return this.#json(`history?from=${from}&to=${to}`);
  }

  /** @param {number} revision */
  async #text(revision) {
    if (revision === 0) return "";
    const bytes = await (await this.#ask(`text?at=${revision}`)).arrayBuffer();
    // A mark at the beginning is part of the text, as everywhere else.
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  }

  /** @param {string} what @param {RequestInit} [init] */
  async #json(what, init) {
    return (await this.#ask(what, init)).json();
  }

  /** @param {string} what @param {RequestInit} [init] */
  async #ask(what, init) {
    const answer = await fetch(`${this.#address}/${what}`, init);
    if (!answer.ok) throw new Error(`${what}: ${answer.status}`);
    return answer;
  }
}
