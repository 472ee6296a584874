// The load, the same for every peer: opens clients, types, takes the times, and checks the texts.
//
// A request is one JSON object on standard input; the answers are lines of JSON on standard output:
// {"at": "begin"} and {"at": "end"} around what is measured, then {"result": {...}} or {"error": "why"}.
//
// A client of a peer is what its module's `open(port, pad)` resolves to, connected and up to date:
//   length, text()            what its library holds
//   insert(position, text)    type, as the library's own user would
//   onAcknowledged()          to be called for each insert that the server has acknowledged
//   onInserted(text)          to be called for what others have typed, once it is in the text; null if
//                             nobody asks, and then finding it must cost nothing
//   onClosed()                to be called when the connection is lost
//   offline(), online()       cut the connection, make it again
//   bytes()                   [received, sent] over the present connection
//
// The characters are all of the basic plane: code points, UTF-16 units and positions are the same.

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** What a pad begins with: 40 lines. */
export const START = `${".".repeat(49)}\n`.repeat(40);
/** A run of typing at one place, then another place among so many first characters. */
const RUN_KEYS = 20;
/** Near the beginning: Yjs looks for a position from there, and its client would be the slowest part. */
const PLACE_CHARACTERS = 200;
const LINE_KEYS = 40;
/** For what is under way when the time is over. */
const SETTLE_MS = 60_000;
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** Keys that no two edits share, to tell an edit at the other clients; there are 20,000 of them. */
const UNIQUE_FIRST = 0x4e00;
const UNIQUE_COUNT = 20_000;

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

const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

