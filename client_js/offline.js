/**
 * what a tab keeps on disk, in IndexedDB: so that closing it, or the machine, loses nothing
 *
 * "On the disk" is when the transaction is complete. It is `relaxed`: that outlives the tab and the browser, and
 * not surely a power cut, since the system writes it a little later; waiting for the disk with every letter would
 * cost more than it gives, for what is sent a moment later. A draft is in no other place: its write is `strict`.
 *
 * Each session of a pad has one state record and one text record, always written so that they fit together:
 *
 *    text at textRevision  .  since  =  text at client.revision,   then client.inFlight, client.buffer
 *
 * The state is small and written with every edit; the text is large and written when all is quiet. A session
 * belongs to the tab that holds its Web Lock. When a tab ends its lock falls free, and the next tab of the pad
 * takes the session over, with all that it had not sent.
 */

import { apply } from "./operation.js";
import { randomKey } from "./profile.js";

/** @typedef {import("./operation.js").Operation} Operation */
/** @typedef {import("./client.js").ClientState} ClientState */
/** @typedef {{pad: string, key: string, client: ClientState, since: Operation, textRevision: number,
 *    epoch: string, title: string, language?: string, savedAt: number,
 *    unsent: [inFlight: number, buffered: number]}}
 *    StateRecord  `unsent` counts edits as a person does; older records have no language */
/** @typedef {{pad: string, key: string, revision: number, text: string}} TextRecord */
/** @typedef {{state: StateRecord, text: string, confirmed: string}} Saved
 *    `text` is the text on screen; `confirmed` is without what the server has not acknowledged */
/** @typedef {{key: string, saved: Saved | null, release: () => void}} Claim */
/** @typedef {{text: string, edits: number, diverged: boolean}} Draft
 *    text that could not be merged, and why: see `draftEdits` and `diverged` in session_state.js */
/** @typedef {Draft & {pad: string}} DraftRecord
 *    each draft of a pad has one, so that tabs do not write over each other's: see `draftKey` */

const DATABASE = "deltapad";
const VERSION = 1;

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Where a new draft of a pad is kept; names of pads have no slash. @param {string} pad */
export function draftKey(pad) {
  return `${pad}/${randomKey()}`;
}

/**
 * Whether a state has edits that the server has not acknowledged.
 * @param {StateRecord} state
 * @returns {boolean}
 */
export function hasPending({ client }) {
  return client.inFlight !== null || client.buffer !== null;
}

/** Those with unsent edits first. @param {StateRecord} a @param {StateRecord} b */
const byPending = (a, b) => Number(hasPending(b)) - Number(hasPending(a));

/**
 * The newest first. Within an epoch that is the one with the most of the log, however late another
 * one was written; of two epochs the one that was written to last.
 * @param {StateRecord[]} states
 */
function newestFirst(states) {
  /** @type {Map<string, number>} */
  const written = new Map();
  const writtenAt = (/** @type {StateRecord} */ { epoch }) => written.get(epoch) ?? 0;
  for (const state of states) written.set(state.epoch, Math.max(state.savedAt, writtenAt(state)));
  return states.toSorted(
    (a, b) =>
      writtenAt(b) - writtenAt(a) ||
      b.client.revision - a.client.revision ||
      byPending(a, b) ||
      b.savedAt - a.savedAt,
  );
}

export class OfflineStore {
  /**
   * @param {IDBDatabase} database
   * @param {LockManager} locks
   */
  constructor(database, locks) {
    this.database = database;
    this.locks = locks;
  }

