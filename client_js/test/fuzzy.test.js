import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzy, fuzzySort } from "../fuzzy.js";

/** @param {string} query @param {string} text */
function matched(query, text) {
  return fuzzy(query, text)?.ranges.map(([from, to]) => text.slice(from, to));
}

test("letters in order match, others do not", () => {
  assert.deepEqual(matched("mkd", "Markdown"), ["M", "kd"]);
  assert.equal(fuzzy("dm", "Markdown"), null);
  assert.equal(fuzzy("pythons", "Python"), null);
});

test("letters that stand together and begin words are preferred", () => {
  assert.deepEqual(matched("the", "Together with the others"), ["the"]);
  assert.deepEqual(matched("cs", "Copy the selection"), ["C", "s"]);
  assert.deepEqual(matched("ns", "noIsotopeNiceSize"), ["n", "S"]);
});

test("case, accents and spaces make no difference", () => {
  assert.deepEqual(matched("zuruck", "Zurück"), ["Zurück"]);
  assert.deepEqual(matched("copy link", "Copy link"), ["Copy", "link"]);
  assert.deepEqual(matched("コピ", "リンクをコピー"), ["コピ"]);
});

test("an empty query matches everything, with nothing marked", () => {
  assert.deepEqual(fuzzy(" ", "C++"), { score: 0, ranges: [] });
  assert.deepEqual(fuzzy("a", ""), null);
});

test("the best comes first", () => {
  const names = ["TypeScript", "PostScript", "JavaScript", "Sass", "SCSS", "Scala"];
  const sorted = (/** @type {string} */ query) =>
    fuzzySort(query, names, (name) => name).map(({ item }) => item);
  assert.equal(sorted("sc")[0], "SCSS");
  assert.equal(sorted("java")[0], "JavaScript");
  assert.equal(sorted("ts")[0], "TypeScript");
  assert.deepEqual(sorted(""), names);
});

test("long queries and texts take no long time", () => {
  assert.equal(fuzzy("a".repeat(1_000), "b".repeat(1_000)), null);
});
