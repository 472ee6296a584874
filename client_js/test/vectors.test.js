/**
 * The vectors that Python and JavaScript share.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { EditorState } from "@codemirror/state";
import { add, EMPTY } from "../checksum.js";
import { Client } from "../client.js";
import * as operation from "../operation.js";
import { opFromChanges, toCodePoints, toUtf16 } from "../utf16.js";
import { clientState, runStep } from "./trace.js";

const { apply, caretAfter, compose, invert, split, transform, transformPosition } = operation;

/** @param {string} name @returns {Record<string, any[]>} */
function vectors(name) {
  return JSON.parse(readFileSync(new URL(`../../tests/vectors/${name}`, import.meta.url), "utf8"));
}

test("apply.json", () => {
  for (const { name, text, op, result, error } of vectors("apply.json").cases) {
    const run = () => apply(text, operation.validate(op));
    if (error) assert.throws(run, { code: error }, name);
    else assert.equal(run(), result, name);
  }
});

test("transform.json", () => {
  const { cases, catch_up } = vectors("transform.json");
  for (const { name, text, log_op, op, new_log_op, new_op, result } of cases) {
    assert.deepEqual(transform(log_op, op), [new_log_op, new_op], name);
    assert.equal(apply(apply(text, log_op), new_op), result, name);
    assert.equal(apply(apply(text, op), new_log_op), result, name);
  }
  for (const { name, a, b, c, new_a } of catch_up) {
    assert.deepEqual(transform(compose(b, c), a)[1], new_a, name);
    assert.deepEqual(transform(c, transform(b, a)[1])[1], new_a, name);
  }
});

test("compose.json", () => {
  const { cases, split: splits } = vectors("compose.json");
  for (const { name, text, a, b, composed, result } of cases) {
    assert.deepEqual(compose(a, b), composed, name);
    assert.equal(apply(text, composed), result, name);
    assert.equal(apply(apply(text, a), b), result, name);
  }
  for (const { name, op, inserted_max, components_max, first, rest } of splits) {
    const [head, tail] = split(op, inserted_max, components_max);
    assert.deepEqual([head, tail ?? []], [first, rest], name);
  }
});

test("invert.json", () => {
  for (const { name, text, op, inverse } of vectors("invert.json").cases) {
    assert.deepEqual(invert(op, text), inverse, name);
    assert.equal(apply(apply(text, op), inverse), text, name);
  }
});

test("positions.json", () => {
  const { cases, caret_after } = vectors("positions.json");
  for (const { name, position, op, left, right } of cases) {
    assert.equal(transformPosition(position, op), left, name);
    assert.equal(transformPosition(position, op, "right"), right, name);
  }
  for (const { name, op, caret } of caret_after) assert.equal(caretAfter(op), caret, name);
});

test("utf16.json", () => {
  const { cases, changes } = vectors("utf16.json");
  const documentOf = (/** @type {string} */ text) => EditorState.create({ doc: text });
  for (const { text, offsets } of cases) {
    for (const [position, offset] of offsets.entries()) {
      for (const form of [text, documentOf(text).doc]) {
        assert.equal(toUtf16(form, position), offset, text);
        assert.equal(toCodePoints(form, offset), position, text);
      }
    }
  }
  for (const { name, text, changes: specs, op, result } of changes) {
    const state = documentOf(text);
    assert.deepEqual(opFromChanges(state.changes(specs), state.doc), op, name);
    assert.equal(apply(text, op), result, name);
  }
});

test("checksum.json", () => {
  for (const { name, text, times, length, crc32 } of vectors("checksum.json").cases) {
    assert.deepEqual(add(EMPTY, text.repeat(times)), { length, crc32 }, name);
    let sum = EMPTY;
    for (let count = 0; count < times; count += 1_000)
      sum = add(sum, text.repeat(Math.min(1_000, times - count)));
    assert.deepEqual(sum, { length, crc32 }, `${name}, in slices`);
  }
});

test("client.json", () => {
  for (const { name, steps } of vectors("client.json").cases) {
    const client = new Client();
    for (const [index, step] of steps.entries()) {
      assert.deepEqual(runStep(client, step), step.gives, `${name}, step ${index}`);
      if (step.state) assert.deepEqual(clientState(client), step.state, `${name}, step ${index}`);
    }
  }
});
