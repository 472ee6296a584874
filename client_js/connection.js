/**
 * one WebSocket after another: backoff with full jitter, heartbeat, honest phases
 *
 * Knows nothing of texts and operations. After a loss it tries again after a random time between 0 and
 * min(15 s, 0.5 s x 2^attempt), so that a thousand tabs do not come back in one moment; at once when the system
 * is online again or the page is looked at. A socket that answers no ping within 10 s is given up.
 */

import { OfflineStore } from "./offline.js";

/** @typedef {"connecting" | "online" | "reconnecting" | "offline"} Phase */
/** @typedef {import("./messages.js").ServerMessage} ServerMessage */
/** @typedef {import("./messages.js").ClientMessage} ClientMessage */
/**
 * What the world gives; tests give their own.
 * @typedef {object} Environment
 * @property {(url: string, protocol: string) => WebSocket} connect
 * @property {() => number} now  milliseconds
 * @property {() => number} random  0 to 1
 * @property {(work: () => void, ms: number) => number} setTimer
 * @property {(timer: number | undefined) => void} clearTimer
 * @property {() => boolean} online
 * @property {(listener: () => void) => void} onWake  the system is online again, or the page is looked at
 * @property {() => Promise<import("./offline.js").OfflineStore>} openStore
 */

const SUBPROTOCOL = "deltapad.1";
const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 15_000;
const PING_MS = 5_000;
/** A connection that ended sooner did not work: the next wait is longer, not short again. */
const STEADY_MS = 5_000;
const SILENCE_MS = 10_000;
/** The same when the system says that it is offline; it may be wrong about a server on this machine. */
const SILENCE_OFFLINE_MS = 2_000;
/** After this long without a connection it is called offline, not a hiccup. */
const OFFLINE_MS = 10_000;

export class Connection {
  /** @type {Phase} */
  phase = "connecting";
  /** @type {number | null} */
  nextTryAt = null;
  /** @type {number | null} */
  roundTripMs = null;
  /** @type {WebSocket | null} */
  #socket = null;
  #attempt = 0;
  /** Not before the first `open`, nor after `close`. */
  #wanted = false;
  /** Since when there is no connection; null while there is one. @type {number | null} */
  #lostAt;
  #welcomedAt = 0;
  /** When anything last came; at first, when the socket was made. */
  #heardAt = 0;
  /** When the ping that waits for its pong was sent. @type {number | null} */
  #pingAt = null;
  #pings = 0;
  /** @type {number | undefined} */
  #retryTimer;
  /** @type {number | undefined} */
  #pingTimer;
  /** @type {number | undefined} */
  #offlineTimer;

