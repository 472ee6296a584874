/**
 * The conversations of `tests/vectors/wire.json`, client's side: a whole `PadSession` for each who
 * takes part, with a disk and a clock of its own; what the server tells stands in the file.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { settle, Tab, World } from "./world.js";

const file = new URL("../../tests/vectors/wire.json", import.meta.url);
const { conversations, clients } = JSON.parse(readFileSync(file, "utf8"));
/** More than it takes to come again, however long it has backed off. */
const SECONDS_MAX = 40;

/** One client of a script. */
class Player {
  world = new World();
  tab = new Tab(this.world);
  /** The socket of the script's connection, and how much of what was said on it the script knows. */
  socket = this.world.socket;
  read = 0;

  /** It connects: at first because it is opened, later by itself. */
  async open() {
    if (this.world.sockets.length === 0) await this.tab.open();
    for (let second = 0; this.world.socket === this.socket && second < SECONDS_MAX; second++) {
      await this.world.pass(1_000);
    }
    assert.notEqual(this.world.socket, this.socket, "it does not connect");
    this.socket = this.world.socket;
    this.read = 0;
    this.socket.open();
    await settle();
  }

  /** What it has said and the script does not know yet; presence and pings come when they like. */
  get unread() {
    const counted = ["hello", "op"];
    return this.socket.sent.filter(({ type }) => counted.includes(type)).slice(this.read);
  }

  /** @param {any} frame */
  said(frame) {
    const [found] = this.unread;
    this.read += 1;
    if (frame.type === "op") return assert.deepEqual(found, frame);
    // Keys, name and color are its own.
    const { type, epoch, revision } = frame;
    assert.deepEqual([found?.type, found?.epoch, found?.revision], [type, epoch, revision]);
  }

  /** @param {any} step */
  looksLike({ screen, pending, draft }) {
    assert.equal(this.tab.editor.screen, screen);
    if (pending !== undefined) assert.equal(this.tab.state.unsent > 0, pending);
    if (draft !== undefined) assert.equal(this.tab.state.draft, draft);
  }
}

/** @param {Map<string, Player>} players @param {any} step */
async function play(players, step) {
  const player = players.get(step.who) ?? new Player();
  players.set(step.who, player);
  if (step.do === "say") return player.said(step.frame);
  if (step.do === "open") return player.open();
  assert.deepEqual(player.unread, [], "it says what is not in the script");
  if (step.do === "edit") player.tab.type(...step.op);
  else if (step.do === "cut") player.socket.lose();
  else if (step.do === "closed") player.socket.lose(step.code);
  else if (!step.lost) player.socket.say(step.frame);
  await settle();
  if (step.screen !== undefined) player.looksLike(step);
}

for (const { name, steps } of [...conversations, ...clients]) {
  test(name, async () => {
    /** @type {Map<string, Player>} */
    const players = new Map();
    for (const [index, step] of steps.entries()) {
      if (step.do === "pad") continue;
      try {
        await play(players, step);
      } catch (error) {
        if (error instanceof Error) error.message += `\n${name}, step ${index}: ${step.do} ${step.who}`;
        throw error;
      }
    }
    const last = steps.at(-1);
    for (const [who, { tab, world, socket, unread }] of players) {
      assert.deepEqual(unread, [], `${who} says what is not in the script`);
      if (last.do === "closed" && last.code === 4001) {
        await world.pass(SECONDS_MAX * 1_000);
        assert.equal(world.socket, socket, `${who} comes again`);
      }
      tab.session.close();
    }
  });
}
