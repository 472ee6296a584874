import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, Desync } from "../client.js";
import { apply, transformPosition } from "../operation.js";
import { Log } from "./log.js";
import { forSeeds } from "./random.js";

/** @typedef {import("../operation.js").Operation} Operation */
/** @typedef {import("../messages.js").OpsMessage} OpsMessage */
/** @typedef {import("../messages.js").DeltaMessage} DeltaMessage */
/** @typedef {import("./random.js").Random} Random */

const LIMITS = { op_inserted: 100, op_components: 100 };

/** @param {number} from @param {[string, number, Operation][]} ops @returns {OpsMessage} */
function entries(from, ...ops) {
  return { type: "ops", from, ops };
}

test("edits compose into the buffer; what cancels out is nothing", () => {
  const client = new Client();
  client.edit(["ab"]);
  client.edit([1, "x"]);
  assert.deepEqual(client.buffer, ["axb"]);
  client.edit([-3]);
  assert.equal(client.pending, false);
  assert.equal(client.send(LIMITS), null);
  assert.equal(client.resend(), null);
});

test("one operation in flight, resent exactly as sent", () => {
  const client = new Client({ revision: 4, lastSeq: 2 });
  client.edit(["me"]);
  const sent = client.send(LIMITS);
  assert.deepEqual(sent, { type: "op", base: 4, seq: 3, op: ["me"] });
  client.edit([2, "!"]);
  assert.equal(client.send(LIMITS), null);

  client.receive(entries(4, ["other", 1, ["them "]]), "me");
  assert.deepEqual(client.resend(), sent);
  assert.deepEqual(client.inFlight?.op, [5, "me"]);
  assert.deepEqual(client.buffer, [7, "!"]);

  const { op, acknowledged } = client.receive(entries(5, ["me", 3, [5, "me"]]), "me");
  assert.deepEqual([op, acknowledged], [null, 3]);
  assert.deepEqual(client.send(LIMITS), { type: "op", base: 6, seq: 4, op: [7, "!"] });
});

test("a large buffer goes out in parts", () => {
  const client = new Client();
  client.edit(["abcde"]);
  assert.deepEqual(client.send({ op_inserted: 2, op_components: 9 })?.op, ["ab"]);
  assert.deepEqual(client.buffer, [2, "cde"]);
  client.receive(entries(0, ["me", 1, ["ab"]]), "me");
  assert.deepEqual(client.send({ op_inserted: 2, op_components: 9 })?.op, [2, "cd"]);
});

test("a frame is one operation for the screen, with the own entry in its middle", () => {
  const client = new Client({ revision: 1 });
  client.edit(["M"]);
  client.send(LIMITS);
  client.edit([1, "N"]);
  const received = client.receive(
    entries(1, ["a", 1, ["1"]], ["me", 1, [1, "M"]], ["b", 1, [2, "2"]], ["b", 2, [3, "3"]]),
    "me",
  );
  assert.deepEqual(received, { op: ["1", 1, "23"], acknowledged: 1 });
  assert.equal(apply("MN", received.op ?? []), "1M23N");
  assert.equal(client.revision, 5);
});

test("what is known is skipped", () => {
  const client = new Client({ revision: 3 });
  const received = client.receive(entries(2, ["a", 1, ["old"]], ["a", 2, ["new"]]), "me");
  assert.deepEqual(received, { op: ["new"], acknowledged: null });
  assert.equal(client.revision, 4);
  const repeated = client.receive({ type: "delta", from: 0, to: 4, op: ["x"] }, "me");
  assert.deepEqual(repeated, { op: null, acknowledged: null });
});

test("a delta is a foreign operation over many revisions", () => {
  const client = new Client({ revision: 3 });
  client.edit([-1]);
  client.send(LIMITS);
  const received = client.receive({ type: "delta", from: 3, to: 900, op: [-1, "x"] }, "me");
  assert.deepEqual(received, { op: ["x"], acknowledged: null });
  assert.deepEqual(client.state(), {
    revision: 900,
    lastSeq: 1,
    inFlight: { seq: 1, base: 3, sent: [-1], op: [] },
    buffer: null,
  });
});

test("what cannot follow is a desync", () => {
  const sent = () => {
    const client = new Client({ revision: 2, lastSeq: 4 });
    client.edit(["x"]);
    client.send(LIMITS);
    return client;
  };
  /** @type {(OpsMessage | DeltaMessage)[]} */
  const wrong = [
    entries(3, ["a", 1, ["gap"]]),
    { type: "delta", from: 3, to: 9, op: [] },
    { type: "delta", from: 1, to: 9, op: [] },
    entries(2, ["me", 5, ["other content"]]),
    entries(2, ["me", 5, ["x", -1]]),
    entries(2, ["me", 6, ["x"]]),
    entries(2, ["me", 4, ["x"]]),
  ];
  for (const message of wrong) assert.throws(() => sent().receive(message, "me"), Desync);
  assert.throws(() => new Client().receive(entries(0, ["me", 1, ["x"]]), "me"), /not in flight/);
});