  /**
   * @param {object} options
   * @param {string} options.url
   * @param {() => ClientMessage} options.hello
   * @param {(message: ServerMessage) => void} options.onMessage
   * @param {(code: number) => void} options.onClose  the code says why, 1006 for no reason
   * @param {() => void} options.onChange
   * @param {Environment} options.environment
   */
  constructor({ url, hello, onMessage, onClose, onChange, environment }) {
    this.url = url;
    this.hello = hello;
    this.onMessage = onMessage;
    this.onClose = onClose;
    this.onChange = onChange;
    this.environment = environment;
    this.#lostAt = environment.now();
    environment.onWake(() => this.#wake());
  }

  open() {
    const { environment } = this;
    this.#wanted = true;
    environment.clearTimer(this.#retryTimer);
    this.nextTryAt = null;
    const socket = environment.connect(this.url, SUBPROTOCOL);
    this.#socket = socket;
    this.#heardAt = environment.now();
    socket.onopen = () => socket.send(JSON.stringify(this.hello()));
    socket.onmessage = (event) => {
      if (socket === this.#socket) this.#receive(JSON.parse(event.data));
    };
    socket.onclose = (event) => {
      if (socket === this.#socket) this.#lost(event.code);
    };
    this.#watchOffline();
    this.#pingLater();
    this.onChange();
  }

  /**
   * The server has said welcome: from now on this counts as being connected.
   */
  welcomed() {
    this.#welcomedAt = this.environment.now();
    this.#lostAt = null;
    this.environment.clearTimer(this.#offlineTimer);
    this.phase = "online";
    this.#ping();
    this.onChange();
  }

  /**
   * Send, if there is a connection.
   * @param {ClientMessage} message
   * @returns {boolean} whether it was given to the socket
   */
  send(message) {
    if (this.phase !== "online" || this.#socket === null || this.#socket.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** Connect now, whatever the time; leaves a good connection alone. */
  tryNow() {
    if (!this.#wanted || this.phase === "online") return;
    this.#drop();
    this.open();
  }

  /** Drop this socket, and wait for `restart`. */
  hold() {
    this.#drop();
    this.environment.clearTimer(this.#retryTimer);
    this.#lostAt ??= this.environment.now();
    if (this.phase === "online") this.phase = "reconnecting";
  }

  /** Connect at once, with another hello. */
  restart() {
    this.hold();
    if (this.#wanted) this.open();
  }

  /** For good. */
  close() {
    this.#wanted = false;
    this.#drop();
    this.environment.clearTimer(this.#retryTimer);
    this.environment.clearTimer(this.#offlineTimer);
  }

  /** @param {ServerMessage} message */
  #receive(message) {
    this.#heardAt = this.environment.now();
    if (message.type === "pong") {
      if (this.#pingAt !== null && message.n === this.#pings) {
        this.roundTripMs = this.environment.now() - this.#pingAt;
        this.#pingAt = null;
        this.onChange();
      }
      return;
    }
    this.onMessage(message);
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    this.#pingAt = null;
    this.environment.clearTimer(this.#pingTimer);
    socket?.close();
  }

  /** @param {number} code */
  #lost(code) {
    this.#drop();
    this.onClose(code);
    // What was told on closing may have ended it, or connected again already.
    if (!this.#wanted || this.#socket !== null) return;
    const { environment } = this;
    if (this.#lostAt === null) {
      this.#lostAt = environment.now();
      this.phase = "reconnecting";
      if (this.#lostAt - this.#welcomedAt >= STEADY_MS) this.#attempt = 0;
    }
    const bound = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** this.#attempt);
    this.#attempt += 1;
    const wait = environment.random() * bound;
    this.nextTryAt = environment.now() + wait;
    environment.clearTimer(this.#retryTimer);
    this.#retryTimer = environment.setTimer(() => this.open(), wait);
    this.#watchOffline();
    this.onChange();
  }

  /** Call it offline when it has been lost for long, or when the system says so. */
  #watchOffline() {
    const { environment } = this;
    environment.clearTimer(this.#offlineTimer);
    if (this.#lostAt === null || this.phase === "offline") return;
    const left = this.#lostAt + OFFLINE_MS - environment.now();
    if (left <= 0 || !environment.online()) {
      this.phase = "offline";
      this.onChange();
    } else {
      this.#offlineTimer = environment.setTimer(() => this.#watchOffline(), left);
    }
  }

  /** @param {number} [ms] */
  #pingLater(ms = PING_MS) {
    this.environment.clearTimer(this.#pingTimer);
    this.#pingTimer = this.environment.setTimer(() => this.#beat(), ms);
  }

  #beat() {
    const { environment } = this;
    const silence = environment.now() - this.#heardAt;
    const patience = environment.online() ? SILENCE_MS : SILENCE_OFFLINE_MS;
    // A tab that was asleep has heard nothing either, so silence counts only behind a ping. Before
    // the welcome there are none: there the socket itself waits for its answer.
    const asked =
      this.phase !== "online" || (this.#pingAt !== null && this.#pingAt >= this.#heardAt);
    if (!asked) this.#ping();
    else if (silence >= patience) this.#lost(1006);
    else this.#pingLater(patience - silence);
  }

  #ping() {
    this.#pings += 1;
    this.#pingAt = this.environment.now();
    this.send({ type: "ping", n: this.#pings });
    this.#pingLater(this.environment.online() ? PING_MS : SILENCE_OFFLINE_MS);
  }

  /** Something has changed outside: look whether the connection lives. */
  #wake() {
    if (!this.#wanted) return;
    if (this.phase !== "online") this.tryNow();
    else this.#ping();
  }
}

/** @returns {Environment} the browser's */
export function browserEnvironment() {
  return {
    connect: (url, protocol) => new WebSocket(url, protocol),
    now: () => Date.now(),
    random: () => Math.random(),
    setTimer: (work, ms) => Number(setTimeout(work, ms)),
    clearTimer: (timer) => clearTimeout(timer),
    online: () => navigator.onLine,
    onWake: (listener) => {
      addEventListener("online", listener);
      addEventListener("offline", listener);
      addEventListener("pageshow", listener);
      document.addEventListener("visibilitychange", () => {
        if (document.visibilityState === "visible") listener();
      });
    },
    openStore: () => OfflineStore.open(),
  };
}
