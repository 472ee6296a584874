/**
 * what a tab keeps on disk, in IndexedDB: so that closing it, or the machine, loses nothing
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
 *    epoch: string, title: string, savedAt: number, unsent: [inFlight: number, buffered: number]}}
 *    StateRecord  `unsent` counts edits as a person does */
/** @typedef {{pad: string, key: string, revision: number, text: string}} TextRecord */
/** @typedef {{state: StateRecord, text: string}} Saved  `text` is the text on screen */
/** @typedef {{key: string, saved: Saved | null, release: () => void}} Claim */

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

/**
 * Whether a state has edits that the server has not acknowledged.
 * @param {StateRecord} state
 * @returns {boolean}
 */
export function hasPending({ client }) {
  return client.inFlight !== null || client.buffer !== null;
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
   * Take a session of this pad that no tab has: one with unsent edits if there is one, else the newest, else
   * a new one. The others with unsent edits come as `orphans`, to be sent; those without are forgotten.
   * @param {string} pad
   * @returns {Promise<{own: Claim, orphans: Claim[]}>}
   */
  async claim(pad) {
    const states = await this.#states(pad);
    states.sort((a, b) => Number(hasPending(b)) - Number(hasPending(a)) || b.savedAt - a.savedAt);
    /** @type {Claim | null} */
    let own = null;
    /** @type {Claim[]} */
    const orphans = [];
    for (const state of states) {
      const release = await this.#lock(state.key);
      if (release === null) continue;
      const saved = await this.#saved(state);
      if (saved !== null && own === null) {
        own = { key: state.key, saved, release };
      } else if (saved !== null && hasPending(state)) {
        orphans.push({ key: state.key, saved, release });
      } else {
        await this.remove(pad, state.key);
        release();
      }
    }
    return { own: own ?? (await this.fresh()), orphans };
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
    const transaction = this.database.transaction(["states", "texts"], "readwrite");
    transaction.objectStore("states").put(state);
    if (text !== undefined) {
      const { pad, key, textRevision: revision } = state;
      transaction.objectStore("texts").put({ pad, key, revision, text });
    }
    return finished(transaction);
  }

  /**
   * Go on with all of a session's records under another key, in one step.
   * @param {string} oldKey
   * @param {StateRecord} state  with the new key
   * @returns {Promise<void>}
   */
  async rename(oldKey, state) {
    const transaction = this.database.transaction(["states", "texts"], "readwrite");
    const ended = finished(transaction);
    const texts = transaction.objectStore("texts");
    /** @type {TextRecord | undefined} */
    const text = await done(texts.get([state.pad, oldKey]));
    if (text) texts.put({ ...text, key: state.key });
    transaction.objectStore("states").put(state);
    for (const name of ["states", "texts"]) {
      transaction.objectStore(name).delete([state.pad, oldKey]);
    }
    return ended;
  }

  /**
   * The text of this pad that could not be merged, if there is one.
   * @param {string} pad
   * @returns {Promise<string | null>}
   */
  async draft(pad) {
    /** @type {{pad: string, text: string} | undefined} */
    const record = await done(this.database.transaction("drafts").objectStore("drafts").get(pad));
    return record ? record.text : null;
  }

  /**
   * Keep text that could not be merged until its person has taken it, or null for done with it.
   * @param {string} pad
   * @param {string | null} text
   * @returns {Promise<void>}
   */
  keepDraft(pad, text) {
    const transaction = this.database.transaction("drafts", "readwrite");
    if (text === null) transaction.objectStore("drafts").delete(pad);
    else transaction.objectStore("drafts").put({ pad, text });
    return finished(transaction);
  }

  /**
   * Forget a session.
   * @param {string} pad
   * @param {string} key
   * @returns {Promise<void>}
   */
  remove(pad, key) {
    const transaction = this.database.transaction(["states", "texts"], "readwrite");
    transaction.objectStore("states").delete([pad, key]);
    transaction.objectStore("texts").delete([pad, key]);
    return finished(transaction);
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
   * @param {StateRecord} claimed  as it was before the lock was ours
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
    let text = apply(base.text, state.since);
    if (inFlight) text = apply(text, inFlight.op);
    if (buffer) text = apply(text, buffer);
    return { state, text };
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
 * @param {IDBTransaction} transaction
 * @returns {Promise<void>}
 */
function finished(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
}
