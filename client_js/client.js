/**
 * One session's state machine: synchronised, awaiting, awaiting with buffer. Pure.
 *
 * The same as `ot/client.py`, step for step. It knows no network, no clock, and not the text; the
 * text on screen is always
 *
 *     text at `revision`  .  inFlight.op  .  buffer
 *
 * and a remote operation c crosses both on its way to the screen:
 *
 *               inFlight.op           buffer
 *     (revision) -------------> o -------------> (screen)
 *         |                     |                   |
 *       c |                  c' |               c'' |
 *         v                     v                   v
 *     (revision+1) -----------> o -------------> (screen)
 *               inFlight.op'          buffer'
 *
 * What was sent under a sequence number never changes: `inFlight.sent` and `base` stay for a
 * resend, and `inFlight.op` is the copy that moves with the text. By the catch-up law the server
 * arrives at the same `op`, so the acknowledgement can be compared with it, exactly.
 */
import { compose, composeAll, split, transform, transformPosition } from "./operation.js";

/** @typedef {import("./operation.js").Operation} Operation */
/** @typedef {import("./messages.js").OpMessage} OpMessage */
/** @typedef {import("./messages.js").OpsMessage} OpsMessage */
/** @typedef {import("./messages.js").DeltaMessage} DeltaMessage */

/**
 * @typedef {object} InFlight  waits for its acknowledgement
 * @property {number} seq
 * @property {number} base
 * @property {Operation} sent  as it was sent, on `base`
 * @property {Operation} op  the same, as it is at the client's revision
 *
 * @typedef {object} ClientState  plain JSON, to be kept
 * @property {number} revision
 * @property {number} lastSeq
 * @property {InFlight | null} inFlight
 * @property {Operation | null} buffer
 *
 * @typedef {object} Received  what a frame did
 * @property {Operation | null} op  one operation for the text on screen
 * @property {number | null} acknowledged  a seq
 */

/**
 * What arrived cannot follow what is here: keep a copy of the text for the person, and start again
 * without one.
 */
export class Desync extends Error {
  /** @param {string} reason */
  constructor(reason) {
    super(reason);
    this.name = "Desync";
  }
}

export class Client {
  /** @param {Partial<ClientState>} [state] */
  constructor({ revision = 0, lastSeq = 0, inFlight = null, buffer = null } = {}) {
    this.revision = revision;
    this.lastSeq = lastSeq;
    this.inFlight = inFlight;
    this.buffer = buffer;
  }

  /** The client that `state()` described. @param {ClientState} state */
  static restore(state) {
    return new Client(state);
  }

  /** @returns {ClientState} */
  state() {
    const { revision, lastSeq, inFlight, buffer } = this;
    return { revision, lastSeq, inFlight, buffer };
  }

  /** Whether anything typed here is not acknowledged yet. */
  get pending() {
    return this.inFlight !== null || this.buffer !== null;
  }

  /** What is not acknowledged, in order, as it is at `revision`. @returns {Operation[]} */
  get waiting() {
    return [this.inFlight?.op, this.buffer].filter((op) => op !== undefined && op !== null);
  }

  /** Something was typed. @param {Operation} op  made on the text on screen */
  edit(op) {
    this.buffer = orNull(compose(this.buffer ?? [], op));
  }

  /**
   * Puts the buffer in flight, as much of it as the limits allow; null if there is nothing to send
   * now.
   * @param {{ op_inserted: number, op_components: number }} limits @returns {OpMessage | null}
   */
  send(limits) {
    if (this.inFlight !== null || this.buffer === null) return null;
    const [op, rest] = split(this.buffer, limits.op_inserted, limits.op_components);
    this.lastSeq += 1;
    this.inFlight = { seq: this.lastSeq, base: this.revision, sent: op, op };
    this.buffer = rest;
    return this.resend();
  }

  /** What is in flight, exactly as it was sent. @returns {OpMessage | null} */
  resend() {
    if (this.inFlight === null) return null;
    const { base, seq, sent } = this.inFlight;
    return { type: "op", base, seq, op: sent };
  }

  /**
   * Takes in entries or a delta. Throws Desync if they cannot follow.
   * @param {OpsMessage | DeltaMessage} message @param {string} ownSession  public id
   * @returns {Received}
   */
  receive(message, ownSession) {
    if (message.from > this.revision) {
      throw new Desync(`revisions ${this.revision} to ${message.from} are missing`);
    }
    return message.type === "delta" ? this.#delta(message) : this.#entries(message, ownSession);
  }

  /**
   * Carries a position in the text at `revision` to the text on screen (code points).
   * @param {number} position @param {"left" | "right"} [sticky]
   */
  toLocal(position, sticky = "left") {
    for (const op of [this.inFlight?.op, this.buffer]) {
      if (op) position = transformPosition(position, op, sticky);
    }
    return position;
  }

  /** Goes on under a new session key: all that is pending becomes its first edit. */
  restart() {
    if (this.inFlight !== null) {
      this.buffer = orNull(compose(this.inFlight.op, this.buffer ?? []));
    }
    this.inFlight = null;
    this.lastSeq = 0;
  }

  /** @param {DeltaMessage} message @returns {Received} */
  #delta(message) {
    if (message.to <= this.revision) return { op: null, acknowledged: null };
    if (message.from < this.revision) {
      throw new Desync(`a delta from ${message.from} overlaps revision ${this.revision}`);
    }
    const screen = this.#foreign(message.op);
    this.revision = message.to;
    return { op: orNull(screen), acknowledged: null };
  }

  /** @param {OpsMessage} message @param {string} ownSession @returns {Received} */
  #entries(message, ownSession) {
    let acknowledged = null;
    /** @type {Operation[]} */
    const screens = [];
    /** @type {Operation[]} */
    let run = [];
    for (const [session, seq, op] of message.ops.slice(this.revision - message.from)) {
      if (session === ownSession) {
        // All that came before it, and only that, crosses what is in flight.
        screens.push(this.#foreign(composeAll(run)));
        run = [];
        this.#acknowledge(seq, op);
        acknowledged = seq;
      } else {
        run.push(op);
      }
      this.revision += 1;
    }
    screens.push(this.#foreign(composeAll(run)));
    return { op: orNull(composeAll(screens)), acknowledged };
  }

  /** Carries a remote operation across what is pending, to the screen. @param {Operation} op */
  #foreign(op) {
    if (this.inFlight !== null) {
      const [crossed, moved] = transform(op, this.inFlight.op);
      this.inFlight = { ...this.inFlight, op: moved };
      op = crossed;
    }
    if (this.buffer !== null) {
      const [crossed, moved] = transform(op, this.buffer);
      this.buffer = orNull(moved);
      op = crossed;
    }
    return op;
  }

  /** @param {number} seq @param {Operation} op */
  #acknowledge(seq, op) {
    if (this.inFlight?.seq !== seq) {
      throw new Desync(`seq ${seq} of this session is in the log, but not in flight here`);
    }
    if (!equal(op, this.inFlight.op)) {
      throw new Desync(`seq ${seq} is in the log as another operation than here`);
    }
    this.inFlight = null;
  }
}

/** @param {Operation} op @returns {Operation | null} */
function orNull(op) {
  return op.length > 0 ? op : null;
}

/** @param {Operation} a @param {Operation} b */
function equal(a, b) {
  return a.length === b.length && a.every((component, index) => component === b[index]);
}
