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
import { compose, composeAll } from "./operation.js";
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
      this.#store = given?.store ?? (await this.environment.openStore());
      if (given) {
        this.#claim = given.claim;
        this.#orphan = true;
      } else {
        const { own, orphans } = await this.#store.claim(this.pad);
        this.#claim = own;
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

  tryNow() {
    this.#connection.tryNow();
  }

  /** Let go of it all; what is pending stays on the disk. */
  close() {
    this.#connection.close();
    this.environment.clearTimer(this.#quietTimer);
    this.environment.clearTimer(this.#presenceTimer);
    this.#claim.release();
  }

  #restore() {
    const { saved } = this.#claim;
    if (saved === null) return;
    const { client, since, textRevision, epoch, title } = saved.state;
    this.#client = Client.restore(client);
    this.#since = since;
    this.#textRevision = textRevision;
    this.#epoch = epoch;
    this.state.title = title;
    this.#buffered = client.buffer === null ? 0 : 1;
    this.#flying = client.inFlight === null ? 0 : 1;
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
        if (orphan.state.phase === "online" && orphan.state.unsent === 0) {
          orphan.#connection.close();
          await store.remove(this.pad, claim.key);
          orphan.close();
        }
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
    this.#roster.clear();
    this.#presenceWanted = true;
    this.#connection.welcomed();
    const resend = this.#client.resend();
    if (resend !== null) this.#connection.send(resend);
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
    if (this.#client.pending) this.state.draft = this.editor.text();
    this.#connection.close();
    this.#changed();
  }

  /** Keep what is on screen as a draft if any of it is not saved, and begin again without a copy. */
  #startOver() {
    // What nobody sees stays on the disk, for a tab that can show it.
    if (this.#orphan) return this.close();
    if (this.#client.pending) this.state.draft = this.editor.text();
    this.#client = new Client();
    this.#epoch = null;
    this.#since = [];
    this.#textRevision = -1;
    this.#buffered = this.#flying = 0;
    this.#newSession();
  }

  /** Go on under a new session key. */
  async #newSession() {
    const old = this.#claim;
    if (this.#store === null) {
      this.#claim = { ...old, key: randomKey() };
    } else {
      const store = this.#store;
      this.#claim = await store.fresh();
      const record = this.#record();
      if (record === null) await store.remove(this.pad, old.key);
      else await store.rename(old.key, record);
      old.release();
    }
    this.#connection.restart();
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
      const online = this.#connection.phase === "online" && this.#limits !== null;
      const message = online && this.#limits ? this.#client.send(this.#limits) : null;
      if (message !== null && this.#client.buffer === null) {
        this.#flying += this.#buffered;
        this.#buffered = 0;
      }
      await this.#persist();
      // Unless it was lost, or acknowledged under a new connection, while the disk worked.
      if (message !== null && this.#client.inFlight?.seq === message.seq) {
        this.#connection.send(message);
      }
    } while (this.#writeAgain);
    this.#writing = false;
    this.#changed();
    this.#sendPresence();
    this.#keepTextWhenQuiet();
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
    };
  }

  /** @param {string} [text]  the confirmed text, if it is to be kept anew */
  async #persist(text) {
    const record = this.#record();
    if (this.#store === null || record === null) return;
    try {
      await this.#store.save(record, text);
    } catch {
      // The disk is full or was taken away: from now on this tab is the only place.
      this.#store = null;
      this.state.storedLocally = false;
      this.#changed();
    }
  }

  /** @param {string} text  the confirmed text */
  #keepText(text) {
    this.#since = [];
    this.#textRevision = this.#client.revision;
    this.#persist(text);
  }

  #keepTextWhenQuiet() {
    this.environment.clearTimer(this.#quietTimer);
    if (this.#since.length === 0) return;
    this.#quietTimer = this.environment.setTimer(() => {
      // Without pending edits the text on screen is the confirmed one.
      if (!this.#client.pending && !this.#writing) this.#keepText(this.editor.text());
    }, QUIET_MS);
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

/** An editor for a session that nobody looks at. @returns {Editor} */
function screenless() {
  return { reset() {}, apply() {}, text: () => "", selections: () => [], setCarets() {} };
}
