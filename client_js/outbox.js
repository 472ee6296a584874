/**
 * the way out of what is typed: counted, written to the disk, and then sent; one step at a time
 */

/** @typedef {import("./client.js").Client} Client */
/** @typedef {import("./messages.js").Limits} Limits */

export class Outbox {
  /** Edits in the buffer and in flight, as a person counts them. */
  #buffered = 0;
  #flying = 0;
  /** When the first of each was typed. */
  #bufferedAt = 0;
  #flyingAt = 0;
  /** Edits that are not on the disk yet. */
  #unwritten = 0;
  /** The server's; null before it has told them. @type {Limits | null} */
  #limits = null;
  /** What has been given to this connection of what is in flight; 0 for nothing. */
  #sentSeq = 0;
  /** One write to the disk at a time; another is wanted after it. */
  #writing = false;
  #writeAgain = false;
  #closed = false;

  /**
   * @param {object} options
   * @param {() => Client} options.client  the machine, which changes when a session begins again
   * @param {import("./local_copy.js").LocalCopy} options.copy
   * @param {import("./connection.js").Connection} options.connection
   * @param {() => void} options.onIdle  all is written, and sent as far as it can be now
   */
  constructor({ client, copy, connection, onIdle }) {
    this.client = client;
    this.copy = copy;
    this.connection = connection;
    this.onIdle = onIdle;
  }

  /** Edits that the server has not acknowledged. */
  get unsent() {
    // Of an edit that is sent in parts others may delete the rest; the part in flight still counts.
    return this.client().pending ? Math.max(1, this.#buffered + this.#flying) : 0;
  }

  /** When the first of them was typed. */
  get unsentSince() {
    return this.#flying > 0 ? this.#flyingAt : this.#bufferedAt;
  }

  /** Of these, edits that are not on the disk, so that only this tab has them. */
  get unwritten() {
    return Math.min(this.#unwritten, this.unsent);
  }

  /** The counts, to be kept. @returns {[inFlight: number, buffered: number]} */
  get counts() {
    return [this.#flying, this.#buffered];
  }

  set counts([flying, buffered]) {
    this.#flying = flying;
    this.#buffered = buffered;
  }

  /** Something was typed; the machine has it. */
  edited() {
    if (this.#buffered === 0) this.#bufferedAt = this.copy.environment.now();
    this.#buffered += 1;
    this.#unwritten += 1;
  }

  /** A frame has come; the machine has it. @param {boolean} acknowledged  what was in flight */
  received(acknowledged) {
    if (acknowledged) this.#flying = 0;
    if (this.client().buffer === null) this.#buffered = 0;
  }

  /** There is a new connection, which has been given nothing yet. @param {Limits} limits */
  connected(limits) {
    this.#limits = limits;
    this.#sentSeq = 0;
  }

  /** Bring the machine's state to the disk, then what it wants to send to the server. */
  async pump() {
    if (this.#writing) {
      this.#writeAgain = true;
      return;
    }
    this.#writing = true;
    do {
      this.#writeAgain = false;
      this.#takeOff();
      const writing = this.#unwritten;
      if (await this.copy.save()) this.#unwritten -= writing;
      // What is in flight now was in flight before the disk was asked, or is no more.
      const message = this.client().resend();
      if (message !== null && message.seq !== this.#sentSeq && this.connection.send(message)) {
        this.#sentSeq = message.seq;
      }
    } while (this.#writeAgain);
    this.#writing = false;
    if (this.#closed) this.copy.close();
    else this.onIdle();
  }

  /** Write what is still to be written, and let go of the copy. */
  close() {
    this.#closed = true;
    // A write that is under way must not come after those of a tab that takes the session up.
    if (!this.#writing) this.copy.close();
  }

  /** Put the buffer in flight, if it can be sent now. */
  #takeOff() {
    if (this.connection.phase !== "online" || this.#limits === null) return;
    const client = this.client();
    if (client.send(this.#limits) === null || client.buffer !== null) return;
    this.#flyingAt = this.#bufferedAt;
    this.#flying += this.#buffered;
    this.#buffered = 0;
  }
}
