import assert from "node:assert/strict";
import { test } from "node:test";
import { Text } from "@codemirror/state";
import { indentOf } from "../indentation.js";

/** @param {string} text @param {string} language */
const indent = (text, language = "python") => indentOf(Text.of(text.split("\n")), language);

test("the first indented lines say it", () => {
  assert.equal(indent("def f():\n  if x:\n    return\n\n  y"), "  ");
  assert.equal(indent("f() {\n\tg() {\n\t\th();\n\t}\n}"), "\t");
  assert.equal(indent("a\n   b\n   c\na\n   b"), "   ");
});

test("stray spaces and very deep lines do not count", () => {
  assert.equal(indent("/*\n * A comment\n */\nx"), "    ");
  assert.equal(indent("call(\n                 far)"), "    ");
});

test("an empty text is indented as its language usually is", () => {
  assert.equal(indent("", "python"), "    ");
  assert.equal(indent("", "go"), "\t");
  assert.equal(indent("", "javascript"), "  ");
});
