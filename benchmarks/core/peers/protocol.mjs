// What a Node peer does with a request: protocol.py tells it, for Python.

import { readFileSync, writeFileSync } from "node:fs";

const PADS = 20;

/** Raise if the work came out wrong: a fast wrong answer is no figure. */
export function same(got, expected) {
  if (got !== expected) {
    const shown = [got, expected].map((value) => JSON.stringify(String(value).slice(0, 60)));
    throw new Error(`wrong result: ${shown[0]} is not ${shown[1]}`);
  }
}

/** The characters of a text in order: equal for two texts that differ only in who came first. */
export const sorted = (text) => Array.from(text).sort(byCodePoint).join("");

const byCodePoint = (a, b) => a.codePointAt(0) - b.codePointAt(0);

/** Compose neighbours until one is left: a balanced tree, as the peers' own documents advise. */
export function composeAll(operations, compose) {
  let level = operations;
  while (level.length > 1) {
    const paired = [];
    for (let i = 0; i + 1 < level.length; i += 2) paired.push(compose(level[i], level[i + 1]));
    if (level.length % 2) paired.push(level[level.length - 1]);
    level = paired;
  }
  return level[0];
}

/**
 * Answer the request on standard input. A task has `run` (timed), `check` and perhaps `prepare`, or `open`,
 * which loads a pad and reads its text once, and `check` (memory), or `save` (writes the file that is opened).
 */
export function serve(tasks) {
  const request = JSON.parse(readFileSync(0, "utf8"));
  const input = JSON.parse(readFileSync(request.input, "utf8"));
  let answer;
  try {
    const task = tasks[request.workload](input, request.saved);
    if (task.save) {
      const bytes = task.save();
      writeFileSync(request.saved, bytes);
      answer = { saved: bytes.length };
    } else if (task.open) {
      answer = { bytes: memory(task) };
    } else {
      answer = { runs: timedRuns(task, request) };
    }
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(answer));
}

/** All runs that were asked for, but after `seconds` not more than two. */
function timedRuns(task, { runs: count, seconds }) {
  const end = performance.now() + seconds * 1000;
  const runs = [];
  while (runs.length < count && (runs.length < 2 || performance.now() < end)) runs.push(timed(task));
  return runs;
}

function timed({ prepare, run, check }) {
  const state = prepare?.();
  globalThis.gc();
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  const result = run(state);
  const wall = Number(process.hrtime.bigint() - start);
  const used = process.cpuUsage(cpu);
  check(result);
  return [wall, (used.user + used.system) * 1000];
}

function memory({ open, check }) {
  const first = open();
  collect();
  const before = process.memoryUsage().rss;
  const pads = Array.from({ length: PADS }, open);
  collect();
  const used = Math.round((process.memoryUsage().rss - before) / PADS);
  for (const pad of [first, ...pads]) check(pad);
  return used;
}

function collect() {
  for (let i = 0; i < 5; i++) globalThis.gc();
}
