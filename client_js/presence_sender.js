/**
 * tells the others where the own caret is: the newest place only, and at most ten times a second
 */

/** @typedef {import("./messages.js").PresenceMessage} PresenceMessage */

const INTERVAL_MS = 100;

export class PresenceSender {
  #wanted = false;
  #sentAt = -Infinity;
  /** @type {number | undefined} */
  #timer;

  /**
   * @param {object} options
   * @param {import("./connection.js").Environment} options.environment
   * @param {() => PresenceMessage | null} options.message  null while it cannot be told
   * @param {(message: PresenceMessage) => void} options.send
   */
  constructor({ environment, message, send }) {
    this.environment = environment;
    this.message = message;
    this.send = send;
  }

  /** There is something new to tell. */
  changed() {
    this.#wanted = true;
    this.tell();
  }

  /** Tell what is new, if it can be told now. */
  tell() {
    const { environment } = this;
    const message = this.#wanted ? this.message() : null;
    if (message === null) return;
    environment.clearTimer(this.#timer);
    const wait = this.#sentAt + INTERVAL_MS - environment.now();
    if (wait > 0) {
      this.#timer = environment.setTimer(() => this.tell(), wait);
      return;
    }
    this.#wanted = false;
    this.#sentAt = environment.now();
    this.send(message);
  }

  close() {
    this.environment.clearTimer(this.#timer);
  }
}
