/**
 * one session's copy on disk: what is written when, under which key, and what if the disk fails
 *
 * The session says how things stand (`current`); here it is decided what of it has to be written.
 * Without a disk, from the start or from some moment on, everything goes on in memory, and `stored`
 * says so.
 */

import { hasPending } from "./offline.js";
import { compose } from "./operation.js";
import { randomKey } from "./profile.js";

/** @typedef {import("./operation.js").Operation} Operation */
/** @typedef {import("./connection.js").Environment} Environment */
/** @typedef {import("./offline.js").OfflineStore} OfflineStore */
/** @typedef {import("./offline.js").StateRecord} StateRecord */
/** @typedef {import("./offline.js").Saved} Saved */
/** @typedef {import("./offline.js").Claim} Claim */
/** @typedef {Pick<StateRecord, "client" | "title" | "unsent">} Current */
/** @typedef {{claim: Claim, finder: LocalCopy}} Orphan  left by a closed tab; found by another */

/** The text is written to disk when nothing has come for this long, and nothing is pending. */
const QUIET_MS = 2_000;
/** Or when what came since is this large, since that is written with every edit. */
const SINCE_SIZE_MAX = 4_000;
/** Some browsers never answer; what is typed must not wait for them for ever. */
const DISK_MS_MAX = 3_000;

export class LocalCopy {
  /** Of the text that is here; null for none. @type {string | null} */
  epoch = null;
  /** @type {OfflineStore | null} */
  #store = null;
  #claim = unkept();
  /** The confirmed text is the text record at `textRevision`, then `since`. @type {Operation} */
  #since = [];
  #textRevision = 0;
  /** Whether the record on the disk has edits that are not acknowledged. */
  #pendingOnDisk = false;
  /** Drafts that will not change any more. @type {string | null} */
  #earlierDraft = null;
  /** What was on screen when it became a draft. @type {string | null} */
  #screenDraft = null;
  /** @type {number | undefined} */
  #quietTimer;

  /**
   * @param {object} options
   * @param {string} options.pad
   * @param {Environment} options.environment
   * @param {Orphan | null} options.orphan  take this up, rather than look for one
   * @param {() => Current} options.current
   * @param {() => string | null} options.confirmedText  null while edits are pending
   * @param {() => void} options.onChange  of `stored` or `draft`
   */
  constructor({ pad, environment, orphan, current, confirmedText, onChange }) {
    this.pad = pad;
    this.environment = environment;
    this.orphan = orphan;
    this.current = current;
    this.confirmedText = confirmedText;
    this.onChange = onChange;
  }

  /** The session's key. */
  get key() {
    return this.#claim.key;
  }

  /** Whether what is typed outlives this tab. */
  get stored() {
    return this.#store !== null;
  }

