/**
 * one open pad: machine, connection, copy on disk and people, put together for a page
 *
 *    editor --edit--> machine --outbox--> local copy, then connection --> server
 *    editor <--apply-- machine <------------------------- connection <-- server
 *
 * Nothing is sent before it is on the disk, so that a tab that is closed at any moment sends it
 * again exactly as it was. What cannot be merged is never dropped: it becomes `state.draft`, for
 * the person to copy.
 */

import { Client, Desync } from "./client.js";
import { browserEnvironment, Connection } from "./connection.js";
import { LocalCopy } from "./local_copy.js";
import { composeAll } from "./operation.js";
import { Outbox } from "./outbox.js";
import { Roster } from "./presence.js";
import { PresenceSender } from "./presence_sender.js";
import { screenless } from "./screen.js";

/** @typedef {import("./operation.js").Operation} Operation */
/** @typedef {import("./messages.js").ServerMessage} ServerMessage */
/** @typedef {import("./local_copy.js").Orphan} Orphan */
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

export class PadSession {
  #client = new Client();
  #roster = new Roster();
  /** @type {Connection} */
  #connection;
  /** @type {LocalCopy} */
  #copy;
  /** @type {PresenceSender} */
  #presence;
  /** @type {Outbox} */
  #outbox;
  /** What ended it, if something has. @type {"refused" | "replaced" | null} */
  #ended = null;