test("a new session takes along what is pending as its first edit", () => {
  const client = new Client({ revision: 2, lastSeq: 4 });
  client.edit(["ab"]);
  client.send(LIMITS);
  client.edit([2, "c"]);
  client.restart();
  assert.deepEqual(client.send(LIMITS), { type: "op", base: 2, seq: 1, op: ["abc"] });
  const empty = new Client({ lastSeq: 4 });
  empty.restart();
  assert.deepEqual(empty.state(), new Client().state());
});

test("positions at the revision are carried to the screen", () => {
  const client = new Client();
  client.edit(["ab"]);
  client.send(LIMITS);
  client.edit([3, "c"]);
  assert.equal(client.toLocal(0), 0);
  assert.equal(client.toLocal(0, "right"), 2);
  assert.equal(client.toLocal(1), 3);
  assert.equal(client.toLocal(1, "right"), 4);
});

test("state survives as JSON", () => {
  const client = new Client({ revision: 7 });
  client.edit(["a"]);
  client.send(LIMITS);
  client.edit([1, "b"]);
  const again = Client.restore(JSON.parse(JSON.stringify(client.state())));
  assert.deepEqual(again, client);
});

/** A client with its text, and a connection that loses what is under way when it is cut. */
class Peer {
  client = new Client();
  text = "";
  connected = true;
  /** The server's place in the log for this connection. */
  cursor = 0;
  /** @type {string[]} */
  toServer = [];
  /** @type {string[]} */
  fromServer = [];

  /** @param {string} session */
  constructor(session) {
    this.session = session;
  }

  /** @param {Random} random */
  type(random) {
    const op = random.operation(this.text);
    this.text = apply(this.text, op);
    this.client.edit(op);
    this.send();
  }

  send() {
    const message = this.connected ? this.client.send({ op_inserted: 4, op_components: 4 }) : null;
    if (message) this.toServer.push(JSON.stringify(message));
  }

  receive() {
    const frame = this.fromServer.shift();
    if (frame === undefined) return;
    const { op, acknowledged } = this.client.receive(JSON.parse(frame), this.session);
    if (op) this.text = apply(this.text, op);
    if (acknowledged !== null) this.send();
  }

  cut() {
    this.connected = false;
    this.toServer = [];
    this.fromServer = [];
    // Like a tab that is closed and opened again.
    this.client = Client.restore(JSON.parse(JSON.stringify(this.client.state())));
  }

  connect() {
    this.connected = true;
    this.cursor = this.client.revision;
    const message = this.client.resend();
    if (message) this.toServer.push(JSON.stringify(message));
    else this.send();
  }
}

/** @param {Peer} peer @param {Log} log @param {Random} random */
function step(peer, log, random) {
  const chance = random.below(20);
  if (chance === 0 && peer.connected) peer.cut();
  else if (chance < 5) peer.type(random);
  else if (!peer.connected) chance < 8 && peer.connect();
  else deliver(peer, log, random);
}

/** @param {Peer} peer @param {Log} log @param {Random} random */
function deliver(peer, log, random) {
  const direction = random.below(3);
  const frame = direction === 0 ? peer.toServer.shift() : undefined;
  if (frame) log.submit(peer.session, JSON.parse(frame));
  if (direction === 1 && peer.cursor < log.entries.length) {
    const message = log.next(peer.session, peer.cursor, random);
    peer.cursor = message.type === "delta" ? message.to : peer.cursor + message.ops.length;
    peer.fromServer.push(JSON.stringify(message));
  }
  if (direction === 2) peer.receive();
}

test("three clients end with one text, whatever is delayed, lost, resent or composed", () => {
  forSeeds(600, (random) => {
    const log = new Log();
    const peers = ["ada", "lin", "noor"].map((session) => new Peer(session));
    for (let count = 0; count < 120; count++) step(random.pick(peers), log, random);
    const settled = (/** @type {Peer} */ { connected, client }) =>
      connected && !client.pending && client.revision === log.entries.length;
    for (let count = 0; !peers.every(settled); count++) {
      assert.ok(count < 20_000, "it does not settle");
      const peer = random.pick(peers);
      if (peer.connected) deliver(peer, log, random);
      else peer.connect();
    }
    for (const peer of peers) assert.equal(peer.text, log.text);
  });
});

test("a position goes the same way as the text under it", () => {
  forSeeds(500, (random) => {
    const base = random.text(6);
    const client = new Client();
    client.edit(random.operation(base));
    client.send(LIMITS);
    const sent = client.inFlight?.op ?? [];
    const between = random.operation(apply(base, sent));
    client.edit(between);
    const position = random.below([...base].length + 1);
    const expected = transformPosition(transformPosition(position, sent), between);
    assert.equal(client.toLocal(position), expected);
  });
});
