/**
 * what a session says to the server, and what it does about what it hears: the welcome, entries,
 * people, refusals; and how it begins again when its text and the log have parted
 *
 * What cannot be merged is never dropped: it becomes a draft, for the person to copy.
 */

import { Desync } from "./client.js";
import { composeAll, validate } from "./operation.js";
import { Roster } from "./presence.js";
import { comparesChecksums, propertiesOf } from "./session_state.js";
import { fitting, TracedClient } from "./trace.js";

/** @typedef {import("./messages.js").ServerMessage} ServerMessage */

/** What refusals are called that a person can do something about. @typedef {"replaced" | "outdated" | "gone" | "unlinked"} End */

/** By the code of the error. @type {Record<string, End>} */
const ENDS = {
  replaced: "replaced",
  protocol_unsupported: "outdated",
  pad_deleted: "gone",
  link_replaced: "unlinked",
};

export class Conversation {
  client = new TracedClient();
  /** What ended it, if something has. @type {"refused" | End | null} */
  ended = null;
  #roster = new Roster();

  /**
   * @param {object} parts
   * @param {import("./session.js").PadSession} parts.session  whose state and editor it changes
   * @param {import("./connection.js").Connection} parts.connection
   * @param {import("./local_copy.js").LocalCopy} parts.copy
   * @param {import("./outbox.js").Outbox} parts.outbox
   * @param {import("./presence_sender.js").PresenceSender} parts.presence
   * @param {() => void} parts.onState  something has changed that the session's state is made of
   */
  constructor({ session, connection, copy, outbox, presence, onState }) {
    this.session = session;
    this.connection = connection;
    this.copy = copy;
    this.outbox = outbox;
    this.presence = presence;
    this.onState = onState;
  }

  /** @returns {import("./messages.js").HelloMessage} */
  hello() {
    const { personKey, name, color } = this.session.profile;
    const { key: session, epoch } = this.copy;
    const revision = epoch === null ? null : this.client.revision;
    return { type: "hello", session, person: personKey, name, color, epoch, revision };
  }

  /** @param {ServerMessage} message */
  receive(message) {
    switch (message.type) {
      case "welcome":
        return this.#welcome(message);
      case "ops":
      case "delta":
        return this.#entries(message);
      case "presence":
        this.#roster.receive(message);
        return this.#peopleChanged();
      case "properties":
        return this.#propertiesChanged(message);
      case "storage":
        this.session.state = { ...this.session.state, storage: message.state };
        return this.session.onChange("state");
      case "diverged":
        return this.#diverged();
      case "error":
        return this.#error(message);
      default: // A newer server may say more than we know.
    }
  }

