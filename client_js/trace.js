/**
 * A client machine that keeps what was done to it lately, for the case that its text turns out to
 * be wrong: then the server gets it, and `deltapad replay` tells which step went wrong.
 *
 * The steps are those of `ot/steps.py`. What is kept are references to messages and operations that
 * have just been made, so that a key costs an object more, and memory is bounded.
 */
import { Client } from "./client.js";
import { sizeOf } from "./local_copy.js";

/** @typedef {import("./operation.js").Operation} Operation */
/** @typedef {import("./client.js").ClientState} ClientState */
/** @typedef {import("./messages.js").TraceMessage} TraceMessage */
/** @typedef {import("./messages.js").OpsMessage | import("./messages.js").DeltaMessage} Frame */
/** @typedef {{do: string, op?: Operation, message?: Frame, me?: string, limits?: object, gives?: any}} Step */

/** With more steps it begins again at the state of then: some minutes of typing. */
const STEPS_MAX = 200;
/** And with more characters and components: packed, it goes into one frame with some text. */
const SIZE_MAX = 200_000;

export class TracedClient extends Client {
  /** Where the steps begin; null while more is pending than a trace may hold. @type {ClientState | null} */
  #start = null;
  /** @type {Step[]} */
  #steps = [];
  #size = 0;

  /** @param {Partial<ClientState>} [state] */
  constructor(state) {
    super(state);
    this.#begin();
  }

  /** @override @param {Operation} op */
  edit(op) {
    super.edit(op);
    this.#keep({ do: "edit", op, gives: null }, sizeOf(op));
  }

  /** @override @param {{ op_inserted: number, op_components: number }} limits */
  send(limits) {
    const message = super.send(limits);
    if (message !== null) {
      const { base, seq, op } = message;
      const { op_inserted, op_components } = limits;
      const gives = { base, seq, op };
      this.#keep({ do: "send", limits: { op_inserted, op_components }, gives }, sizeOf(op));
    }
    return message;
  }

  /** @override @param {Frame} message @param {string} me  own public session id */
  receive(message, me) {
    const gives = super.receive(message, me);
    const ops = message.type === "ops" ? message.ops.map(([, , op]) => op) : [message.op];
    const size = ops.reduce((sum, op) => sum + sizeOf(op) + 1, gives.op ? sizeOf(gives.op) : 0);
    this.#keep({ do: "receive", message, me, gives }, size);
    return gives;
  }

  /** @override */
  restart() {
    super.restart();
    this.#keep({ do: "restart", gives: null }, 0);
  }

  /** What was done, in the words of `ot/steps.py`. @returns {Pick<TraceMessage, "start" | "steps">} */
  trace() {
    const start = this.#start && {
      revision: this.#start.revision,
      last_seq: this.#start.lastSeq,
      in_flight: this.#start.inFlight,
      buffer: this.#start.buffer,
    };
    return { start, steps: this.#steps.map(inOwnWords) };
  }

  #begin() {
    const pending = this.waiting.reduce((sum, op) => sum + sizeOf(op), 0);
    this.#start = pending > SIZE_MAX ? null : this.state();
    this.#steps = [];
    this.#size = 0;
  }

  /** @param {Step} step @param {number} size */
  #keep(step, size) {
    this.#steps.push(step);
    this.#size += size;
    if (this.#start === null || this.#steps.length > STEPS_MAX || this.#size > SIZE_MAX)
      this.#begin();
  }
}

/** With the own session called "me". @param {Step} step @returns {object} */
function inOwnWords({ me, ...step }) {
  const { message } = step;
  if (message?.type !== "ops") return step;
  const ops = message.ops.map(([session, seq, op]) => [session === me ? "me" : session, seq, op]);
  return { ...step, message: { ...message, ops } };
}

/**
 * As much of a trace as goes into a frame: without the text, or else without the steps.
 * @param {TraceMessage} message @param {number} bytesMax @returns {TraceMessage}
 */
export function fitting(message, bytesMax) {
  const fits = (/** @type {TraceMessage} */ cut) =>
    new TextEncoder().encode(JSON.stringify(cut)).length <= bytesMax;
  const textless = { ...message, text: null };
  const bare = { ...textless, start: null, steps: [] };
  return [message, textless].find(fits) ?? bare;
}
