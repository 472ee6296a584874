/**
 * one session's copy on disk: what is written when, under which key, and what if the disk fails
 *
 * The session says how things stand (`current`); here it is decided what of it has to be written.
 * Without a disk, from the start or from some moment on, everything goes on in memory, and `stored`
 * says so.
 */

import { draftKey, hasPending } from "./offline.js";
import { compose } from "./operation.js";
import { randomKey } from "./profile.js";

/** @typedef {import("./operation.js").Operation} Operation */
/** @typedef {import("./connection.js").Environment} Environment */
/** @typedef {import("./offline.js").OfflineStore} OfflineStore */
/** @typedef {import("./offline.js").StateRecord} StateRecord */
/** @typedef {import("./offline.js").Saved} Saved */
/** @typedef {import("./offline.js").Claim} Claim */
/** @typedef {import("./offline.js").Draft} Draft */
/** @typedef {Pick<StateRecord, "client" | "title" | "language" | "unsent">} Current */
/** @typedef {{text: string, revision: number, epoch: string, kept?: boolean}} PageText
 *    brought by the page; `kept` if that was kept in this browser, and may be older than a copy */
/** @typedef {{claim: Claim, finder: LocalCopy}} Orphan  left by a closed tab; found by another */

/** The text is written to disk when nothing has come for this long, and nothing is pending. */
const QUIET_MS = 2_000;
/** Or when it has not been for this long, since some programs never pause. */
const KEEP_MS_MAX = 30_000;
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
  /** When `since` began. */
  #sinceAt = 0;
  /** Whether the record on the disk has edits that are not acknowledged. */
  #pendingOnDisk = false;
  /** Those that were found on the disk, and then those of this tab. @type {Map<string, Draft>} */
  #drafts = new Map();
  /** Of what was on screen when it became a draft; null before that. @type {string | null} */
  #screenDraft = null;
  /** Whether the disk has the latest draft, as soon as that is known. */
  #draftKept = Promise.resolve(true);
  /** Until there is nothing more of it on the disk. @type {Promise<unknown>} */
  #removed = Promise.resolve();
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
    /** @type {Draft | null} */
    let all = null;
    for (const draft of this.#drafts.values()) all = join(all, draft);
    return all;
  }

  /**
   * Take a session up, as it was saved if it was; never fails. `newest` is what another one has of
   * the log, if that is newer and nothing here is unsent.
   * @param {boolean} [fresh]  the page has just come from the server: nothing here is newer
   * @returns {Promise<{saved: Saved | null, newest: Saved | null, orphans: Orphan[]}>}
   */
  async open(fresh = false) {
    if (this.orphan !== null) {
      this.#store = this.orphan.finder.#store;
      return { saved: this.#takeUp(this.orphan.claim), newest: null, orphans: [] };
    }
    try {
      const store = await this.#inTime(this.environment.openStore());
      const drafts = await this.#inTime(store.drafts(this.pad));
      const { own, orphans, newest } = await this.#inTime(store.claim(this.pad), letGo);
      const wanted = newest !== undefined && !fresh && isBehind(own, newest);
      const confirmed = wanted ? await this.#inTime(store.confirmed(newest)) : null;
      this.#store = store;
      store.onLost(() => this.#loseDisk());
      this.#drafts = drafts;
      return {
        saved: this.#takeUp(own),
        newest: confirmed,
        orphans: orphans.map((claim) => ({ claim, finder: this })),
      };
    } catch {
      // No disk for us: the pad works, and says that closing it would lose what is not sent.
      return { saved: null, newest: null, orphans: [] };
    }
  }

  /** What tabs that were closed since then have left. @returns {Promise<Orphan[]>} */
  async orphans() {
    const claims = await this.#onDisk((store) => store.orphans(this.pad), (orphans) => letGo({ orphans }));
    return (claims ?? []).map((claim) => ({ claim, finder: this }));
  }

  /** The text is this one from now on. @param {string} text @param {string} epoch */
  startText(text, epoch) {
    this.epoch = epoch;
    this.#keepText(text);
  }

  /**
   * The same for a page that has brought the text with it, and may have found an older copy here.
   * @param {PageText} page @param {Saved | null} saved
   * @returns {Promise<number>} the last seq of the session that it goes on under
   */
  async startAgain({ text, revision, epoch }, saved) {
    const before = saved?.state;
    let lastSeq = before?.client.lastSeq ?? 0;
    if (before && (before.epoch !== epoch || before.client.revision > revision)) {
      // Not all that the session has done is in this text: go on as another one.
      this.dropText();
      await this.renewKey();
      lastSeq = 0;
    }
    this.startText(text, epoch);
    return lastSeq;
  }

  /** There is no text any more, until another one comes. */
  dropText() {
    this.environment.clearTimer(this.#quietTimer);
    this.epoch = null;
    this.#since = [];
  }

  /** The confirmed text has changed. @param {Operation} op */
  follow(op) {
    if (this.#since.length === 0) this.#sinceAt = this.environment.now();
    this.#since = compose(this.#since, op);
  }

  /**
   * Write how things stand, if need be; resolves when it is on the disk, or the disk is given up.
   * @param {string} [text]  the confirmed text, if it is to be kept anew
   * @returns {Promise<boolean>} whether the disk has it now
   */
  async save(text) {
    const record = this.#record();
    if (record === null) return false;
    const pending = hasPending(record);
    // What others type is in the log; it comes again.
    if (text === undefined && !pending && !this.#pendingOnDisk) return this.stored;
    await this.#onDisk((store) => store.save(record, text));
    this.#pendingOnDisk = pending;
    return this.stored;
  }

  /** Keep the text anew when all is quiet, or at once when too much has come since, or for too long. */
  keepTextWhenQuiet() {
    const { environment } = this;
    environment.clearTimer(this.#quietTimer);
    if (this.#since.length === 0 || this.#store === null) return;
    const keep = () => {
      const text = this.confirmedText();
      if (text !== null) this.#keepText(text);
    };
    const late = environment.now() - this.#sinceAt >= KEEP_MS_MAX;
    if (late || sizeOf(this.#since) > SINCE_SIZE_MAX) keep();
    else this.#quietTimer = environment.setTimer(keep, QUIET_MS);
  }

  /** Go on under a new session key, with all that is kept. */
  async renewKey() {
    const old = this.#claim;
    // What is in a draft is forgotten when the disk has that.
    await this.#draftKept;
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
   * @param {Partial<Draft>} [why]
   */
  keepDraft(screen, why) {
    const draft = { edits: 0, diverged: false, ...why, text: screen };
    if (this.orphan !== null) {
      // An orphan's is kept by the session that can show it.
      this.#draftKept = this.orphan.finder.#keepDraft(draftKey(this.pad), draft);
      return;
    }
    if (this.epoch !== null) this.#screenDraft = null;
    this.#screenDraft ??= draftKey(this.pad);
    this.#draftKept = this.#keepDraft(this.#screenDraft, draft);
  }

  /** The person has the draft, or does not want it. */
  async discardDraft() {
    const keys = [...this.#drafts.keys()];
    // What becomes one from now on is another one.
    this.#screenDraft = null;
    // It is gone from the screen when it is gone from the disk: a reload does not bring it back.
    await this.#onDisk((store) => store.removeDrafts(keys));
    for (const key of keys) this.#drafts.delete(key);
    this.onChange();
  }

  /** Forget what is on the disk, and write nothing more, or it would be back. */
  remove() {
    const { key } = this;
    this.#removed = this.#onDisk(async (store) => {
      if (await this.#draftKept) await store.remove(this.pad, key);
    });
    this.#store = null;
  }

  /** Leave the session to whoever opens the pad next. */
  close() {
    this.environment.clearTimer(this.#quietTimer);
    this.#removed.then(() => this.#claim.release());
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
      savedAt: this.environment.date(),
    };
  }

  /** @param {string} text  the confirmed text */
  #keepText(text) {
    this.#since = [];
    this.#textRevision = this.current().client.revision;
    this.save(text);
  }

  /** @param {string} key @param {Draft} draft @returns {Promise<boolean>} whether the disk has it */
  #keepDraft(key, draft) {
    this.#drafts.set(key, draft);
    const written = this.#onDisk((store) => store.keepDraft(key, draft));
    this.onChange();
    return written.then(() => this.stored);
  }

  /**
   * Do this if there is a disk. One that fails, is full, or is silent is given up: from then on
   * this tab is the only place.
   * @template T
   * @param {(store: OfflineStore) => Promise<T>} work
   * @param {(result: T) => void} [tooLate]  with what it gives when it has been given up
   * @returns {Promise<T | null>} null without a disk
   */
  async #onDisk(work, tooLate) {
    if (this.#store === null) return null;
    try {
      return await this.#inTime(work(this.#store), tooLate);
    } catch {
      this.#loseDisk();
      return null;
    }
  }

  /** From now on this tab is the only place. */
  #loseDisk() {
    this.#store = null;
    this.onChange();
  }

  /**
   * Wait for the disk, but not for ever.
   * @template T
   * @param {Promise<T>} work
   * @param {(result: T) => void} [tooLate]
   * @returns {Promise<T>}
   */
  #inTime(work, tooLate = () => {}) {
    const { environment } = this;
    /** @type {number | undefined} */
    let timer;
    const late = new Promise((_, reject) => {
      timer = environment.setTimer(() => {
        work.then(tooLate, () => {});
        reject(new Error("the disk is silent"));
      }, DISK_MS_MAX);
    });
    return Promise.race([work, late]).finally(() => environment.clearTimer(timer));
  }
}

/**
 * Whether the text of a page is the one to go on from, and not the local copy.
 * @param {PageText} page @param {Saved | null} saved
 * @param {boolean} edited  something was typed on the page's text already
 */
export function isNewer({ revision, epoch, kept = false }, saved, edited) {
  if (saved === null) return true;
  const { state } = saved;
  if (hasPending(state)) return false;
  // Which of two epochs came later only the server can tell; a copy has been with it last.
  if (state.epoch !== epoch) return edited || !kept;
  return edited || state.client.revision < revision;
}

/**
 * Whether a session has less of the log than the newest one, and nothing unsent.
 * @param {Claim} claim @param {StateRecord} newest
 */
function isBehind({ saved }, { epoch, client }) {
  if (saved === null) return true;
  const { state } = saved;
  return !hasPending(state) && (state.epoch !== epoch || state.client.revision < client.revision);
}

/** Other tabs may have these. @param {{own?: Claim, orphans: Claim[]}} claims */
function letGo({ own, orphans }) {
  for (const claim of orphans) claim.release();
  own?.release();
}

/** A session that is not on any disk. @returns {Claim} */
function unkept() {
  return { key: randomKey(), saved: null, release: () => {} };
}

/** Two drafts as one. @param {Draft | null} earlier @param {Draft} draft @returns {Draft} */
function join(earlier, draft) {
  if (earlier === null) return draft;
  const diverged = earlier.diverged && draft.diverged;
  if (earlier.text === draft.text) return { ...draft, diverged };
  // Where one of the two numbers is not known, neither is their sum.
  const known = diverged || (earlier.edits > 0 && draft.edits > 0);
  const edits = known ? earlier.edits + draft.edits : 0;
  return { text: `${earlier.text}\n\n${draft.text}`, edits, diverged };
}

/** Components and characters. @param {Operation} op */
export function sizeOf(op) {
  let size = op.length;
  for (const component of op) if (typeof component === "string") size += component.length;
  return size;
}
