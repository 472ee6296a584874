/**
 * one open pad: the machine, its connection, its copy on disk, and the people, put together for a page
 *
 *    editor --edit--> machine --persist--> disk --then--> connection --> server
 *    editor <--apply-- machine <---------------------- connection <-- server
 *
 * Nothing is sent before it is on the disk, so that a tab that is closed at any moment sends it again exactly as it
 * was. What cannot be merged is never dropped: it becomes `state.draft`, for the person to copy.
 */

import { Client, Desync } from "./client.js";
import { browserEnvironment, Connection } from "./connection.js";
import { apply, compose, composeAll } from "./operation.js";
import { Roster } from "./presence.js";
import { randomKey } from "./profile.js";

/** @typedef {import("./operation.js").Operation} Operation */
/** @typedef {import("./messages.js").ServerMessage} ServerMessage */
/** @typedef {import("./messages.js").Selection} Selection */
/** @typedef {import("./offline.js").Claim} Claim */
/**
 * @typedef {object} Editor  what shows the text; positions in code points
 * @property {(text: string) => void} reset
 * @property {(op: Operation) => void} apply
 * @property {() => string} text
 * @property {() => Selection[]} selections
 * @property {(carets: import("./presence.js").Caret[]) => void} setCarets
 */
/**
 * @typedef {object} SessionState
 * @property {import("./connection.js").Phase | "refused" | "replaced"} phase
 * @property {number} revision
 * @property {number} unsent  edits that the server has not acknowledged
 * @property {number | null} roundTripMs
 * @property {number | null} nextTryAt
 * @property {boolean} storedLocally
 * @property {string} title
 * @property {string} role
 * @property {string} me  own public session id
 * @property {import("./presence.js").PersonHere[]} people
 * @property {string | null} draft  text that could not be merged
 * @property {number} sentAfterReconnect
 * @property {number} desyncs
 */

/** The text is written to disk when nothing has come for this long, and nothing is pending. */
const QUIET_MS = 2_000;
/** Or when what came since is this large (components and characters): it is written with every edit. */
const SINCE_SIZE_MAX = 4_000;
/** Some browsers never answer; what is typed must not wait for them for ever. */
const DISK_MS_MAX = 3_000;
const PRESENCE_MS = 100;

export class PadSession {
  #client = new Client();
  #roster = new Roster();
  /** @type {Connection} */
  #connection;
  /** @type {import("./offline.js").OfflineStore | null} */
  #store = null;
  /** @type {Claim} */
  #claim = { key: "", saved: null, release: () => {} };
  /** Of the text that is here; null for none. @type {string | null} */
  #epoch = null;
  /** @type {import("./messages.js").Limits | null} */
  #limits = null;
  /** The confirmed text is the text record at `textRevision`, then `since`. @type {Operation} */
  #since = [];
  #textRevision = -1;
  /** Whether the record on the disk has edits that are not acknowledged. */
  #pendingOnDisk = false;
  /** What has been given to this connection of what is in flight; 0 for nothing. */
  #sentSeq = 0;
  /** The draft before the text on screen became one. @type {string | null} */
  #earlierDraft = null;
  /** It only sends what a closed tab has left; nobody looks at it. */
  #orphan = false;
  /** Edits in the buffer and in flight, as a person counts them. */
  #buffered = 0;
  #flying = 0;
  #unsentAtLoss = 0;
  /** What ended it, if something has. @type {"refused" | "replaced" | null} */
  #ended = null;
  /** One write to the disk at a time; another is wanted after it. */
  #writing = false;
  #writeAgain = false;
  /** Nobody is interested any more. */
  #over = false;
  #presenceWanted = false;
  #presenceAt = -Infinity;
  /** @type {number | undefined} */
  #presenceTimer;
  /** @type {number | undefined} */
  #quietTimer;