async function until(condition, what, ms = SETTLE_MS) {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${ms / 1000} s: ${what}`);
    await sleep(1);
  }
}

/** All writers of all pads, each pad with its first text at every one of them. */
async function openAll(open, { port, pads, writers }) {
  const all = [];
  for (let pad = 0; pad < pads; pad++) {
    const first = await open(port, `pad${pad}`);
    let done = false;
    first.onAcknowledged = () => (done = true);
    first.insert(0, START);
    await until(() => done, "the first text acknowledged");
    const others = await Promise.all(
      Array.from({ length: writers - 1 }, () => open(port, `pad${pad}`)),
    );
    [first, ...others].forEach((client, index) => all.push(new Writer(client, pad, index)));
  }
  for (const { client } of all) {
    client.onAcknowledged = () => {};
    await until(() => client.length >= START.length, "the first text everywhere");
  }
  return all;
}

/** Raise unless all texts of a pad are equal, with every key in them; the number of keys lost. */
async function check(all, { loses = false }) {
  let lost = 0;
  for (const pad of new Set(all.map((one) => one.pad))) {
    const here = all.filter((one) => one.pad === pad);
    const length = START.length + here.reduce((sum, one) => sum + one.typed, 0);
    if (loses) {
      await sleep(1000);
      lost += length - here[0].client.length;
    } else {
      await until(() => here.every((one) => one.client.length === length), "all texts complete");
    }
    const texts = new Set(here.map((one) => one.client.text()));
    if (texts.size !== 1 && !loses) throw new Error(`${texts.size} different texts in one pad`);
  }
  return lost;
}

/** Measure for `seconds` after a warm-up, while `work` goes on by itself. */
async function measured({ warmup, seconds }, begin) {
  await sleep(warmup * 1000);
  begin();
  tell({ at: "begin" });
  const [from, cpu] = [performance.now(), process.cpuUsage()];
  await sleep(seconds * 1000);
  const used = process.cpuUsage(cpu);
  const took = (performance.now() - from) / 1000;
  tell({ at: "end" });
  return { seconds: took, generator_cpu: (used.user + used.system) / 1e6 };
}

/** Closed loop: everybody types the next key when the last one is acknowledged. */
async function flat(open, request) {
  const all = await openAll(open, request);
  let running = true;
  let acknowledged = 0;
  for (const one of all) {
    one.client.onAcknowledged = () => {
      acknowledged += 1;
      one.acknowledged += 1;
      if (running) one.type();
    };
    one.type();
  }
  let from = 0;
  const times = await measured(request, () => (from = acknowledged));
  const ops = acknowledged - from;
  running = false;
  await until(() => all.every((one) => one.acknowledged === one.typed), "all acknowledged");
  const lost = await check(all, request);
  const typed = all.reduce((sum, one) => sum + one.typed, 0);
  return { ...times, ops, typed, lost };
}

/** Everybody types `rate` keys a second; when do the others of the pad see each one? */
async function paced(open, request) {
  const all = await openAll(open, request);
  const typedAt = new Map();
  let latencies = [];
  let count = 0;
  for (const one of all) {
    one.client.onInserted = (text) => {
      const now = performance.now();
      for (const key of text) {
        const at = typedAt.get(key);
        if (at !== undefined) latencies.push(now - at);
      }
    };
  }
  const period = 1000 / request.rate;
  const timers = all.map((one) => {
    const press = () => {
      const key = String.fromCharCode(UNIQUE_FIRST + (count++ % UNIQUE_COUNT));
      typedAt.set(key, performance.now());
      one.type(key);
    };
    return setTimeout(() => {
      press();
      one.timer = setInterval(press, period);
    }, one.random() * period);
  });
  let from = 0;
  const times = await measured(request, () => {
    latencies = [];
    from = count;
  });
  timers.forEach(clearTimeout);
  all.forEach((one) => clearInterval(one.timer));
  const [ops, seen] = [count - from, latencies.slice().sort((a, b) => a - b)];
  const lost = await check(all, request);
  const at = (share) => seen[Math.min(seen.length - 1, Math.floor(share * seen.length))];
  return { ...times, ops, lost, seen: seen.length, p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/** One is offline and types `own` keys, while another types `missed`; then it comes back. */
async function back(open, request) {
  const all = await openAll(open, { ...request, pads: 1, writers: 2 });
  const [here, away] = all;
  await away.client.offline();
  for (let key = 0; key < request.own; key++) away.type();
  for (let key = 0; key < request.missed; key++) {
    await new Promise((done) => {
      here.client.onAcknowledged = done;
      here.type();
    });
  }
  here.client.onAcknowledged = () => {};
  const length = START.length + request.own + request.missed;
  tell({ at: "begin" });
  const from = performance.now();
  away.client.online();
  while (away.client.length !== length || here.client.length !== length) {
    if (performance.now() > from + SETTLE_MS) throw new Error("it does not come together again");
    await new Promise(setImmediate);
  }
  const ms = performance.now() - from;
  tell({ at: "end" });
  // Acknowledgements may still be on their way.
  await sleep(200);
  if (away.client.text() !== here.client.text()) throw new Error("the texts differ");
  const [down, up] = away.client.bytes();
  return { ms, down, up };
}

const counts = (text) => {
  const found = {};
  for (const key of text) found[key] = (found[key] ?? 0) + 1;
  return found;
};

/** Flat out until the server is gone; what it had acknowledged, by key. */
async function kill(open, request) {
  const all = await openAll(open, request);
  const acknowledged = counts(START);
  let closed = false;
  for (const one of all) {
    one.client.onAcknowledged = () => {
      acknowledged[one.last] = (acknowledged[one.last] ?? 0) + 1;
      if (!closed) one.type();
    };
    one.client.onClosed = () => (closed = true);
    one.type();
  }
  await sleep(request.warmup * 1000);
  tell({ at: "begin" });
  await until(() => closed, "the server killed");
  // What had arrived here before the connection ended is read by now.
  await sleep(200);
  return { acknowledged };
}

/** What a client that comes new finds in the pad. */
async function read(open, { port }) {
  const client = await open(port, "pad0");
  // Some load a pad behind the first answer.
  await sleep(2000);
  return { present: counts(client.text()) };
}

const TASKS = { flat, paced, back, kill, read };

/** Do what standard input asks for with the clients that `open` makes. */
export async function serve(open) {
  const request = JSON.parse(readFileSync(0, "utf8"));
  try {
    tell({ result: await TASKS[request.task](open, request) });
  } catch (error) {
    tell({ error: String(error?.stack ?? error) });
  }
  // Their libraries would reconnect for ever.
  process.exit();
}