  /**
   * @param {object} options
   * @param {string} options.pad
   * @param {string} options.socketUrl
   * @param {{personKey: string, name: string, color: number}} options.profile
   * @param {import("./screen.js").Editor} options.editor
   * @param {(kind: "state" | "people") => void} options.onChange
   * @param {import("./connection.js").Environment} [options.environment]
   * @param {Orphan | null} [options.orphan]  only to be sent; nobody looks at this session
   */
  constructor({
    pad,
    socketUrl,
    profile,
    editor,
    onChange,
    environment = browserEnvironment(),
    orphan = null,
  }) {
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
      onClose: (code) => {
        if (code === 4001) this.#end("replaced");
      },
      onChange: () => this.#changed(),
      environment,
    });
    this.#copy = new LocalCopy({
      pad,
      environment,
      orphan,
      current: () => ({
        client: this.#client.state(),
        title: this.state.title,
        unsent: this.#outbox.counts,
      }),
      confirmedText: () => (this.#client.pending ? null : this.editor.text()),
      onChange: () => this.#changed(),
    });
    this.#outbox = new Outbox({
      client: () => this.#client,
      copy: this.#copy,
      connection: this.#connection,
      onIdle: () => this.#idle(),
    });
    this.#presence = new PresenceSender({
      environment,
      message: () => this.#ownPresence(),
      send: (message) => this.#connection.send(message),
    });
  }

  /** Show the local copy if there is one, then connect. */
  async open() {
    const { saved, orphans } = await this.#copy.open();
    for (const orphan of orphans) this.#sendOrphan(orphan);
    if (saved !== null) this.#restore(saved);
    this.#connection.open();
  }

  /**
   * Something was typed here; the editor shows it already.
   * @param {Operation} op
   */
  edit(op) {
    this.#client.edit(op);
    this.#outbox.edited();
    this.#changed();
    this.#outbox.pump();
  }

  /** The caret has moved. */
  selectionChanged() {
    this.#presence.changed();
  }

  /** @param {{name?: string, color?: number}} changed */
  setProfile(changed) {
    this.profile = { ...this.profile, ...changed };
    this.selectionChanged();
  }

  /** The person has the draft, or does not want it. */
  discardDraft() {
    return this.#copy.discardDraft();
  }

  tryNow() {
    this.#connection.tryNow();
  }

  /** Let go of it all; what is pending stays on the disk. */
  close() {
    this.#connection.close();
    this.#presence.close();
    this.#outbox.close();
  }

  /** @param {import("./offline.js").Saved} saved */
  #restore({ state: { client, title, unsent }, text }) {
    this.#client = Client.restore(client);
    this.state.title = title;
    this.#outbox.counts = unsent;
    this.editor.reset(text);
    this.#changed();
  }

  /**
   * Send what a closed tab has left behind, under its own session, and forget it then.
   * @param {Orphan} orphan
   */
  #sendOrphan(orphan) {
    const session = new PadSession({
      pad: this.pad,
      socketUrl: this.socketUrl,
      profile: this.profile,
      editor: screenless(),
      environment: this.environment,
      orphan,
      onChange: () => {
        const { phase, unsent } = session.state;
        if (phase === "online" && unsent === 0) session.#forget();
      },
    });
    session.open();
  }

  /** Nothing of this session is worth keeping any more. */
  #forget() {
    this.#copy.remove();
    this.close();
  }

  /** @returns {import("./messages.js").HelloMessage} */
  #hello() {
    const { personKey, name, color } = this.profile;
    const { key: session, epoch } = this.#copy;
    const revision = epoch === null ? null : this.#client.revision;
    return { type: "hello", session, person: personKey, name, color, epoch, revision };
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
    // The session went on without this copy, as when the disk was full: its edits may be logged.
    const outdated = text === undefined && committed[0] > this.#client.lastSeq;
    // Or it is a copy of another text, which what is pending does not fit.
    const unfit = text !== undefined && this.#client.pending;
    if (outdated || unfit) return this.#startOver();
    this.profile.color ||= color;
    this.state = { ...this.state, me: session, title, role };
    if (text !== undefined) {
      this.#client = new Client({ revision, lastSeq: committed[0] });
      this.editor.reset(text);
      this.#copy.startText(text, epoch);
    }
    this.#outbox.connected(limits);
    this.#presence.changed();
    this.#connection.welcomed();
    this.#outbox.pump();
  }

  /** @param {import("./messages.js").OpsMessage | import("./messages.js").DeltaMessage} message */
  #entries(message) {
    const known = this.#client.revision;
    try {
      const { op, acknowledged } = this.#client.receive(message, this.state.me);
      this.#follow(message, known);
      this.#outbox.received(acknowledged !== null);
      if (op !== null) this.editor.apply(op);
      this.#showCarets();
      this.#changed();
      this.#outbox.pump();
    } catch (error) {
      if (!(error instanceof Desync)) throw error;
      this.state.desyncs += 1;
      // What is pending cannot be told any more, so the text is kept in any case.
      this.#startOver(true);
    }
  }

  /**
   * Bring what is kept at the confirmed text, its copy and the carets, to the end of a frame.
   * @param {import("./messages.js").OpsMessage | import("./messages.js").DeltaMessage} message
   * @param {number} known  the revision before it
   */
  #follow(message, known) {
    if (message.type === "ops") {
      const fresh = message.ops.slice(known - message.from);
      const whole = composeAll(fresh.map(([, , op]) => op));
      this.#copy.follow(whole);
      this.#roster.follow(fresh, whole, this.environment.now());
    } else if (message.to > known) {
      this.#copy.follow(message.op);
      this.#roster.followDelta(message.op);
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

  /** @param {"refused" | "replaced"} how */
  #end(how) {
    // What an orphan could not send stays on the disk for another time.
    if (this.#copy.orphan !== null) return this.close();
    this.#ended = how;
    if (this.#client.pending) this.#copy.keepDraft(this.editor.text());
    this.#connection.close();
    this.#changed();
  }

  /** Begin again without a copy; what is on screen becomes a draft if any of it is not saved. */
  #startOver(keep = this.#client.pending) {
    if (keep) this.#copy.keepDraft(this.editor.text());
    if (this.#copy.orphan !== null) return this.#forget();
    this.#client = new Client();
    this.#copy.dropText();
    this.#outbox.counts = [0, 0];
    this.#newSession();
  }

  /** Go on under a new session key. */
  async #newSession() {
    // What the old connection still says is about another state.
    this.#connection.hold();
    await this.#copy.renewKey();
    this.#connection.restart();
  }

  /** What was typed is on its way, as far as it can be now; there is time for the rest. */
  #idle() {
    this.#changed();
    this.#presence.tell();
    this.#copy.keepTextWhenQuiet();
  }

  /** Only while nothing is pending, since only then everybody counts alike. */
  #ownPresence() {
    if (this.#client.pending || this.#connection.phase !== "online") return null;
    const { name, color } = this.profile;
    const { revision } = this.#client;
    const selections = this.editor.selections();
    return { type: /** @type {const} */ ("presence"), revision, name, color, selections };
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
    const { roundTripMs, nextTryAt } = this.#connection;
    const phase = this.#ended ?? this.#connection.phase;
    const before = this.state;
    const resumed = phase === "online" && before.phase !== "online";
    this.state = {
      ...before,
      phase,
      revision: this.#client.revision,
      unsent: this.#outbox.unsent,
      roundTripMs,
      nextTryAt,
      storedLocally: this.#copy.stored,
      draft: this.#copy.draft,
      sentAfterReconnect: resumed ? before.unsent : before.sentAfterReconnect,
    };
    this.onChange("state");
  }
}