  /**
   * Open the store of this browser; rejects where there is none (denied, full, not a secure context).
   * @param {IDBFactory} [factory]
   * @param {LockManager} [locks]
   * @returns {Promise<OfflineStore>}
   */
  static async open(factory = globalThis.indexedDB, locks = globalThis.navigator?.locks) {
    if (!factory || !locks) throw new Error("this browser keeps nothing for pages like this one");
    const request = factory.open(DATABASE, VERSION);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("states", { keyPath: ["pad", "key"] });
      request.result.createObjectStore("texts", { keyPath: ["pad", "key"] });
      request.result.createObjectStore("drafts", { keyPath: "pad" });
    };
    return new OfflineStore(await done(request), locks);
  }

  /**
   * Tell when the store is gone under an open tab: its data were cleared or evicted, or a newer
   * version of the page wants to change it.
   * @param {() => void} lost
   */
  onLost(lost) {
    this.database.onclose = lost;
    this.database.onversionchange = () => {
      this.database.close();
      lost();
    };
  }

  /**
   * Take a session of this pad that no tab has: one with unsent edits if there is one, else the newest, else
   * a new one. The others with unsent edits come as `orphans`, to be sent; those without are forgotten, but
   * for one that is newer than all others.
   * @param {string} pad
   * @returns {Promise<{own: Claim, orphans: Claim[], newest: StateRecord | undefined}>}
   */
  async claim(pad) {
    const states = newestFirst(await this.#states(pad));
    const [newest] = states;
    /** @type {Claim | null} */
    let own = null;
    /** @type {Claim[]} */
    const orphans = [];
    await this.#lockEach(states.toSorted(byPending), async (claim, state) => {
      const { key, saved, release } = claim;
      if (saved !== null && own === null) {
        own = claim;
      } else if (saved !== null && hasPending(saved.state)) {
        orphans.push(claim);
      } else {
        if (saved === null || state !== newest) await this.remove(pad, key);
        release();
      }
    });
    return { own: own ?? (await this.fresh()), orphans, newest };
  }

  /**
   * What a session has of the log, whichever tab holds it, for another one to begin with: its unsent
   * edits stay its own.
   * @param {StateRecord} state
   * @returns {Promise<Saved | null>}
   */
  async confirmed(state) {
    const saved = await this.#saved(state);
    if (saved === null) return null;
    const client = { revision: saved.state.client.revision, lastSeq: 0, inFlight: null, buffer: null };
    return { ...saved, state: { ...saved.state, client, unsent: [0, 0] }, text: saved.confirmed };
  }

  /**
   * The sessions of this pad with unsent edits that no tab has any more.
   * @param {string} pad
   * @returns {Promise<Claim[]>}
   */
  async orphans(pad) {
    /** @type {Claim[]} */
    const orphans = [];
    await this.#lockEach((await this.#states(pad)).filter(hasPending), async (claim) => {
      if (claim.saved !== null && hasPending(claim.saved.state)) orphans.push(claim);
      else claim.release();
    });
    return orphans;
  }

  /**
   * A session that has never been.
   * @returns {Promise<Claim>}
   */
  async fresh() {
    const key = randomKey();
    const release = await this.#lock(key);
    return { key, saved: null, release: release ?? (() => {}) };
  }

  /**
   * Write a state, and the text when it has changed; resolves when both are on the disk.
   * @param {StateRecord} state
   * @param {string} [text]  the text at `state.textRevision`
   * @returns {Promise<void>}
   */
  save(state, text) {
    const transaction = this.#writing(["states", "texts"]);
    transaction.objectStore("states").put(state);
    if (text !== undefined) {
      const { pad, key, textRevision: revision } = state;
      transaction.objectStore("texts").put({ pad, key, revision, text });
    }
    transaction.commit();
    return finished(transaction);
  }

  /**
   * Go on with all of a session's records under another key, in one step.
   * @param {string} oldKey
   * @param {StateRecord} state  with the new key
   * @returns {Promise<void>}
   */
  async rename(oldKey, state) {
    const transaction = this.#writing(["states", "texts"]);
    const ended = finished(transaction);
    const texts = transaction.objectStore("texts");
    /** @type {TextRecord | undefined} */
    const text = await done(texts.get([state.pad, oldKey]));
    if (text) texts.put({ ...text, key: state.key });
    transaction.objectStore("states").put(state);
    for (const name of ["states", "texts"]) {
      transaction.objectStore(name).delete([state.pad, oldKey]);
    }
    transaction.commit();
    return ended;
  }

  /**
   * The texts of this pad that could not be merged, by their keys.
   * @param {string} pad
   * @returns {Promise<Map<string, Draft>>}
   */
  async drafts(pad) {
    const drafts = this.database.transaction("drafts").objectStore("drafts");
    /** @type {Promise<(Partial<DraftRecord> & {pad: string, text: string})[]>} */
    const reading = done(drafts.getAll(IDBKeyRange.bound(`${pad}/`, `${pad}/\uffff`)));
    // Older releases kept one for all tabs, some of them the text alone.
    const earlier = await done(drafts.get(pad));
    const records = [...(earlier ? [earlier] : []), ...(await reading)];
    return new Map(
      records.map(({ pad: key, ...draft }) => [key, { edits: 0, diverged: false, ...draft }]),
    );
  }

  /**
   * Keep text that could not be merged, until its person has taken it.
   * @param {string} key  of `draftKey`
   * @param {Draft} draft
   * @returns {Promise<void>}
   */
  keepDraft(key, draft) {
    const transaction = this.#writing(["drafts"], "strict");
    transaction.objectStore("drafts").put({ ...draft, pad: key });
    transaction.commit();
    return finished(transaction);
  }

  /**
   * Their person is done with these.
   * @param {string[]} keys
   * @returns {Promise<void>}
   */
  removeDrafts(keys) {
    const transaction = this.#writing(["drafts"], "strict");
    for (const key of keys) transaction.objectStore("drafts").delete(key);
    transaction.commit();
    return finished(transaction);
  }

  /**
   * All texts of this pad that are kept here, each once: the drafts, and what the sessions had on the
   * screen, unsent edits first. For where no session can be taken up any more.
   * @param {string} pad
   * @returns {Promise<string[]>}
   */
  async texts(pad) {
    const states = newestFirst(await this.#states(pad)).toSorted(byPending);
    const saved = await Promise.all(states.map((state) => this.#saved(state)));
    const kept = [...(await this.drafts(pad)).values(), ...saved];
    return [...new Set(kept.flatMap((one) => (one?.text ? [one.text] : [])))];
  }

  /**
   * Forget a session.
   * @param {string} pad
   * @param {string} key
   * @returns {Promise<void>}
   */
  remove(pad, key) {
    const transaction = this.#writing(["states", "texts"]);
    transaction.objectStore("states").delete([pad, key]);
    transaction.objectStore("texts").delete([pad, key]);
    transaction.commit();
    return finished(transaction);
  }

  /** @param {string[]} stores @param {"relaxed" | "strict"} [durability] */
  #writing(stores, durability = "relaxed") {
    return this.database.transaction(stores, "readwrite", { durability });
  }

  /**
   * @param {string} pad
   * @returns {Promise<StateRecord[]>}
   */
  #states(pad) {
    const range = IDBKeyRange.bound([pad, ""], [pad, "\uffff"]);
    return done(this.database.transaction("states").objectStore("states").getAll(range));
  }

  /**
   * The newest state with its text, read together; null if they do not fit.
   * @param {StateRecord} found  as it was before, and may not be any more
   * @returns {Promise<Saved | null>}
   */
  async #saved({ pad, key }) {
    const transaction = this.database.transaction(["states", "texts"]);
    /** @type {Promise<StateRecord | undefined>} */
    const reading = done(transaction.objectStore("states").get([pad, key]));
    /** @type {TextRecord | undefined} */
    const base = await done(transaction.objectStore("texts").get([pad, key]));
    const state = await reading;
    if (!state || !base || base.revision !== state.textRevision) return null;
    const { inFlight, buffer } = state.client;
    const confirmed = apply(base.text, state.since);
    let text = confirmed;
    if (inFlight) text = apply(text, inFlight.op);
    if (buffer) text = apply(text, buffer);
    return { state, text, confirmed };
  }

  /**
   * Each of these sessions that no tab has, as it is once it is held; all are let go if the disk fails.
   * @param {StateRecord[]} states
   * @param {(claim: Claim, state: StateRecord) => Promise<void>} use  keeps it or lets it go
   */
  async #lockEach(states, use) {
    /** @type {(() => void)[]} */
    const held = [];
    try {
      for (const state of states) {
        const release = await this.#lock(state.key);
        if (release === null) continue;
        held.push(release);
        await use({ key: state.key, saved: await this.#saved(state), release }, state);
      }
    } catch (error) {
      for (const release of held) release();
      throw error;
    }
  }

  /**
   * Hold a session for as long as this tab lives.
   * @param {string} key
   * @returns {Promise<(() => void) | null>} to let it go; null if another tab has it
   */
  #lock(key) {
    return new Promise((resolve, reject) => {
      this.locks
        .request(`deltapad:${key}`, { ifAvailable: true }, (lock) => {
          if (lock === null) {
            resolve(null);
            return undefined;
          }
          return new Promise((release) => resolve(() => release(undefined)));
        })
        .catch(reject);
    });
  }
}

/**
 * Each transaction is committed as soon as all is said: one that waits for its answers first is
 * undone when the tab ends in between.
 * @param {IDBTransaction} transaction
 * @returns {Promise<void>}
 */
function finished(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
}
