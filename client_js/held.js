/**
 * Remote changes that wait while an input method composes: pure algebra, no editor.
 *
 *   text on screen ── held ──► text that the session knows
 *         │ e                          │ e'
 *         ▼                            ▼
 *     new screen ── held' ──►  new session text       (held', e') = transform(held, e)
 *
 * The session has received the held operations already, so a local edit, made on the text on
 * screen, is moved behind them before the session sees it.
 */
import { compose, transform, transformPosition } from "./operation.js";

/** @typedef {import("./operation.js").Operation} Operation */

export class Held {
  /** What has not reached the screen yet. @type {Operation | null} */
  op = null;

  /** @param {Operation} remote  made on the text that the session knows */
  add(remote) {
    this.op = this.op ? compose(this.op, remote) : remote;
  }

  /**
   * @param {Operation} local  made on the text on screen
   * @returns {Operation} the same edit for the session
   */
  receiveLocal(local) {
    if (!this.op) return local;
    const [held, moved] = transform(this.op, local);
    this.op = held;
    return moved;
  }

  /** A position on the screen as the session counts it. @param {number} position */
  toSession(position) {
    return this.op ? transformPosition(position, this.op) : position;
  }

  /** Gives out what waits, to be applied to the screen. @returns {Operation | null} */
  release() {
    const op = this.op;
    this.op = null;
    return op;
  }
}
