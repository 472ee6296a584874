/**
 * Whole sessions against a server in memory: tabs that type, lose their connection, are closed and
 * opened again, in any order.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { codePoints } from "../operation.js";
import { Log } from "./log.js";
import { Random } from "./random.js";
import { LIMITS, settle, Tab, World } from "./world.js";

/** @typedef {import("./world.js").FakeSocket} FakeSocket */

/** The server's end of one socket. */
class Service {
  handled = 0;
  cursor = -1;
  session = "";

  /** @param {FakeSocket} socket @param {Log} log @param {Random} random */
  constructor(socket, log, random) {
    this.socket = socket;
    this.log = log;
    this.random = random;
  }

  get gone() {
    return this.socket.closed || this.socket.readyState === 3;
  }

  /** Takes the next frame of the client, if there is one. */
  take() {
    if (this.socket.readyState === 0) this.socket.open();
    const message = this.socket.sent[this.handled];
    if (message === undefined) return;
    this.handled += 1;
    if (message.type === "op") this.log.submit(this.session, message);
    if (message.type === "ping") this.socket.say({ type: "pong", n: message.n });
    if (message.type === "hello") this.welcome(message);
  }

  /** @param {any} hello */
  welcome({ session, revision }) {
    this.session = session;
    this.cursor = revision ?? this.log.entries.length;
    this.socket.say({
      ...{ type: "welcome", protocol: "1.2", session, person: "p", role: "write", epoch: "e" },
      ...{ revision: this.cursor, committed: this.log.committed(session), color: 1, title: "" },
      ...{ language: "markdown", view_history: true },
      limits: { ...LIMITS, op_inserted: 5, op_components: 5 },
      ...(revision === null ? { text: this.log.text } : {}),
    });
  }

  /** Gives the client the next frame, if there is anything new. */
  give() {
    if (this.cursor < 0 || this.cursor >= this.log.entries.length) return;
    const message = this.log.next(this.session, this.cursor, this.random);
    this.cursor = message.type === "delta" ? message.to : this.cursor + message.ops.length;
    this.socket.say(message);
  }
}

/** A day of some tabs, all chance from one seed. */
class Day {
  log = new Log();
  world = new World();
  /** @type {Service[]} */
  services = [];
  /** @type {Tab[]} */
  tabs = [];

  /** Characters that were typed, each only once. @type {string[]} */
  marks = [];

  /** @param {number} seed @param {{ deletes: boolean }} options */
  constructor(seed, { deletes }) {
    this.random = new Random(seed);
    this.deletes = deletes;
  }

  async open() {
    const tab = new Tab(this.world);
    this.tabs.push(tab);
    await tab.open();
  }

  /** Picks up sockets that are new, and leaves those that are gone. */
  serve() {
    const known = new Set(this.services.map(({ socket }) => socket));
    for (const socket of this.world.sockets) {
      if (!known.has(socket)) this.services.push(new Service(socket, this.log, this.random));
    }
    this.world.sockets.length = 0;
    this.services = this.services.filter((service) => !service.gone);
  }

  /** @param {Tab} tab */
  type(tab) {
    if (tab.editor.resets === 0) return;
    const length = codePoints(tab.editor.screen);
    if (this.deletes && length > 5) {
      tab.type(...this.random.operation(tab.editor.screen));
      return;
    }
    const mark = String.fromCodePoint(0x20000 + this.marks.length);
    this.marks.push(mark);
    const position = this.random.below(length + 1);
    tab.type(...(position > 0 ? [position] : []), mark);
  }

  async step() {
    const { random } = this;
    this.serve();
    const what = random.below(40);
    const service = this.services.length > 0 ? random.pick(this.services) : null;
    if (what < 10) this.type(random.pick(this.tabs));
    else if (what < 22) service?.take();
    else if (what < 34) service?.give();
    else if (what < 35) service?.socket.lose();
    else if (what < 36) await this.reopen();
    else if (what < 38) await settle();
    else await this.world.pass(random.below(800));
  }

  /** A tab is closed, in the middle of whatever it does, and another one is opened. */
  async reopen() {
    const index = this.random.below(this.tabs.length);
    const [tab] = this.tabs.splice(index, 1);
    tab.session.close();
    await settle();
    await this.open();
  }

  settled() {
    return this.tabs.every(({ state, editor }) => {
      return state.phase === "online" && state.unsent === 0 && editor.screen === this.log.text;
    });
  }

  async end() {
    for (let round = 0; round < 400 && !this.settled(); round++) {
      await this.world.pass(200);
      this.serve();
      for (const service of this.services) {
        for (let frame = 0; frame < 20; frame++) service.take();
        service.give();
      }
      await settle();
    }
  }
}

/** @param {number} seed @param {{ deletes: boolean }} options */
async function run(seed, options) {
  const day = new Day(seed, options);
  for (let count = 0; count < 3; count++) await day.open();
  for (let count = 0; count < 300; count++) await day.step();
  await day.end();
  for (const { state, editor } of day.tabs) {
    const { phase, unsent, draft, desyncs } = state;
    assert.deepEqual(
      { phase, unsent, draft, desyncs, screen: editor.screen },
      { phase: "online", unsent: 0, draft: null, desyncs: 0, screen: day.log.text },
      `seed ${seed}`,
    );
  }
  return day;
}

test("tabs end with one text, whatever is cut, closed and opened again", async () => {
  for (let seed = 1; seed <= 20; seed++) await run(seed, { deletes: true });
});

test("every character typed is in the text exactly once", async () => {
  for (let seed = 101; seed <= 120; seed++) {
    const { log, marks } = await run(seed, { deletes: false });
    assert.deepEqual([...log.text].sort(), [...marks].sort(), `seed ${seed}`);
  }
});
