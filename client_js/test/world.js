/**
 * What a session needs of the world, under a test's control: clock, chance, network, disk, locks,
 * and an editor that holds a string.
 */
import { IDBFactory, IDBKeyRange } from "fake-indexeddb";
import { OfflineStore } from "../offline.js";
import { apply } from "../operation.js";
import { PadSession } from "../session.js";

/** @typedef {import("../operation.js").Operation} Operation */

// The key ranges of the database that stands in for the browser's.
globalThis.IDBKeyRange ??= IDBKeyRange;

export const LIMITS = {
  frame_bytes: 1_048_576,
  op_components: 10_000,
  op_inserted: 65_536,
  pad_length: 2_000_000,
};

/** Long enough for everything that waits for the disk alone. */
export async function settle() {
  for (let round = 0; round < 40; round++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export class FakeSocket {
  readyState = 0;
  closed = false;
  /** What the client has sent. @type {any[]} */
  sent = [];
  /** @type {() => void} */
  onopen = () => {};
  /** @type {(event: { data: string }) => void} */
  onmessage = () => {};
  /** @type {(event: { code: number }) => void} */
  onclose = () => {};

  /** @param {string} url @param {string} protocol */
  constructor(url, protocol) {
    this.url = url;
    this.protocol = protocol;
  }

  /** @param {string} frame */
  send(frame) {
    this.sent.push(JSON.parse(frame));
  }

  close() {
    this.readyState = 3;
    this.closed = true;
  }

  /** The server has accepted it. */
  open() {
    this.readyState = 1;
    this.onopen();
  }

  /** The server says something. @param {object} message */
  say(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }

  /** The connection is gone. @param {number} [code] */
  lose(code = 1006) {
    this.readyState = 3;
    this.onclose({ code });
  }

  /** @param {string} type */
  all(type) {
    return this.sent.filter((message) => message.type === type);
  }

  get hello() {
    return this.all("hello")[0];
  }
}

export class FakeEditor {
  screen = "";
  resets = 0;
  /** @type {[number, number][]} */
  own = [];
  /** @type {any[]} */
  carets = [];

  /** @param {string} text */
  reset(text) {
    this.screen = text;
    this.resets += 1;
  }

  /** @param {Operation} op */
  apply(op) {
    this.screen = apply(this.screen, op);
  }

  text() {
    return this.screen;
  }

  selections() {
    return this.own;
  }

  /** @param {() => any[]} carets */
  setCarets(carets) {
    this.carets = carets();
  }
}

/** Web Locks, of one browser. */
class FakeLocks {
  /** @type {Set<string>} */
  held = new Set();

  /** @param {string} name @param {object} _options @param {(lock: object | null) => any} work */
  async request(name, _options, work) {
    if (this.held.has(name)) return work(null);
    this.held.add(name);
    try {
      return await work({ name });
    } finally {
      this.held.delete(name);
    }
  }
}

/** A browser: its disk and its clock outlive the tabs. */
export class World {
  /** Since the browser was started. */
  time = 1_000_000;
  /** What the wall clock said then. */
  date = 1_800_000_000_000;
  /** What chance says, from 0 to 1. */
  chance = 0.5;
  online = true;
  /** @type {FakeSocket[]} */
  sockets = [];
  indexedDB = new IDBFactory();
  locks = new FakeLocks();
  /** @type {Map<number, { at: number, work: () => void }>} */
  timers = new Map();
  lastTimer = 0;
  /** @type {(() => void)[]} */
  wakers = [];
  /** Gets each store that a session opens, to spoil it. @param {OfflineStore} _store */
  onStore = (_store) => {};

  /** @returns {any} */
  environment() {
    return {
      connect: (/** @type {string} */ url, /** @type {string} */ protocol) => {
        const socket = new FakeSocket(url, protocol);
        this.sockets.push(socket);
        return socket;
      },
      now: () => this.time,
      date: () => this.date + this.time,
      random: () => this.chance,
      setTimer: (/** @type {() => void} */ work, /** @type {number} */ ms) => {
        this.timers.set(++this.lastTimer, { at: this.time + ms, work });
        return this.lastTimer;
      },
      clearTimer: (/** @type {number} */ timer) => this.timers.delete(timer),
      online: () => this.online,
      onWake: (/** @type {() => void} */ listener) => this.wakers.push(listener),
      openStore: () => this.store(),
    };
  }

  /** The disk. */
  async store() {
    const store = await OfflineStore.open(this.indexedDB, /** @type {any} */ (this.locks));
    this.onStore(store);
    return store;
  }

  /** All that is on the disk, by session key. */
  async saved() {
    const { database } = await OfflineStore.open(this.indexedDB, /** @type {any} */ (this.locks));
    /** @type {Record<string, { state: any, text: any }>} */
    const found = {};
    for (const name of /** @type {const} */ (["states", "texts"])) {
      const request = database.transaction(name).objectStore(name).getAll();
      await new Promise((resolve) => (request.onsuccess = resolve));
      for (const record of request.result) {
        found[record.key] ??= { state: undefined, text: undefined };
        found[record.key][name === "states" ? "state" : "text"] = record;
      }
    }
    return found;
  }

  /** Time passes, and what was due is done. @param {number} ms */
  async pass(ms) {
    const end = this.time + ms;
    await settle();
    for (;;) {
      const due = [...this.timers].filter(([, { at }]) => at <= end);
      if (due.length === 0) break;
      const [timer, { at, work }] = due.reduce((a, b) => (b[1].at < a[1].at ? b : a));
      this.timers.delete(timer);
      this.time = Math.max(this.time, at);
      work();
      await settle();
    }
    this.time = end;
  }

  get socket() {
    return this.sockets[this.sockets.length - 1];
  }
}

/** A tab of a browser, with one open pad. */
export class Tab {
  editor = new FakeEditor();
  /** @type {string[]} */
  changes = [];

  /** @param {World} world @param {object} [options]  of the session, that differ */
  constructor(world, options = {}) {
    this.world = world;
    this.session = new PadSession({
      pad: "notes",
      socketUrl: "ws://localhost/ws/notes",
      profile: { personKey: "p".repeat(22), name: "Ada", color: 0 },
      editor: this.editor,
      onChange: (kind) => this.changes.push(kind),
      environment: world.environment(),
      ...options,
    });
  }

  get state() {
    return this.session.state;
  }

  /**
   * Opens the pad, as far as it goes without the server.
   * @param {import("../local_copy.js").PageText} [page]
   */
  async open(page) {
    this.session.open(page);
    await settle();
  }

  /**
   * Opens the pad, and the server answers with a text.
   * @param {string} text @param {number} [revision]
   */
  async join(text, revision = 0) {
    await this.open();
    await this.welcome({ text, revision });
  }

  /**
   * The server accepts the newest socket, and says welcome as it would to its hello.
   * @param {object} [fields] that differ
   */
  async welcome(fields = {}) {
    const { socket } = this.world;
    socket.open();
    socket.say({
      type: "welcome",
      protocol: "1.2",
      session: "me",
      person: "ada",
      role: "write",
      epoch: "e1",
      revision: socket.hello.revision ?? 0,
      committed: [0, 0],
      color: 3,
      title: "Notes",
      language: "markdown",
      view_history: true,
      limits: LIMITS,
      ...fields,
    });
    await settle();
  }

  /** Somebody types in this tab. @param {...(number | string)} op */
  type(...op) {
    this.editor.apply(op);
    this.session.edit(op);
  }

  /** Entries come. @param {number} from @param {...[string, number, Operation]} ops */
  async ops(from, ...ops) {
    this.world.socket.say({ type: "ops", from, ops });
    await settle();
  }

  /** The operations sent on the newest socket. */
  get sentOps() {
    return this.world.socket.all("op");
  }
}