  /**
   * @param {object} options
   * @param {string} options.pad
   * @param {string} options.socketUrl
   * @param {{personKey: string, name: string, color: number}} options.profile
   * @param {Editor} options.editor
   * @param {(kind: "state" | "people") => void} options.onChange
   * @param {import("./connection.js").Environment} [options.environment]
   */
  constructor({ pad, socketUrl, profile, editor, onChange, environment = browserEnvironment() }) {
    this.pad = pad;
    this.socketUrl = socketUrl;
    this.profile = { ...profile };
    this.editor = editor;
    this.onChange = onChange;
    this.environment = environment;
    /** @type {SessionState} */
    this.state = {
      phase: "connecting",
      revision: 0,
      unsent: 0,
      roundTripMs: null,
      nextTryAt: null,
      storedLocally: false,
      title: "",
      role: "write",
      me: "",
      people: [],
      draft: null,
      sentAfterReconnect: 0,
      desyncs: 0,
    };
    this.#connection = new Connection({
      url: socketUrl,
      hello: () => this.#hello(),
      onMessage: (message) => this.#receive(message),
      onClose: (code) => this.#closed(code),
      onChange: () => this.#changed(),
      environment,
    });
  }

  /**
   * Show the local copy if there is one, then connect. `claim` is a session to take up, for orphans.
   * @param {{store: import("./offline.js").OfflineStore, claim: Claim}} [given]
   */
  async open(given) {
    try {
      this.#store = given?.store ?? (await this.#inTime(this.environment.openStore()));
      if (given) {
        this.#claim = given.claim;
        this.#orphan = true;
      } else {
        const { own, orphans } = await this.#inTime(this.#store.claim(this.pad));
        this.#claim = own;
        this.state.draft = await this.#inTime(this.#store.draft(this.pad));
        this.#earlierDraft = this.state.draft;
        for (const orphan of orphans) this.#sendOrphan(this.#store, orphan);
      }
      this.state.storedLocally = true;
      this.#restore();
    } catch {
      // No disk for us: the pad works, and says that closing it would lose what is not sent.
      this.#store = null;
      this.#claim = { key: randomKey(), saved: null, release: () => {} };
    }
    this.#connection.open();
  }

  /**
   * Something was typed here; the editor shows it already.
   * @param {Operation} op
   */
  edit(op) {
    this.#client.edit(op);
    this.#buffered += 1;
    this.#changed();
    this.#pump();
  }

  /** The caret has moved. */
  selectionChanged() {
    this.#presenceWanted = true;
    this.#sendPresence();
  }

  /** @param {{name?: string, color?: number}} changed */
  setProfile(changed) {
    this.profile = { ...this.profile, ...changed };
    this.selectionChanged();
  }

  /** The person has the draft, or does not want it. */
  async discardDraft() {
    try {
      // It is gone from the screen when it is gone from the disk: a reload does not bring it back.
      if (this.#store !== null) await this.#inTime(this.#store.keepDraft(this.pad, null));
    } catch {
      this.#withoutDisk();
    }
    this.state.draft = null;
    this.#earlierDraft = null;
    this.#changed();
  }

  tryNow() {
    this.#connection.tryNow();
  }

  /** Let go of it all; what is pending stays on the disk. */
  close() {
    this.#connection.close();
    this.environment.clearTimer(this.#quietTimer);
    this.environment.clearTimer(this.#presenceTimer);
    this.#over = true;
    // A write that is under way must not come after those of a tab that takes the session up.
    if (!this.#writing) this.#claim.release();
  }

  #restore() {
    const { saved } = this.#claim;
    if (saved === null) return;
    const { client, since, textRevision, epoch, title, unsent } = saved.state;
    this.#client = Client.restore(client);
    this.#since = since;
    this.#textRevision = textRevision;
    this.#epoch = epoch;
    this.state.title = title;
    [this.#flying, this.#buffered] = unsent;
    this.#pendingOnDisk = this.#client.pending;
    this.editor.reset(saved.text);
    this.#changed();
  }

  /**
   * Send what a closed tab has left behind, under its own session, and forget it then.
   * @param {import("./offline.js").OfflineStore} store
   * @param {Claim} claim
   */
  #sendOrphan(store, claim) {
    const orphan = new PadSession({
      pad: this.pad,
      socketUrl: this.socketUrl,
      profile: this.profile,
      editor: screenless(),
      environment: this.environment,
      onChange: async () => {
        const { phase, unsent, draft } = orphan.state;
        const over = draft !== null || (phase === "online" && unsent === 0);
        if (!over || orphan.#store === null) return;
        // From here on it writes nothing, or what is forgotten would be back.
        orphan.#store = null;
        orphan.#connection.close();
        if (draft !== null) this.#addDraft(draft);
        await store.remove(this.pad, claim.key).catch(() => {});
        orphan.close();
      },
    });
    orphan.open({ store, claim });
  }

  /** @returns {import("./messages.js").HelloMessage} */
  #hello() {
    const { personKey, name, color } = this.profile;
    const revision = this.#epoch === null ? null : this.#client.revision;
    return {
      type: "hello",
      session: this.#claim.key,
      person: personKey,
      name,
      color,
      epoch: this.#epoch,
      revision,
    };
  }

  /** @param {ServerMessage} message */
  #receive(message) {
    switch (message.type) {
      case "welcome":
        return this.#welcome(message);
      case "ops":
      case "delta":
        return this.#entries(message);
      case "presence":
        this.#roster.receive(message);
        return this.#peopleChanged();
      case "error":
        return this.#error(message);
      default: // A newer server may say more than we know.
    }
  }

  /** @param {import("./messages.js").WelcomeMessage} message */
  #welcome(message) {
    const { session, epoch, limits, title, role, color, text, revision, committed } = message;
    // The session went on without this copy, as when the disk was full: its edits may be in the log.
    const outdated = text === undefined && committed[0] > this.#client.lastSeq;
    if (outdated) return this.#startOver();
    if (text !== undefined) {
      if (this.#client.pending) return this.#startOver();
      this.#client = new Client({ revision, lastSeq: committed[0] });
      this.#epoch = epoch;
      this.editor.reset(text);
      this.#keepText(text);
    }
    this.#limits = limits;
    this.profile.color ||= color;
    this.state = { ...this.state, me: session, title, role };
    this.#presenceWanted = true;
    this.#sentSeq = 0;
    this.#connection.welcomed();
    this.#pump();
  }

  /** @param {import("./messages.js").OpsMessage | import("./messages.js").DeltaMessage} message */
  #entries(message) {
    try {
      const fresh =
        message.type === "ops"
          ? message.ops.slice(Math.max(0, this.#client.revision - message.from))
          : [];
      const known = message.type === "delta" && message.to <= this.#client.revision;
      const { op, acknowledged } = this.#client.receive(message, this.state.me);
      if (message.type === "ops") {
        this.#since = compose(this.#since, composeAll(fresh.map((entry) => entry[2])));
        this.#roster.follow(fresh, this.environment.now());
      } else if (!known) {
        this.#since = compose(this.#since, message.op);
        this.#roster.followDelta(message.op);
      }
      if (acknowledged !== null) this.#flying = 0;
      if (this.#client.buffer === null) this.#buffered = 0;
      if (op !== null) this.editor.apply(op);
      this.#showCarets();
      this.#changed();
      this.#pump();
    } catch (error) {
      if (!(error instanceof Desync)) throw error;
      this.state.desyncs += 1;
      // What is pending cannot be told any more, so the text is kept in any case.
      this.#keepDraft();
      this.#startOver();
    }
  }

  /** @param {import("./messages.js").ErrorMessage} message */
  #error({ action, code }) {
    if (action === "draft") {
      this.#startOver();
    } else if (action === "resession") {
      this.#client.restart();
      this.#newSession();
    } else if (action === "stop") {
      this.#end(code === "replaced" ? "replaced" : "refused");
    }
    // "reconnect": the server closes, and we come again.
  }

  /** @param {number} code */
  #closed(code) {
    if (code === 4001) this.#end("replaced");
    this.#unsentAtLoss = this.state.unsent;
  }

  /** @param {"refused" | "replaced"} how */
  #end(how) {
    if (this.#orphan) return this.close();
    this.#ended ??= how;
    if (this.#client.pending) this.#keepDraft();
    this.#connection.close();
    this.#changed();
  }

  /** Keep what is on screen as a draft if any of it is not saved, and begin again without a copy. */
  #startOver() {
    if (this.#client.pending) this.#keepDraft();
    if (this.#orphan) return this.close();
    this.#client = new Client();
    this.#epoch = null;
    this.#since = [];
    this.#textRevision = -1;
    this.#buffered = this.#flying = 0;
    this.#newSession();
  }

  /** What is on screen becomes a draft; again and again while what is typed has no text under it. */
  #keepDraft() {
    if (this.#epoch !== null) this.#earlierDraft = this.state.draft;
    this.state.draft = this.#earlierDraft;
    this.#addDraft(this.editor.text());
  }

  /** Keep a text for the person, beside an earlier one that nobody has taken yet. @param {string} text */
  #addDraft(text) {
    const earlier = this.state.draft;
    const draft = earlier === null || earlier === text ? text : `${earlier}\n\n${text}`;
    this.state = { ...this.state, draft };
    // An orphan's is kept by the session that can show it.
    if (!this.#orphan) this.#store?.keepDraft(this.pad, draft).catch(() => this.#withoutDisk());
    this.onChange("state");
  }

  /** Go on under a new session key. */
  async #newSession() {
    // What the old connection still says is about another state.
    this.#connection.hold();
    const old = this.#claim;
    this.#claim = { key: randomKey(), saved: null, release: () => {} };
    try {
      if (this.#store !== null) await this.#inTime(this.#moveTo(this.#store, old));
    } catch {
      this.#withoutDisk();
    }
    old.release();
    this.#connection.restart();
  }

  /** @param {import("./offline.js").OfflineStore} store @param {Claim} old */
  async #moveTo(store, old) {
    this.#claim = await store.fresh();
    const record = this.#record();
    if (record === null) await store.remove(this.pad, old.key);
    else await store.rename(old.key, record);
    this.#pendingOnDisk = record !== null && isPending(record.client);
  }

  /** Bring the machine's state to the disk, and what it wants to send to the server, in this order. */
  async #pump() {
    if (this.#writing) {
      this.#writeAgain = true;
      return;
    }
    this.#writing = true;
    do {
      this.#writeAgain = false;
      this.#takeOff();
      await this.#persist();
      // What is in flight now was in flight before the disk was asked, or is no more.
      const message = this.#client.resend();
      if (message !== null && message.seq !== this.#sentSeq && this.#connection.send(message)) {
        this.#sentSeq = message.seq;
      }
    } while (this.#writeAgain);
    this.#writing = false;
    if (this.#over) return this.#claim.release();
    this.#changed();
    this.#sendPresence();
    this.#keepTextWhenQuiet();
  }

  /** Put the buffer in flight, if it can be sent now. */
  #takeOff() {
    if (this.#connection.phase !== "online" || this.#limits === null) return;
    if (this.#client.send(this.#limits) === null || this.#client.buffer !== null) return;
    this.#flying += this.#buffered;
    this.#buffered = 0;
  }

  /** @returns {import("./offline.js").StateRecord | null} null while there is no text yet */
  #record() {
    if (this.#epoch === null || this.#textRevision < 0) return null;
    return {
      pad: this.pad,
      key: this.#claim.key,
      client: this.#client.state(),
      since: this.#since,
      textRevision: this.#textRevision,
      epoch: this.#epoch,
      title: this.state.title,
      savedAt: this.environment.now(),
      unsent: [this.#flying, this.#buffered],
    };
  }

  /** @param {string} [text]  the confirmed text, if it is to be kept anew */
  async #persist(text) {
    const record = this.#record();
    if (this.#store === null || record === null) return;
    const pending = isPending(record.client);
    // What others type is in the log; it comes again.
    if (text === undefined && !pending && !this.#pendingOnDisk) return;
    try {
      await this.#inTime(this.#store.save(record, text));
      this.#pendingOnDisk = pending;
    } catch {
      this.#withoutDisk();
    }
  }

  /** The disk is full or was taken away: from now on this tab is the only place. */
  #withoutDisk() {
    this.#store = null;
    this.state.storedLocally = false;
    this.#changed();
  }

  /** @param {string} text  the confirmed text */
  #keepText(text) {
    this.#since = [];
    this.#textRevision = this.#client.revision;
    this.#persist(text);
  }

  #keepTextWhenQuiet() {
    const { environment } = this;
    environment.clearTimer(this.#quietTimer);
    if (this.#since.length === 0 || this.#store === null) return;
    const keep = () => {
      // Without pending edits the text on screen is the confirmed one.
      if (!this.#client.pending && !this.#writing) this.#keepText(this.editor.text());
    };
    if (sizeOf(this.#since) > SINCE_SIZE_MAX) keep();
    else this.#quietTimer = environment.setTimer(keep, QUIET_MS);
  }

  /** Wait for the disk, but not for ever. @template T @param {Promise<T>} work @returns {Promise<T>} */
  #inTime(work) {
    const { environment } = this;
    /** @type {number | undefined} */
    let timer;
    const late = new Promise((_, reject) => {
      timer = environment.setTimer(() => reject(new Error("the disk is silent")), DISK_MS_MAX);
    });
    return Promise.race([work, late]).finally(() => environment.clearTimer(timer));
  }

  /** Tell where our caret is: only when nothing is pending, since only then everybody counts alike. */
  #sendPresence() {
    const { environment } = this;
    if (!this.#presenceWanted || this.#client.pending || this.#connection.phase !== "online") return;
    environment.clearTimer(this.#presenceTimer);
    const wait = this.#presenceAt + PRESENCE_MS - environment.now();
    if (wait > 0) {
      this.#presenceTimer = environment.setTimer(() => this.#sendPresence(), wait);
      return;
    }
    this.#presenceWanted = false;
    this.#presenceAt = environment.now();
    const { name, color } = this.profile;
    const { revision } = this.#client;
    this.#connection.send({
      type: "presence",
      revision,
      name,
      color,
      selections: this.editor.selections(),
    });
  }

  #showCarets() {
    const toLocal = (/** @type {number} */ position) => this.#client.toLocal(position);
    this.editor.setCarets(this.#roster.carets(this.state.me, this.environment.now(), toLocal));
  }

  #peopleChanged() {
    this.state = { ...this.state, people: this.#roster.list(this.state.me) };
    this.#showCarets();
    this.onChange("people");
  }

  #changed() {
    const { phase, roundTripMs, nextTryAt } = this.#connection;
    const before = this.state;
    const counted = this.#buffered + this.#flying;
    const unsent = this.#client.pending ? Math.max(1, counted) : 0;
    const resumed = phase === "online" && before.phase !== "online";
    this.state = {
      ...before,
      phase: this.#ended ?? phase,
      revision: this.#client.revision,
      unsent,
      roundTripMs,
      nextTryAt,
      sentAfterReconnect: resumed ? this.#unsentAtLoss : before.sentAfterReconnect,
    };
    if (phase !== "online") this.#unsentAtLoss = unsent;
    this.onChange("state");
  }
}

/** @param {import("./client.js").ClientState} client */
function isPending({ inFlight, buffer }) {
  return inFlight !== null || buffer !== null;
}

/** Components and characters. @param {Operation} op */
function sizeOf(op) {
  let size = op.length;
  for (const component of op) if (typeof component === "string") size += component.length;
  return size;
}

/** An editor for a session that nobody looks at. @returns {Editor} */
function screenless() {
  let screen = "";
  return {
    reset(text) {
      screen = text;
    },
    apply(op) {
      screen = apply(screen, op);
    },
    text: () => screen,
    selections: () => [],
    setCarets() {},
  };
}
