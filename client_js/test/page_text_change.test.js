import assert from "node:assert/strict";
import { test } from "node:test";
import { typedChange } from "../page_text.js";

test("what was typed is one change at its place", () => {
  assert.deepEqual(typedChange("hello", "hello!"), { from: 5, to: 5, insert: "!" });
  assert.deepEqual(typedChange("hello", "hallo"), { from: 1, to: 2, insert: "a" });
  assert.deepEqual(typedChange("aa", "aaa"), { from: 2, to: 2, insert: "a" });
  assert.deepEqual(typedChange("", "x"), { from: 0, to: 0, insert: "x" });
  assert.deepEqual(typedChange("ab", ""), { from: 0, to: 2, insert: "" });
});
