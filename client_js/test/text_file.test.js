import assert from "node:assert/strict";
import { test } from "node:test";
import { difference } from "../difference.js";
import { lineCount, textOf } from "../text_file.js";

/** @param {...number} bytes */
const read = (...bytes) => textOf(new Uint8Array(bytes));

test("a byte order mark goes, and every line break is one", () => {
  assert.equal(read(0xef, 0xbb, 0xbf, 0x61, 0x0d, 0x0a, 0x62, 0x0d, 0x63), "a\nb\nc");
  assert.equal(textOf(new TextEncoder().encode("日本 😀")), "日本 😀");
  assert.equal(read(), "");
});

test("what has a zero byte or is not UTF-8 is not text", () => {
  assert.equal(read(0x61, 0x00, 0x62), null);
  assert.equal(read(0xff, 0xfe, 0x61, 0x00), null);
  assert.equal(read(0xe9, 0x74), null);
});

test("a last line break begins no line", () => {
  assert.equal(lineCount("a\nb\n"), 2);
  assert.equal(lineCount("a\nb"), 2);
  assert.equal(lineCount(""), 1);
});

test("a difference leaves what is the same", () => {
  const before = "one\ntwo\nthree 😀\n";
  const after = "one\n2\nthree 😁\nfour\n";
  const changes = difference(before, after);
  let text = before;
  for (const { from, to, insert } of changes.toReversed())
    text = text.slice(0, from) + insert + text.slice(to);
  assert.equal(text, after);
  assert.ok(changes[0].from >= 4);
});
