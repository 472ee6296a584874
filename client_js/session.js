/**
 * one open pad: conversation, connection, copy on disk and presence, put together for a page
 *
 *    editor --edit--> machine --outbox--> local copy, then connection --> server
 *    editor <--apply-- machine <------------------------- connection <-- server
 *
 * Nothing is sent before it is on the disk, so that a tab that is closed at any moment sends it
 * again exactly as it was. What cannot be merged is never dropped: it becomes `state.draft`, for
 * the person to copy.
 */

import { browserEnvironment, Connection } from "./connection.js";
import { Conversation } from "./conversation.js";
import { isNewer, LocalCopy } from "./local_copy.js";
import { Outbox } from "./outbox.js";
import { PresenceSender } from "./presence_sender.js";
import { cleanName, TITLE_LENGTH_MAX } from "./profile.js";
import { screenless } from "./screen.js";
import { stateAtFirst } from "./session_state.js";
import { TracedClient } from "./trace.js";

/** @typedef {import("./operation.js").Operation} Operation */
/** @typedef {import("./messages.js").OpsMessage | import("./messages.js").DeltaMessage} Frame */
/** @typedef {import("./local_copy.js").Orphan} Orphan */
/** @typedef {import("./session_state.js").SessionState} SessionState */
/** @typedef {import("./local_copy.js").PageText} PageText */

/** A tab that is being closed lets go of its session a moment after another one is looked at. */
const CLOSED_TABS_MS = 1_000;

export class PadSession {
  /** @type {Connection} */
  #connection;
  /** @type {LocalCopy} */
  #copy;
  /** @type {PresenceSender} */
  #presence;
  /** @type {Outbox} */
  #outbox;
  /** @type {Conversation} */
  #conversation;
  /** Those that send what closed tabs have left; the person sees one pad. @type {Set<PadSession>} */
  #orphans = new Set();
  /** @type {number | undefined} */
  #orphansTimer;
  #closed = false;

