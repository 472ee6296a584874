/**
 * one WebSocket after another: backoff with full jitter, heartbeat, honest phases
 *
 * Knows nothing of texts and operations. After a loss it tries again after a random time between 0 and
 * min(15 s, 0.5 s x 2^attempt), so that a thousand tabs do not come back in one moment; at once when the system
 * is online again or the page is looked at.
 *
 * A socket on which nothing comes for 10 s is given up, and one whose pings are not answered for 20 s although
 * other things come: what we send is lost then. On a slow line a large frame takes longer than that, and would
 * begin anew with each connection, for ever: so patience doubles with each socket that is given up, and
 * is twice what an answer took as soon as there is one.
 *
 * No operation has a deadline of its own. Pong and acknowledgement are in one stream, in order: who gets pongs
 * has not lost an acknowledgement, it was not given yet, and to ask anew would only add to what
 * the server has to do.
 */

import { OfflineStore } from "./offline.js";

/** @typedef {"connecting" | "online" | "reconnecting" | "offline"} Phase */
/** @typedef {import("./messages.js").ServerMessage} ServerMessage */
/** @typedef {import("./messages.js").ClientMessage} ClientMessage */
/**
 * What the world gives; tests give their own.
 * @typedef {object} Environment
 * @property {(url: string, protocol: string) => WebSocket} connect
 * @property {() => number} now  milliseconds, of a clock that nobody sets
 * @property {() => number} date  milliseconds since 1970: to label things with, never to wait by
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
/** A server that restarts or is busy has told everybody at once, and has no use for them at once. */
const BACKOFF_TOLD_MS = 2_000;
/** Close codes of such a server: it restarts; try again later. */
const TOLD = [1012, 1013];
const PING_MS = 5_000;
/** A connection that ended sooner did not work: the next wait is longer, not short again. */
const STEADY_MS = 5_000;
/** A frame of a megabyte on a line of 20 kB/s takes this long. */
const PATIENCE_MAX_MS = 60_000;
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
  /** How much the server has said. */
  heard = 0;
  /** @type {WebSocket | null} */
  #socket = null;
  #attempt = 0;
  /** Not before the first `open`, nor after `close`. */
  #wanted = false;
  /** From `hold` to `restart`: a hello cannot be said now. */
  #held = false;
  /** Since when there is no connection; null while there is one. @type {number | null} */
  #lostAt;
  #welcomedAt = 0;
  /** When anything last came; at first, when the socket was made. */
  #heardAt = 0;
  /** When the ping that waits for its pong was first sent. @type {number | null} */
  #pingAt = null;
  #pings = 0;
  /** How long an open socket may be silent. */
  #patienceMs = SILENCE_MS;
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
      if (socket === this.#socket) this.#receive(event.data);
    };
    socket.onclose = (event) => {
      if (socket === this.#socket) this.#lost(event.code);
    };
    this.#watchOffline();
    this.#beatLater();
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
    this.#look();
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
    if (!this.#wanted || this.#held || this.phase === "online") return;
    this.#drop();
    this.open();
  }

  /** Drop this socket, and wait for `restart`. */
  hold() {
    this.#held = true;
    this.#drop();
    this.environment.clearTimer(this.#retryTimer);
    this.#lostAt ??= this.environment.now();
    if (this.phase === "online") this.phase = "reconnecting";
  }

  /** Connect at once, with another hello. */
  restart() {
    this.hold();
    this.#held = false;
    if (this.#wanted) this.open();
  }

  /** For good. */
  close() {
    this.#wanted = false;
    this.#drop();
    this.environment.clearTimer(this.#retryTimer);
    this.environment.clearTimer(this.#offlineTimer);
  }

  /** @param {string} frame */
  #receive(frame) {
    /** @type {ServerMessage} */
    let message;
    try {
      message = JSON.parse(frame);
    } catch {
      // Something on the way has spoiled it. What was in it comes again on another connection.
      this.#lost(1007);
      return;
    }
    this.#heardAt = this.environment.now();
    this.heard += 1;
    if (message.type !== "pong") {
      this.onMessage(message);
    } else if (this.#pingAt !== null && message.n === this.#pings) {
      this.roundTripMs = this.#heardAt - this.#pingAt;
      this.#patienceMs = Math.min(PATIENCE_MAX_MS, Math.max(SILENCE_MS, 2 * this.roundTripMs));
      this.#pingAt = null;
      this.onChange();
    }
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
    // A first try that has failed is no longer a pad that is just being opened.
    if (this.phase === "connecting") this.phase = "reconnecting";
    if (this.#lostAt === null) {
      this.#lostAt = environment.now();
      this.phase = "reconnecting";
      if (this.#lostAt - this.#welcomedAt >= STEADY_MS) this.#attempt = 0;
    }
    const bound = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** this.#attempt);
    this.#attempt += 1;
    const wait = environment.random() * (TOLD.includes(code) ? Math.max(bound, BACKOFF_TOLD_MS) : bound);
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
  #beatLater(ms = PING_MS) {
    this.environment.clearTimer(this.#pingTimer);
    this.#pingTimer = this.environment.setTimer(() => this.#beat(), ms);
  }

  /** Whether the socket may go on, and if so, a ping. */
  #beat() {
    const now = this.environment.now();
    const online = this.environment.online();
    const opened = this.#socket?.readyState === 1;
    const patience = !online ? SILENCE_OFFLINE_MS : opened ? this.#patienceMs : SILENCE_MS;
    const silence = now - this.#heardAt;
    const asked = this.#pingAt === null ? 0 : now - this.#pingAt;
    // A tab that was asleep has heard nothing either, so silence counts only behind a ping; to
    // which a socket that is not open yet is itself waiting for the answer.
    const answerDue = !opened || asked >= Math.min(PING_MS, patience);
    if ((silence >= patience && answerDue) || asked >= 2 * patience) {
      if (opened) this.#patienceMs = Math.min(PATIENCE_MAX_MS, 2 * this.#patienceMs);
      this.#lost(1006);
      return;
    }
    if (opened) this.#ping();
    const left = silence < patience ? patience - silence : PING_MS;
    this.#beatLater(Math.min(left, online ? PING_MS : SILENCE_OFFLINE_MS));
  }

  /** The one that waits for its answer is sent again: the server is to hear of us meanwhile. */
  #ping() {
    if (this.#pingAt === null) {
      this.#pings += 1;
      this.#pingAt = this.environment.now();
    }
    this.#socket?.send(JSON.stringify({ type: "ping", n: this.#pings }));
  }

  /** Something has changed outside: look whether the connection lives. */
  #wake() {
    if (!this.#wanted) return;
    if (this.phase !== "online") {
      this.tryNow();
      return;
    }
    // The clock of a machine that slept may have stood still: half of the patience is gone in any case.
    this.#heardAt = Math.min(this.#heardAt, this.environment.now() - this.#patienceMs / 2);
    this.#look();
  }

  /** Ask whether the connection lives, and look soon for the answer. */
  #look() {
    this.#pingAt = null;
    if (this.#socket?.readyState === 1) this.#ping();
    this.#beatLater(this.environment.online() ? PING_MS : SILENCE_OFFLINE_MS);
  }
}

/** @returns {Environment} the browser's */
export function browserEnvironment() {
  return {
    connect: (url, protocol) => new WebSocket(url, protocol),
    now: () => performance.now(),
    date: () => Date.now(),
    random: () => Math.random(),
    setTimer: (work, ms) => Number(setTimeout(work, ms)),
    clearTimer: (timer) => clearTimeout(timer),
    online: () => navigator.onLine,
    onWake: (listener) => {
      addEventListener("online", listener);
      addEventListener("offline", listener);
      // Not when the page is new: its first connection is just being made.
      addEventListener("pageshow", ({ persisted }) => persisted && listener());
      // A frozen tab is thawed, maybe without being looked at.
      document.addEventListener("resume", listener);
      document.addEventListener("visibilitychange", () => {
        if (document.visibilityState === "visible") listener();
      });
    },
    openStore: () => OfflineStore.open(),
  };
}
