/**
 * The hostile operations that Python and JavaScript share: both refuse the same ones, by the same
 * names.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { apply, validate } from "../operation.js";

/** @typedef {{ group: string, name: string, json: string, many?: string, times?: number }} Case */

const path = new URL("../../tests/vectors/hostile.json", import.meta.url);
const corpus = JSON.parse(readFileSync(path, "utf8"));
const [{ text }] = corpus.text;
/**
 * In JavaScript these are whole numbers; the server reads their form. And the empty operation may be
 * in the log, though no client sends it.
 */
const NOT_HERE = /^(a whole float|a negative whole float|an exponent), |^the empty operation$/;

/** @param {Case} hostile */
function expanded({ json, many, times = 0 }) {
  return many === undefined ? json : json.replace("~", () => many.repeat(times));
}

/**
 * How an operation is refused, or null.
 * @param {Case} hostile @param {(value: any) => import("../operation.js").Operation} [check]
 * @returns {string | null}
 */
function refusal(hostile, check = validate) {
  let value;
  try {
    value = JSON.parse(expanded(hostile));
  } catch {
    return "bad_json";
  }
  try {
    apply(text, check(value));
  } catch (error) {
    return /** @type {import("../operation.js").OperationError} */ (error).code;
  }
  return null;
}

/** The names that JavaScript may have for what the server refuses so.
 * @type {Record<string, (string | null)[]>} */
const NAMES = {
  // Numbers of thousands of digits, and arrays in arrays, are JSON to it.
  bad_json: ["bad_json", "bad_operation"],
  // Of another kind: the server's decoder has a name of its own for that.
  bad_message: ["bad_operation"],
  bad_operation: ["bad_operation"],
  lone_surrogate: ["lone_surrogate"],
  // What is not exact in a float is no length to begin with.
  op_past_end: ["op_past_end", "bad_operation"],
};

test("what is refused", () => {
  let seen = 0;
  for (const hostile of corpus.operations) {
    const names = NAMES[hostile.code];
    // The limits of size are the server's; a client cuts what it sends.
    if (!names || NOT_HERE.test(hostile.name)) continue;
    const name = refusal(hostile);
    assert.ok(names.includes(name), `${hostile.group}: ${hostile.name}: ${name}`);
    seen += 1;
  }
  assert.ok(seen >= 250);
});

test("what only looks hostile", () => {
  for (const harmless of corpus.accepted) {
    const op = validate(JSON.parse(expanded(harmless)));
    assert.equal(apply(text, op), harmless.result, harmless.name);
  }
});

test("an operation that is not validated is found out", () => {
  const wrong = corpus.operations.filter(
    (/** @type {Case & { code: string }} */ hostile) =>
      NAMES[hostile.code] && !NAMES[hostile.code].includes(refusal(hostile, (value) => value)),
  );
  assert.ok(wrong.length >= 100);
});