  /** Text that could not be merged, for the person to take. */
  get draft() {
    return this.#screenDraft === null
      ? this.#earlierDraft
      : join(this.#earlierDraft, this.#screenDraft);
  }

  /**
   * Take a session up, as it was saved if it was; never fails.
   * @returns {Promise<{saved: Saved | null, orphans: Orphan[]}>}
   */
  async open() {
    if (this.orphan !== null) {
      this.#store = this.orphan.finder.#store;
      return { saved: this.#takeUp(this.orphan.claim), orphans: [] };
    }
    try {
      const store = await this.#inTime(this.environment.openStore());
      const draft = await this.#inTime(store.draft(this.pad));
      const { own, orphans } = await this.#inTime(store.claim(this.pad));
      this.#store = store;
      this.#earlierDraft = draft;
      return {
        saved: this.#takeUp(own),
        orphans: orphans.map((claim) => ({ claim, finder: this })),
      };
    } catch {
      // No disk for us: the pad works, and says that closing it would lose what is not sent.
      return { saved: null, orphans: [] };
    }
  }

  /** The text is this one from now on. @param {string} text @param {string} epoch */
  startText(text, epoch) {
    this.epoch = epoch;
    this.#keepText(text);
  }

  /** There is no text any more, until another one comes. */
  dropText() {
    this.environment.clearTimer(this.#quietTimer);
    this.epoch = null;
    this.#since = [];
  }

  /** The confirmed text has changed. @param {Operation} op */
  follow(op) {
    this.#since = compose(this.#since, op);
  }

  /**
   * Write how things stand, if need be; resolves when it is on the disk, or the disk is given up.
   * @param {string} [text]  the confirmed text, if it is to be kept anew
   */
  async save(text) {
    const record = this.#record();
    if (record === null) return;
    const pending = hasPending(record);
    // What others type is in the log; it comes again.
    if (text === undefined && !pending && !this.#pendingOnDisk) return;
    await this.#onDisk((store) => store.save(record, text));
    this.#pendingOnDisk = pending;
  }

  /** Keep the text anew when all is quiet, or at once when too much has come since. */
  keepTextWhenQuiet() {
    const { environment } = this;
    environment.clearTimer(this.#quietTimer);
    if (this.#since.length === 0 || this.#store === null) return;
    const keep = () => {
      const text = this.confirmedText();
      if (text !== null) this.#keepText(text);
    };
    if (sizeOf(this.#since) > SINCE_SIZE_MAX) keep();
    else this.#quietTimer = environment.setTimer(keep, QUIET_MS);
  }

  /** Go on under a new session key, with all that is kept. */
  async renewKey() {
    const old = this.#claim;
    this.#claim = (await this.#onDisk((store) => store.fresh())) ?? unkept();
    const record = this.#record();
    await this.#onDisk((store) =>
      record === null ? store.remove(this.pad, old.key) : store.rename(old.key, record),
    );
    this.#pendingOnDisk = record !== null && hasPending(record);
    old.release();
  }

  /**
   * What is on screen becomes a draft; again and again while what is typed has no text under it.
   * @param {string} screen
   */
  keepDraft(screen) {
    // An orphan's is kept by the session that can show it.
    if (this.orphan !== null) return this.orphan.finder.#addDraft(screen);
    if (this.epoch !== null) this.#earlierDraft = this.draft;
    this.#screenDraft = screen;
    this.#saveDraft();
  }

  /** The person has the draft, or does not want it. */
  async discardDraft() {
    // It is gone from the screen when it is gone from the disk: a reload does not bring it back.
    await this.#onDisk((store) => store.keepDraft(this.pad, null));
    this.#earlierDraft = this.#screenDraft = null;
    this.onChange();
  }

  /** Forget what is on the disk, and write nothing more, or it would be back. */
  remove() {
    this.#onDisk((store) => store.remove(this.pad, this.key));
    this.#store = null;
  }

  /** Leave the session to whoever opens the pad next. */
  close() {
    this.environment.clearTimer(this.#quietTimer);
    this.#claim.release();
  }

  /** @param {Claim} claim @returns {Saved | null} */
  #takeUp(claim) {
    this.#claim = claim;
    const { saved } = claim;
    if (saved !== null) {
      this.epoch = saved.state.epoch;
      this.#since = saved.state.since;
      this.#textRevision = saved.state.textRevision;
      this.#pendingOnDisk = hasPending(saved.state);
    }
    return saved;
  }

  /** @returns {StateRecord | null} null while there is no text */
  #record() {
    if (this.epoch === null) return null;
    return {
      ...this.current(),
      pad: this.pad,
      key: this.key,
      since: this.#since,
      textRevision: this.#textRevision,
      epoch: this.epoch,
      savedAt: this.environment.now(),
    };
  }

  /** @param {string} text  the confirmed text */
  #keepText(text) {
    this.#since = [];
    this.#textRevision = this.current().client.revision;
    this.save(text);
  }

  /** Keep a text beside a draft that nobody has taken yet. @param {string} text */
  #addDraft(text) {
    this.#earlierDraft = join(this.#earlierDraft, text);
    this.#saveDraft();
  }

  #saveDraft() {
    this.#onDisk((store) => store.keepDraft(this.pad, this.draft));
    this.onChange();
  }

  /**
   * Do this if there is a disk. One that fails, is full, or is silent is given up: from then on
   * this tab is the only place.
   * @template T
   * @param {(store: OfflineStore) => Promise<T>} work
   * @returns {Promise<T | null>} null without a disk
   */
  async #onDisk(work) {
    if (this.#store === null) return null;
    try {
      return await this.#inTime(work(this.#store));
    } catch {
      this.#store = null;
      this.onChange();
      return null;
    }
  }

  /**
   * Wait for the disk, but not for ever.
   * @template T
   * @param {Promise<T>} work
   * @returns {Promise<T>}
   */
  #inTime(work) {
    const { environment } = this;
    /** @type {number | undefined} */
    let timer;
    const late = new Promise((_, reject) => {
      timer = environment.setTimer(() => reject(new Error("the disk is silent")), DISK_MS_MAX);
    });
    return Promise.race([work, late]).finally(() => environment.clearTimer(timer));
  }
}

/** A session that is not on any disk. @returns {Claim} */
function unkept() {
  return { key: randomKey(), saved: null, release: () => {} };
}

/** Two drafts as one text. @param {string | null} earlier @param {string} draft */
function join(earlier, draft) {
  return earlier === null || earlier === draft ? draft : `${earlier}\n\n${draft}`;
}

/** Components and characters. @param {Operation} op */
function sizeOf(op) {
  let size = op.length;
  for (const component of op) if (typeof component === "string") size += component.length;
  return size;
}
