// Pads with writers in them: opened, typed into, and checked. What a client is, `workload.mjs` tells.

import { setTimeout as sleep } from "node:timers/promises";

/** What a pad begins with: 40 lines. */
export const START = `${".".repeat(49)}\n`.repeat(40);
/** A run of typing at one place, then another place among so many first characters. */
export const RUN_KEYS = 20;
/** Near the beginning: Yjs looks for a position from there, and its client would be the slowest part. */
const PLACE_CHARACTERS = 200;
const LINE_KEYS = 40;
/** For what is under way when the time is over. */
export const SETTLE_MS = 60_000;
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Chance that is the same for every peer (mulberry32). */
function chance(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** One writer: a client, where it types, and how much of it is acknowledged. */
class Writer {
  constructor(client, pad, index) {
    this.client = client;
    this.pad = pad;
    this.letter = LETTERS[index % LETTERS.length];
    this.random = chance(1000 * pad + index + 1);
    this.typed = 0;
    this.acknowledged = 0;
    this.last = "";
    this.caret = 0;
  }

  type(key = this.typed % LINE_KEYS === LINE_KEYS - 1 ? "\n" : this.letter) {
    const { client } = this;
    if (this.typed % RUN_KEYS === 0) {
      this.caret = Math.floor(this.random() * PLACE_CHARACTERS);
    }
    this.caret = Math.min(this.caret, client.length);
    this.typed += 1;
    this.last = key;
    client.insert(this.caret, key);
    this.caret += key.length;
  }
}

/** Answer a line. */
export const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

export async function until(condition, what, ms = SETTLE_MS) {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${ms / 1000} s: ${what}`);
    await sleep(1);
  }
}

/** The first client of a new pad, which has typed its first text. */
export async function openNew({ create, open }, port, pad) {
  await create(port, pad);
  const client = await open(port, pad);
  let done = false;
  client.onAcknowledged = () => (done = true);
  client.insert(0, START);
  await until(() => done, "the first text acknowledged");
  client.onAcknowledged = () => {};
  return client;
}

/** All writers of all pads, each pad with its first text at every one of them. */
export async function openAll(peer, { port, pads, writers }) {
  const { open } = peer;
  const all = [];
  for (let pad = 0; pad < pads; pad++) {
    const first = await openNew(peer, port, `pad${pad}`);
    const others = await Promise.all(
      Array.from({ length: writers - 1 }, () => open(port, `pad${pad}`)),
    );
    [first, ...others].forEach((client, index) => all.push(new Writer(client, pad, index)));
  }
  for (const { client } of all) {
    await until(() => client.length >= START.length, "the first text everywhere");
  }
  return all;
}

/** Raise unless all texts of a pad are equal, with every key in them; the number of keys lost. */
export async function check(all, { loses = false }) {
  let lost = 0;
  // Nobody knows what its texts will be: only when they have stopped changing.
  if (loses) await sleep(1000);
  for (const pad of new Set(all.map((one) => one.pad))) {
    const here = all.filter((one) => one.pad === pad);
    const length = START.length + here.reduce((sum, one) => sum + one.typed, 0);
    if (loses) {
      lost += length - here[0].client.length;
    } else {
      await until(() => here.every((one) => one.client.length === length), "all texts complete");
    }
    const texts = new Set(here.map((one) => one.client.text()));
    if (texts.size !== 1 && !loses) throw new Error(`${texts.size} different texts in one pad`);
  }
  return lost;
}
