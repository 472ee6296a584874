/**
 * tells the others where one is: the newest only, and at most ten times a second
 */

/** @typedef {import("./messages.js").PresenceMessage} PresenceMessage */
/** @typedef {{following: string | null, history: number | null}} Elsewhere  whom one follows, and
 *    the past revision that one looks at */

const INTERVAL_MS = 100;

export class PresenceSender {
  /** @type {Elsewhere} */
  #elsewhere = { following: null, history: null };
  #wanted = false;
  #sentAt = -Infinity;
  /** @type {number | undefined} */
  #timer;

  /**
   * @param {object} options
   * @param {import("./connection.js").Environment} options.environment
   * @param {import("./connection.js").Connection} options.connection
   * @param {import("./screen.js").Editor} options.editor
   * @param {() => import("./client.js").Client} options.client  the machine, which may change
   * @param {() => {name: string, color: number}} options.profile
   * @param {() => import("./messages.js").Role} options.role
   */
  constructor({ environment, connection, editor, client, profile, role }) {
    this.environment = environment;
    this.connection = connection;
    this.editor = editor;
    this.client = client;
    this.profile = profile;
    this.role = role;
  }

  /** There is something new to tell. @param {Partial<Elsewhere>} [elsewhere] */
  changed(elsewhere = {}) {
    this.#elsewhere = { ...this.#elsewhere, ...elsewhere };
    this.#wanted = true;
    this.tell();
  }

  /** Tell what is new, if it can be told now. */
  tell() {
    const { environment } = this;
    const message = this.#wanted ? this.#message() : null;
    if (message === null) return;
    environment.clearTimer(this.#timer);
    const wait = this.#sentAt + INTERVAL_MS - environment.now();
    if (wait > 0) {
      this.#timer = environment.setTimer(() => this.tell(), wait);
      return;
    }
    this.#wanted = false;
    this.#sentAt = environment.now();
    this.connection.send(message);
  }

  close() {
    this.environment.clearTimer(this.#timer);
  }

  /**
   * Only while nothing is pending, since only then everybody counts alike.
   * @returns {PresenceMessage | null}
   */
  #message() {
    const { pending, revision } = this.client();
    if (pending || this.connection.phase !== "online") return null;
    const { name, color } = this.profile();
    const { following, history } = this.#elsewhere;
    return {
      ...{ type: "presence", revision, name, color },
      selections: this.role() === "read" ? [] : this.editor.selections(),
      ...(following === null ? {} : { following }),
      // A pad that was restored from a backup may not have it any more.
      ...(history === null ? {} : { history: Math.min(history, revision) }),
    };
  }
}
