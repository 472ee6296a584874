/**
 * Every regular expression of the client, on long hostile strings: none goes back and forth.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { parser } from "@lezer/javascript";

const FOLDER = new URL("../", import.meta.url);
/** What makes a pattern go back and forth, if anything does: long runs, and an end that does not fit. */
const RUNS = [
  ...["a", "A", "0", "-", " ", "\t", "\n", ".", ",", ";", '"', "'", "\\", "[", "]", "(", "<", "*"],
  ...["_", "`", "#", "|", "> ", "- ", "a-", "a ", "a|", "1. ", "[a](", "![", "&#", "é", "😀", "</"],
];
const ENDS = ["", "!\n", "\0"];
/** What is given a text that was cut before. */
const CUT_BEFORE = ["changes_marks.js: /\\s*\\n\\s*/g"];
/** A browser's own limit for a line of a text is far less. */
const LENGTHS = [24, 30, 36, 42, 2_000, 10_000, 50_000];

/** The literals in a file. @param {string} file @returns {RegExp[]} */
function literals(file) {
  const source = readFileSync(new URL(file, FOLDER), "utf8");
  /** @type {RegExp[]} */
  const found = [];
  parser.parse(source).iterate({
    enter({ name, from, to }) {
      if (name !== "RegExp") return;
      const [, pattern, flags] = /^\/(.*)\/(\w*)$/s.exec(source.slice(from, to)) ?? [];
      found.push(new RegExp(pattern, flags));
    },
  });
  return found;
}

/** The first string that takes it longer than a moment, or null. @param {RegExp} pattern */
function slow(pattern) {
  for (const run of RUNS) {
    for (const end of ENDS) {
      for (const length of LENGTHS) {
        const text = run.repeat(length).slice(0, length) + end;
        const start = process.cpuUsage().user;
        pattern.lastIndex = 0;
        pattern.test(text);
        const milliseconds = (process.cpuUsage().user - start) / 1000;
        if (milliseconds > 30 + length / 500) return `${JSON.stringify(run)} x ${length}`;
      }
    }
  }
  return null;
}

test("regular expressions are linear", () => {
  const wrong = [];
  let count = 0;
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith(".js"))) {
    for (const pattern of literals(file)) {
      count += 1;
      const name = `${file}: ${pattern}`;
      const text = CUT_BEFORE.includes(name) ? null : slow(pattern);
      if (text) wrong.push(`${name}: ${text}`);
    }
  }
  assert.ok(count >= 40, `${count}`);
  assert.deepEqual(wrong, []);
});

test("a slow regular expression is found out", () => {
  assert.ok(slow(/^(\s*a\s*)*$/));
  assert.ok(slow(/\s+$/));
});
