import assert from "node:assert/strict";
import { test } from "node:test";
import { ChangeSet, Text } from "@codemirror/state";
import { countWords, wordsAdded } from "../word_count.js";

/** @param {string[]} chunks @param {() => number} now */
function count(chunks, now = () => 0) {
  let slices = 0;
  const options = {
    signal: new AbortController().signal,
    later: (/** @type {() => void} */ slice) => {
      slices += 1;
      queueMicrotask(slice);
    },
    now,
  };
  return countWords(chunks, options).then((words) => ({ words, slices }));
}

test("words are runs of letters and digits, with what joins them", async () => {
  const { words } = await count(["It’s a well-known fact:", "\n", "42 % — 日本 😀 «été»", "\n"]);
  assert.equal(words, 4 + 3);
});

test("a long text is counted in slices", async () => {
  let time = 0;
  const { words, slices } = await count(Array(1_000).fill("one two ".repeat(20)), () => (time += 5));
  assert.equal(words, 40_000);
  assert.ok(slices > 3);
});

test("a count that is called off is left alone", async () => {
  const calledOff = new AbortController();
  calledOff.abort();
  let read = 0;
  const chunks = { *[Symbol.iterator]() { read += 1; yield "word"; } };
  /** @type {(() => void)[]} */
  const slices = [];
  countWords(chunks, { signal: calledOff.signal, later: (slice) => slices.push(slice) });
  slices[0]();
  assert.equal(read, 0);
});

test("a change counts what it changes, at its edges too", () => {
  const before = Text.of(["one two three", "", "it’s  four"]);
  /** @param {number} from @param {number} to @param {string} insert */
  const added = (from, to, insert) => {
    const changes = ChangeSet.of({ from, to, insert }, before.length);
    return wordsAdded(changes, before, changes.apply(before));
  };
  assert.equal(added(2, 2, "x"), 0);
  assert.equal(added(2, 2, " "), 1);
  assert.equal(added(3, 4, ""), -1);
  assert.equal(added(13, 15, ""), -1);
  assert.equal(added(0, before.length, ""), -5);
  assert.equal(added(20, 20, "a b c "), 3);
});

test("a change within a very long word is counted as in any other", () => {
  const before = Text.of(["a".repeat(100_000)]);
  for (const [insert, words] of /** @type {const} */ ([["x", 0], [" ", 1], [" x ", 2]])) {
    const changes = ChangeSet.of({ from: 50_000, insert }, before.length);
    assert.equal(wordsAdded(changes, before, changes.apply(before)), words);
  }
});
