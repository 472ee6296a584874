import assert from "node:assert/strict";
import { test } from "node:test";
import { Desync } from "../client.js";
import { fitting, TracedClient } from "../trace.js";
import { clientState, restoreClient, runStep } from "./trace.js";
import { LIMITS } from "./world.js";

/** Does the steps of a trace again; what each gives has to be what it gave. @param {any} trace */
function replay({ start, steps }) {
  const client = restoreClient(start);
  for (const { gives, ...step } of JSON.parse(JSON.stringify(steps)))
    assert.deepEqual(runStep(client, step), gives);
  return clientState(client);
}

/** @param {number} from @param {...[string, number, (string | number)[]]} ops */
function ops(from, ...ops) {
  return /** @type {const} */ ({ type: "ops", from, ops });
}

test("a trace leads from its start to where the machine is", () => {
  const client = new TracedClient({ revision: 7, lastSeq: 2 });
  client.edit(["a"]);
  client.send(LIMITS);
  client.edit([1, "b"]);
  assert.equal(client.send(LIMITS), null);
  client.receive(ops(7, ["ben", 1, ["x"]], ["my-id", 3, [1, "a"]]), "my-id");
  client.send(LIMITS);
  client.receive({ type: "delta", from: 9, to: 12, op: [2, "y"] }, "my-id");
  client.restart();

  const trace = client.trace();
  assert.deepEqual(replay(trace), clientState(client));
  assert.deepEqual(
    trace.steps.map((/** @type {any} */ step) => step.do),
    ["edit", "send", "edit", "receive", "send", "receive", "restart"],
  );
  assert.deepEqual(trace.start, { revision: 7, last_seq: 2, in_flight: null, buffer: null });
  // No id by which others know the session.
  assert.doesNotMatch(JSON.stringify(trace), /my-id/);
});

test("a trace begins with what was restored", () => {
  const inFlight = { seq: 3, base: 6, sent: ["a"], op: ["a"] };
  const client = new TracedClient({ revision: 7, lastSeq: 3, inFlight, buffer: [1, "b"] });
  client.receive(ops(7, ["me", 3, ["a"]]), "me");
  assert.deepEqual(replay(client.trace()), clientState(client));
});

test("what cannot follow still throws", () => {
  assert.throws(() => new TracedClient().receive(ops(3), "me"), Desync);
});

test("many steps, and large ones, make it begin again", () => {
  const client = new TracedClient();
  let most = 0;
  for (let count = 0; count < 1_000; count++) {
    client.edit([count, "x"]);
    most = Math.max(most, client.trace().steps.length);
  }
  assert.equal(most, 200);
  assert.deepEqual(replay(client.trace()), clientState(client));

  const before = client.trace().steps.length;
  client.edit([1_000, "y".repeat(150_000)]);
  assert.equal(client.trace().steps.length, before + 1);
  client.receive(ops(0, ["ben", 1, ["z".repeat(40_000)]]), "me");
  assert.deepEqual(client.trace().steps, []);
  assert.deepEqual(replay(client.trace()), clientState(client));
});

test("while more is pending than it may hold there is none, and then again", () => {
  const client = new TracedClient();
  client.edit(["z".repeat(1_000_000)]);
  assert.deepEqual(client.trace(), { start: null, steps: [] });
  client.edit([1_000_000, "a"]);
  assert.deepEqual(client.trace(), { start: null, steps: [] });

  for (let seq = 1; client.pending; seq++) {
    client.send(LIMITS);
    const { op } = /** @type {any} */ (client.inFlight);
    client.receive(ops(client.revision, ["me", seq, op]), "me");
  }
  client.receive(ops(client.revision, ["ben", 1, ["x"]]), "me");
  const { start, steps } = /** @type {any} */ (client.trace());
  assert.equal(start.revision > 0, true);
  assert.deepEqual(replay({ start, steps }), clientState(client));
});

test("what does not fit into a frame goes without the text, or without the steps", () => {
  const state = { revision: 1, last_seq: 0, in_flight: null, buffer: null };
  const steps = [{ do: "edit", op: ["é".repeat(1_000)], gives: null }];
  /** @type {import("../messages.js").TraceMessage} */
  const whole = { type: "trace", revision: 1, text: "é".repeat(1_000), start: state, steps };
  const bytes = (/** @type {object} */ message) => Buffer.byteLength(JSON.stringify(message));

  assert.deepEqual(fitting(whole, bytes(whole)), whole);
  const textless = { ...whole, text: null };
  assert.deepEqual(fitting(whole, bytes(whole) - 1), textless);
  assert.deepEqual(fitting(whole, bytes(textless)), textless);
  assert.deepEqual(fitting(whole, bytes(textless) - 1), { ...textless, start: null, steps: [] });
});
