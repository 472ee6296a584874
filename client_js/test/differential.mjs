/**
 * Compares this implementation with another one: reads cases with the other's results, one JSON
 * array on a line, computes each anew, and prints those that differ.
 *
 *     ["operations", input, result]
 *     ["validate", value, error code or null]
 *     ["start", state]                          a client as it was left; without `state` a new one
 *     ["step", step, [what it gives, state]]    of that client
 *
 * The last line says how many cases there were and how many differ; if any, the exit code is 1.
 */
import { createInterface } from "node:readline";
import { Client } from "../client.js";
import * as operation from "../operation.js";
import { clientState, restoreClient, runStep } from "./trace.js";

const { apply, caretAfter, compose, invert, split, transform, transformPosition } = operation;

/** More would say nothing new. */
const SHOWN_MAX = 10;

/** @param {any} input */
function runOperations({ text, a, b, next, position, inserted_max, components_max }) {
  const [head, rest] = split(a, inserted_max, components_max);
  return [
    apply(text, a),
    invert(a, text),
    compose(a, next),
    transform(a, b),
    transformPosition(position, a),
    transformPosition(position, a, "right"),
    caretAfter(a),
    [head, rest ?? []],
  ];
}

/** @param {unknown} value */
function runValidate(value) {
  try {
    operation.validate(value);
    return null;
  } catch (error) {
    if (error instanceof operation.OperationError) return error.code;
    throw error;
  }
}

let client = new Client();
let cases = 0;
let different = 0;

for await (const line of createInterface({ input: process.stdin })) {
  const [kind, input, expected] = JSON.parse(line);
  if (kind === "start") {
    client = input ? restoreClient(input) : new Client();
    continue;
  }
  let result;
  if (kind === "operations") result = runOperations(input);
  else if (kind === "validate") result = runValidate(input);
  else {
    const gives = runStep(client, input);
    // The state of a client that is out of step means nothing.
    result = [gives, gives === "desync" ? null : clientState(client)];
  }
  cases += 1;
  if (JSON.stringify(result) === JSON.stringify(expected)) continue;
  different += 1;
  if (different <= SHOWN_MAX) {
    console.log(JSON.stringify({ case: cases, kind, input, expected, result }));
  }
}
console.log(JSON.stringify({ cases, different }));
process.exitCode = different > 0 ? 1 : 0;
