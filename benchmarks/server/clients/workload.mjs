// The load, the same for every peer: opens clients, types, takes the times, and checks the texts.
//
// A request is one JSON object on standard input; the answers are lines of JSON on standard output:
// {"at": "begin"} and {"at": "end"} around what is measured, then {"result": {...}} or {"error": "why"}.
//
// A client of a peer is what its module's `open(port, pad)` resolves to, connected and with the pad's text:
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
import { RUN_KEYS, SETTLE_MS, START, check, openAll, openNew, tell, until } from "./pads.mjs";

/** Keys that no two edits share, to tell an edit at the other clients; there are 20,000 of them. */
const UNIQUE_FIRST = 0x4e00;
const UNIQUE_COUNT = 20_000;
/** After so long, whoever would not fill a pad in time is not waited for. */
const FILL_TRIAL_SECONDS = 20;
/** Whatever is not there by then has not been kept. */
const REOPEN_MS_MAX = 20_000;
/** For the server to do what it does behind a join. */
const REST_MS = 2000;

/** At a share of what is sorted. */
const at = (ordered, share) =>
  ordered[Math.min(ordered.length - 1, Math.floor(share * ordered.length))];

const sorted = (numbers) => numbers.toSorted((a, b) => a - b);

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
async function flat(peer, request) {
  const all = await openAll(peer, request);
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
async function paced(peer, request) {
  const all = await openAll(peer, request);
  const typedAt = new Map();
  const latencies = [];
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
    // Only what is typed from now on counts.
    typedAt.clear();
    from = count;
  });
  timers.forEach(clearTimeout);
  all.forEach((one) => clearInterval(one.timer));
  const ops = count - from;
  // Until all have been seen: a server that falls behind is not measured by its first keys alone.
  const lost = await check(all, request);
  const seen = sorted(latencies);
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => at(seen, share));
  return { ...times, ops, lost, seen: seen.length, p50, p95, p99 };
}

/** One is offline and types `own` keys, while another types `missed`; then it comes back. */
async function back(peer, request) {
  const all = await openAll(peer, { ...request, pads: 1, writers: 2 });
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
async function kill(peer, request) {
  const all = await openAll(peer, request);
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
async function read({ open }, { port }) {
  const client = await open(port, "pad0");
  // Some load a pad behind the first answer.
  await sleep(2000);
  return { present: counts(client.text() ?? "") };
}

/** Many connections that only stay; how long did each one's joining take? */
async function idle(peer, request) {
  const { port, pads, writers, joining } = request;
  // What is loaded or compiled for the first clients is not a cost of any connection.
  await openAll(peer, { ...request, pads: 1, writers: 2 });
  await sleep(REST_MS);
  tell({ at: "begin" });
  let closed = 0;
  const clients = [];
  const waiting = [];
  for (let pad = 1; pad <= pads; pad++) {
    clients.push(await openNew(peer, port, `pad${pad}`));
    for (let other = 1; other < writers; other++) waiting.push(`pad${pad}`);
  }
  const times = [];
  const join = async () => {
    for (let pad = waiting.pop(); pad; pad = waiting.pop()) {
      const from = performance.now();
      const client = await peer.open(port, pad);
      while (client.length < START.length) await new Promise(setImmediate);
      times.push(performance.now() - from);
      clients.push(client);
    }
  };
  await Promise.all(Array.from({ length: joining }, join));
  for (const client of clients) client.onClosed = () => (closed += 1);
  await sleep(REST_MS);
  tell({ at: "end" });
  await sleep(200);
  if (closed) throw new Error(`${closed} connections did not stay`);
  const joins = sorted(times);
  const [p50, p95] = [at(joins, 0.5), at(joins, 0.95)];
  return { connections: clients.length, p50, p95 };
}

/**
 * So many edits into one pad, a run of typing by each author in turn, each key acknowledged before the
 * next one: an edit of its own for every server. How long is it then?
 */
async function fill(peer, request) {
  const { edits, limit } = request;
  const all = await openAll(peer, request);
  let acknowledged = 0;
  const type = () => all[Math.floor(acknowledged / RUN_KEYS) % all.length].type();
  const from = performance.now();
  for (const one of all) {
    one.client.onAcknowledged = () => {
      acknowledged += 1;
      if (acknowledged < edits) type();
    };
  }
  type();
  while (acknowledged < edits) {
    await sleep(100);
    const seconds = (performance.now() - from) / 1000;
    const rate = acknowledged / seconds;
    const trial = Math.min(FILL_TRIAL_SECONDS, limit);
    if (seconds > limit || (seconds > trial && rate * limit < edits)) {
      throw new Error(`too slow to set up: ${Math.round(rate)} edits/s`);
    }
  }
  await check(all, request);
  return { length: all[0].client.length };
}

/** The first client after a restart: how long until it has the text, and how many bytes are that? */
async function reopen({ open }, { port, length }) {
  const from = performance.now();
  const client = await open(port, "pad0");
  while (client.length !== length) {
    if (performance.now() > from + REOPEN_MS_MAX) {
      throw new Error(`after the restart ${client.length} characters of ${length} are there`);
    }
    await new Promise(setImmediate);
  }
  return { ms: performance.now() - from, down: client.bytes()[0] };
}

const TASKS = { flat, paced, back, kill, read, idle, fill, reopen };

/**
 * Do what standard input asks for with the clients that `open` makes, in pads that are there, or that
 * `create` makes.
 */
export async function serve(open, create = async () => {}) {
  const request = JSON.parse(readFileSync(0, "utf8"));
  try {
    tell({ result: await TASKS[request.task]({ create, open }, request) });
  } catch (error) {
    tell({ error: String(error?.stack ?? error) });
  }
  // Their libraries would reconnect for ever.
  process.exit();
}