  /**
   * @param {object} options
   * @param {string} options.pad  names the local copies: the pad, or the key of its view-only link
   * @param {string} options.socketUrl  /ws/{pad}, or /ws/view/{key}
   * @param {import("./messages.js").Role} [options.role]  what the link allows, as far as is known
   * @param {{personKey: string, name: string, color: number}} options.profile
   * @param {import("./screen.js").Editor} options.editor
   * @param {(kind: "state" | "people") => void} options.onChange
   * @param {(message: Frame, known: number, pending: Operation[]) => void} [options.onEntries]
   *   a frame is on the screen; the revision before it, and what waits after it
   * @param {import("./connection.js").Environment} [options.environment]
   * @param {Orphan | null} [options.orphan]  only to be sent; nobody looks at this session
   */
  constructor({
    pad,
    socketUrl,
    role = "write",
    profile,
    editor,
    onChange,
    onEntries = () => {},
    environment = browserEnvironment(),
    orphan = null,
  }) {
    this.pad = pad;
    this.socketUrl = socketUrl;
    this.profile = { ...profile };
    this.editor = editor;
    this.onChange = onChange;
    this.onEntries = onEntries;
    this.environment = environment;
    /** @type {SessionState} */
    this.state = stateAtFirst(role);
    this.#connection = new Connection({
      url: socketUrl,
      hello: () => this.#conversation.hello(),
      onMessage: (message) => this.#conversation.receive(message),
      onClose: (code) => {
        if (code === 4001) this.#conversation.end("replaced");
        // A frame that is too large would be so again.
        if (code === 1009) this.#conversation.end("refused");
      },
      onChange: () => this.#changed(),
      environment,
    });
    this.#copy = new LocalCopy({
      pad,
      environment,
      orphan,
      current: () => ({
        client: this.#conversation.client.state(),
        title: this.state.title,
        language: this.state.language,
        unsent: this.#outbox.counts,
      }),
      confirmedText: () => (this.#conversation.client.pending ? null : this.editor.text()),
      onChange: () => this.#changed(),
    });
    this.#outbox = new Outbox({
      client: () => this.#conversation.client,
      copy: this.#copy,
      connection: this.#connection,
      onIdle: () => this.#idle(),
    });
    this.#presence = new PresenceSender({
      environment,
      connection: this.#connection,
      editor,
      client: () => this.#conversation.client,
      profile: () => this.profile,
      role: () => this.state.role,
    });
    this.#conversation = new Conversation({
      session: this,
      connection: this.#connection,
      copy: this.#copy,
      outbox: this.#outbox,
      presence: this.#presence,
      onState: () => this.#changed(),
    });
    if (orphan === null) environment.onWake(() => this.#findOrphansSoon());
  }

  /** How much the server has said: if that grows, the connection lives. */
  get heard() {
    return this.#connection.heard;
  }

  /** Of the log that the revisions are counted in; null before there is a text. */
  get epoch() {
    return this.#copy.epoch;
  }

  /**
   * Show a text, then connect: the one that the page has brought, or the local copy if that is
   * newer or has edits that were not sent; or what another tab of this browser has of the log, if
   * that is the newest.
   * @param {PageText} [page]
   */
  async open(page) {
    if (page !== undefined) {
      this.#conversation.client = new TracedClient({ revision: page.revision });
      this.editor.reset(page.text);
      this.#changed();
    }
    const { saved, newest, orphans } = await this.#copy.open(page !== undefined && !page.kept);
    for (const orphan of orphans) this.#sendOrphan(orphan);
    const local = newest ?? saved;
    if (page !== undefined && isNewer(page, local, this.#conversation.client.pending)) {
      this.#conversation.client.lastSeq = await this.#copy.startAgain(page, saved);
    } else if (local !== null) {
      // What was typed in the moment before the disk answered has no place in that text.
      if (this.#conversation.client.pending) this.#copy.keepDraft(this.editor.text());
      this.#restore(local);
      if (newest !== null) {
        const { text, state } = newest;
        const begun = { text, revision: state.client.revision, epoch: state.epoch };
        this.#conversation.client.lastSeq = await this.#copy.startAgain(begun, saved);
      }
    }
    // What was typed in that moment has a text under it now.
    if (this.#outbox.unwritten > 0) this.#outbox.pump();
    this.#connection.open();
  }

  /**
   * Something was typed here; the editor shows it already.
   * @param {Operation} op
   */
  edit(op) {
    if (this.state.role === "read") throw new Error("this link is view-only");
    this.#conversation.client.edit(op);
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

  /**
   * Tell whom one follows, by public session id, or which revision one looks at; null ends it.
   * @param {Partial<import("./presence_sender.js").Elsewhere>} changed
   */
  setPresence(changed) {
    this.#presence.changed(changed);
  }

  /**
   * Change what is said of the pad, for everybody; `state` follows when the server has it.
   * @param {{title?: string, language?: string, viewHistory?: boolean, newViewLink?: boolean}} changed
   *   with `newViewLink` the server makes another view-only link, in place of the one there is
   * @returns {boolean} false if that cannot be now: offline, view-only, or no title
   */
  setProperties({ title, language, viewHistory, newViewLink }) {
    const cleaned = title === undefined ? undefined : cleanName(title, TITLE_LENGTH_MAX);
    if (cleaned === null || this.state.role === "read") return false;
    const change = { title: cleaned, language, view_history: viewHistory, new_view_link: newViewLink };
    return this.#connection.send({ type: "properties", ...change });
  }

  /**
   * Tell the server what is on screen; nothing may be pending.
   * @param {import("./checksum.js").Sum} sum
   */
  sendChecksum({ length, crc32 }) {
    return this.#connection.send({ type: "checksum", revision: this.#conversation.client.revision, length, crc32 });
  }

  /** The person has the draft, or does not want it. */
  discardDraft() {
    return this.#copy.discardDraft();
  }

  /** The tab may end now: write what waits for an earlier write. */
  keepNow() {
    if (this.#outbox.unwritten > 0) this.#copy.save();
  }

  tryNow() {
    this.#connection.tryNow();
  }

  /** Let go of it all; what is pending stays on the disk. */
  close() {
    this.#closed = true;
    this.environment.clearTimer(this.#orphansTimer);
    this.#connection.close();
    this.#presence.close();
    this.#outbox.close();
    for (const orphan of this.#orphans) orphan.close();
    this.onChange("state");
  }

  /** @param {import("./offline.js").Saved} saved */
  #restore({ state: { client, title, language, unsent }, text }) {
    this.#conversation.client = new TracedClient(client);
    this.state.title = title;
    this.state.language = language ?? "";
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
        if (session.#closed) this.#orphans.delete(session);
        else if (phase === "online" && unsent === 0) session.#conversation.forget();
        if (!this.#closed) this.#changed();
      },
    });
    this.#orphans.add(session);
    session.open();
  }

  /** A tab of this pad may have been closed beside this one, with edits that nobody sends. */
  #findOrphansSoon() {
    const { environment } = this;
    environment.clearTimer(this.#orphansTimer);
    this.#orphansTimer = environment.setTimer(async () => {
      if (this.state.phase !== "online") return;
      for (const orphan of await this.#copy.orphans()) {
        if (this.#closed) orphan.claim.release();
        else this.#sendOrphan(orphan);
      }
    }, CLOSED_TABS_MS);
  }

  #unsentByOrphans() {
    let edits = 0;
    for (const { state } of this.#orphans) edits += state.unsent;
    return edits;
  }

  /** What was typed is on its way, as far as it can be now; there is time for the rest. */
  #idle() {
    this.#changed();
    this.#presence.tell();
    this.#copy.keepTextWhenQuiet();
  }

  #changed() {
    const { roundTripMs, nextTryAt } = this.#connection;
    const phase = this.#conversation.ended ?? this.#connection.phase;
    const before = this.state;
    const resumed = phase === "online" && before.phase !== "online";
    this.state = {
      ...before,
      phase,
      revision: this.#conversation.client.revision,
      unsent: this.#outbox.unsent + this.#unsentByOrphans(),
      unsentSince: this.#outbox.unsentSince,
      unwritten: this.#outbox.unwritten,
      roundTripMs,
      nextTryAt,
      storedLocally: this.#copy.stored,
      draft: this.#copy.draft?.text ?? null,
      draftEdits: this.#copy.draft?.edits ?? 0,
      diverged: this.#copy.draft?.diverged ?? false,
      sentAfterReconnect: resumed ? before.unsent : before.sentAfterReconnect,
    };
    if (resumed && this.#copy.orphan === null) this.#findOrphansSoon();
    this.onChange("state");
  }
}