  /** @param {import("./messages.js").WelcomeMessage} message */
  #welcome(message) {
    const { session, epoch, limits, role, color, text, revision, committed, protocol } = message;
    const { pending } = this.client;
    // All that it has in the log is in this text, whatever the disk had kept of it.
    const current = text === undefined && !pending && committed[1] <= this.client.revision;
    if (current) this.client.lastSeq = committed[0];
    // The session went on without this copy, as when the disk was full: its edits may be logged.
    const outdated = text === undefined && committed[0] > this.client.lastSeq;
    // Or it is a copy of another text, which what is pending does not fit, or may not be changed.
    const unfit = pending && (text !== undefined || role === "read");
    if (outdated || unfit) return this.#startOver();
    this.session.profile.color ||= color;
    const told = { storage: /** @type {const} */ ("ok"), ...propertiesOf(message) };
    const checksums = comparesChecksums(protocol);
    this.session.state = { ...this.session.state, me: session, role, limits, checksums, ...told };
    if (text !== undefined) {
      this.client = new TracedClient({ revision, lastSeq: committed[0] });
      this.session.editor.reset(text);
      this.copy.startText(text, epoch);
    }
    this.outbox.connected(limits);
    this.presence.changed();
    this.connection.welcomed();
    this.outbox.pump();
  }

  /** @param {import("./messages.js").OpsMessage | import("./messages.js").DeltaMessage} message */
  #entries(message) {
    const known = this.client.revision;
    try {
      for (const each of message.type === "ops" ? message.ops : [[, , message.op]]) validate(each[2]);
      const { op, acknowledged } = this.client.receive(message, this.session.state.me);
      this.#follow(message, known);
      this.outbox.received(acknowledged !== null);
      if (op !== null) this.session.editor.apply(op);
    } catch (error) {
      // An operation that is none, or does not fit: from the server, or by a bug of ours.
      if (!(error instanceof Desync)) console.error(error);
      this.session.state.desyncs += 1;
      // What is pending cannot be told any more, so the text is kept in any case.
      this.#startOver(true);
      return;
    }
    this.session.onEntries(message, known, this.client.waiting);
    this.#showCarets();
    this.onState();
    this.outbox.pump();
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
      this.copy.follow(whole);
      this.#roster.follow(fresh, whole, this.session.environment.date());
    } else if (message.to > known) {
      this.copy.follow(message.op);
      this.#roster.followDelta(message.op);
    }
  }

  /** @param {import("./messages.js").ErrorMessage} message */
  #error({ action, code }) {
    if (action === "draft") {
      this.#startOver(this.client.pending, "refused");
    } else if (action === "resession") {
      this.client.restart();
      this.#newSession();
    } else if (action === "stop") {
      this.end(ENDS[code] ?? "refused");
    }
    // "reconnect": the server closes, and we come again.
  }

  /** @param {"refused" | End} how */
  end(how) {
    // What an orphan could not send stays on the disk for another time.
    if (this.copy.orphan !== null) return this.session.close();
    this.ended = how;
    // A page of the server's version sends what is pending, if this disk keeps it until then.
    const waits = how === "outdated" && this.copy.stored;
    if (this.client.pending && !waits) this.copy.keepDraft(this.session.editor.text());
    this.connection.close();
    this.onState();
  }

  /**
   * Begin again without a copy; what is on screen becomes a draft if any of it is not saved.
   * @param {boolean} [keep]
   * @param {"refused" | "diverged" | ""} [why]  by the server, as it was typed; or its text is another
   */
  #startOver(keep = this.client.pending, why = "") {
    if (keep) {
      const edits = why === "refused" ? 0 : this.outbox.unsent;
      this.copy.keepDraft(this.session.editor.text(), { edits, diverged: why === "diverged" });
    }
    if (this.copy.orphan !== null) return this.forget();
    this.client = new TracedClient();
    this.copy.dropText();
    this.outbox.counts = [0, 0];
    this.#newSession();
  }

  /** What is on screen is not the text of the log: tell how it came about, and begin again. */
  #diverged() {
    const { revision } = this.client;
    /** @type {import("./messages.js").TraceMessage} */
    const trace = { type: "trace", revision, text: this.session.editor.text(), ...this.client.trace() };
    this.connection.send(fitting(trace, this.session.state.limits?.frame_bytes ?? 0));
    this.#startOver(true, "diverged");
  }

  /** Nothing of this session is worth keeping any more. */
  forget() {
    this.copy.remove();
    this.session.close();
  }

  /** Go on under a new session key. */
  async #newSession() {
    // What the old connection still says is about another state.
    this.connection.hold();
    await this.copy.renewKey();
    this.connection.restart();
  }

  #showCarets() {
    const toLocal = (/** @type {number} */ position) => this.client.toLocal(position);
    this.session.editor.setCarets(() => this.#roster.carets(this.session.state.me, toLocal));
  }

  /** @param {import("./messages.js").PropertiesMessage} message */
  #propertiesChanged(message) {
    this.session.state = { ...this.session.state, ...propertiesOf(message) };
    this.session.onChange("state");
  }

  #peopleChanged() {
    this.session.state = { ...this.session.state, people: this.#roster.list(this.session.state.me) };
    this.#showCarets();
    this.session.onChange("people");
  }
}
