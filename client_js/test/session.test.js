import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, settle, Tab, World } from "./world.js";

/** A tab that is online with a text. @param {string} text @param {number} [revision] */
async function joined(text, revision) {
  const world = new World();
  const tab = new Tab(world);
  await tab.join(text, revision);
  return { world, tab };
}

/** @param {string} action @param {string} code */
function error(action, code) {
  return { type: "error", code, message: "for people", action, seq: null };
}

test("without a copy the server's text comes", async () => {
  const world = new World();
  const tab = new Tab(world);
  await tab.open();
  assert.equal(tab.state.phase, "connecting");
  assert.equal(world.socket.protocol, "deltapad.1");

  await tab.welcome({ text: "hello", revision: 7 });

  const { hello } = world.socket;
  assert.match(hello.session, /^[A-Za-z0-9_-]{22,64}$/);
  assert.deepEqual(hello, {
    ...{ type: "hello", session: hello.session, person: "p".repeat(22), name: "Ada", color: 0 },
    ...{ epoch: null, revision: null },
  });
  assert.equal(tab.editor.screen, "hello");
  const { phase, revision, unsent, storedLocally, title, role, me } = tab.state;
  assert.deepEqual({ phase, revision, unsent, storedLocally, title, role, me }, {
    ...{ phase: "online", revision: 7, unsent: 0, storedLocally: true },
    ...{ title: "Notes", role: "write", me: "me" },
  });
});

test("one edit is in flight, the others are buffered and counted", async () => {
  const { tab } = await joined("", 4);
  tab.type("a");
  tab.type(1, "b");
  tab.type(2, "c");
  await settle();
  assert.deepEqual(tab.sentOps, [{ type: "op", base: 4, seq: 1, op: ["a"] }]);
  assert.equal(tab.state.unsent, 3);

  await tab.ops(4, ["lin", 9, ["x"]], ["me", 1, [1, "a"]]);
  assert.equal(tab.editor.screen, "xabc");
  assert.deepEqual(tab.sentOps[1], { type: "op", base: 6, seq: 2, op: [2, "bc"] });
  assert.equal(tab.state.unsent, 2);

  await tab.ops(6, ["me", 2, [2, "bc"]]);
  assert.equal(tab.state.unsent, 0);
  assert.equal(tab.state.revision, 7);
});

test("an edit that is larger than the limits goes out in parts", async () => {
  const { tab, world } = await joined("");
  world.socket.lose();
  await world.pass(1_000);
  await tab.welcome({ limits: { ...LIMITS, op_inserted: 2 } });
  tab.type("😀🚀😀");
  await settle();
  assert.deepEqual(tab.sentOps[0].op, ["😀🚀"]);
  await tab.ops(0, ["me", 1, ["😀🚀"]]);
  assert.deepEqual(tab.sentOps[1].op, [2, "😀"]);
  assert.equal(tab.state.unsent, 1);
  await tab.ops(1, ["me", 2, [2, "😀"]]);
  assert.equal(tab.state.unsent, 0);
});

test("an operation is on the disk before it is sent", async () => {
  const world = new World();
  /** @type {(() => void)[]} */
  const waiting = [];
  let slow = false;
  world.onStore = (store) => {
    const save = store.save.bind(store);
    store.save = async (state, text) => {
      if (slow) await new Promise((resolve) => waiting.push(() => resolve(null)));
      return save(state, text);
    };
  };
  const tab = new Tab(world);
  await tab.join("");
  slow = true;
  tab.type("a");
  await settle();
  assert.deepEqual(tab.sentOps, []);

  // A new connection meanwhile does not send it either.
  world.socket.lose();
  await world.pass(1_000);
  await tab.welcome();
  assert.deepEqual(tab.sentOps, []);

  slow = false;
  for (const go of waiting) go();
  await settle();
  assert.deepEqual(tab.sentOps, [{ type: "op", base: 0, seq: 1, op: ["a"] }]);
  const [{ state }] = Object.values(await world.saved());
  assert.deepEqual(state.client.inFlight.sent, ["a"]);
});

test("after a lost connection it is resent exactly as it was sent", async () => {
  const { tab, world } = await joined("text", 10);
  tab.type(4, "!");
  await tab.ops(10, ["lin", 1, ["the "]]);
  tab.type(9, "?");
  await settle();
  const [sent] = tab.sentOps;

  world.socket.lose();
  assert.equal(tab.state.phase, "reconnecting");
  tab.type(10, "?");
  assert.equal(tab.state.unsent, 3);
  await world.pass(1_000);
  await tab.welcome();

  assert.equal(world.sockets.length, 2);
  assert.equal(world.socket.hello.session, world.sockets[0].hello.session);
  assert.deepEqual([world.socket.hello.epoch, world.socket.hello.revision], ["e1", 11]);
  assert.deepEqual(tab.sentOps, [sent]);
  assert.deepEqual(sent, { type: "op", base: 10, seq: 1, op: [4, "!"] });
  assert.equal(tab.state.sentAfterReconnect, 3);

  await tab.ops(11, ["me", 1, [8, "!"]]);
  assert.deepEqual(tab.sentOps[1], { type: "op", base: 12, seq: 2, op: [9, "??"] });
});

test("reconnecting waits at random, longer and longer, up to 15 s", async () => {
  const { tab, world } = await joined("");
  world.chance = 0.999;
  const waits = [];
  for (let attempt = 0; attempt < 8; attempt++) {
    world.socket.lose();
    waits.push(Math.round(Number(tab.state.nextTryAt) - world.time));
    await world.pass(Number(tab.state.nextTryAt) - world.time);
  }
  assert.deepEqual(waits, [500, 999, 1998, 3996, 7992, 14985, 14985, 14985]);
  world.chance = 0;
  world.socket.lose();
  assert.equal(tab.state.nextTryAt, world.time);
});

test("a server that says welcome and goes again is not hammered", async () => {
  const { tab, world } = await joined("");
  world.chance = 0.999;
  const waits = [];
  for (let attempt = 0; attempt < 4; attempt++) {
    world.socket.lose();
    waits.push(Math.round(Number(tab.state.nextTryAt) - world.time));
    await world.pass(Number(tab.state.nextTryAt) - world.time);
    await tab.welcome();
  }
  assert.deepEqual(waits, [500, 999, 1998, 3996]);
  await world.pass(4_000);
  world.socket.say({ type: "pong", n: 0 });
  await world.pass(4_000);
  world.socket.lose();
  assert.equal(Math.round(Number(tab.state.nextTryAt) - world.time), 500);
});

test("it connects at once when the system is back, or when told to", async () => {
  const { tab, world } = await joined("");
  world.chance = 0.999;
  world.socket.lose();
  for (const wake of world.wakers) wake();
  assert.equal(world.sockets.length, 2);
  world.socket.lose();
  tab.session.tryNow();
  assert.equal(world.sockets.length, 3);
  await tab.welcome();
  tab.session.tryNow();
  for (const wake of world.wakers) wake();
  assert.equal(world.sockets.length, 3);
  assert.equal(tab.state.phase, "online");
});

test("a ping measures the round trip; silence of 10 s ends the connection", async () => {
  const { tab, world } = await joined("");
  const [ping] = world.socket.all("ping");
  world.time += 18;
  world.socket.say({ type: "pong", n: ping.n });
  assert.equal(tab.state.roundTripMs, 18);

  await world.pass(5_000);
  assert.equal(world.socket.all("ping").length, 2);
  await world.pass(4_900);
  assert.equal(tab.state.phase, "online");
  await world.pass(200);
  assert.equal(tab.state.phase, "reconnecting");
  assert.equal(world.sockets[0].closed, true);
});

test("offline after 10 s without a connection, or at once if the system says so", async () => {
  const { tab, world } = await joined("");
  world.socket.lose();
  assert.equal(tab.state.phase, "reconnecting");
  await world.pass(9_000);
  assert.equal(tab.state.phase, "reconnecting");
  await world.pass(1_100);
  assert.equal(tab.state.phase, "offline");
  await tab.welcome();
  assert.equal(tab.state.phase, "online");

  world.online = false;
  world.socket.lose();
  assert.equal(tab.state.phase, "offline");
});

test("action draft: the text is kept for the person, and all begins again", async () => {
  const { tab, world } = await joined("abc", 3);
  const oldKey = world.socket.hello.session;
  tab.type(3, "refused");
  await settle();
  world.socket.say(error("draft", "pad_full"));
  world.socket.lose(1008);
  await world.pass(1_000);

  assert.equal(tab.state.draft, "abcrefused");
  assert.equal(tab.state.unsent, 0);
  assert.notEqual(world.socket.hello?.session, oldKey);
  await tab.welcome({ text: "abc", revision: 3 });
  assert.notEqual(world.socket.hello.session, oldKey);
  assert.equal(world.socket.hello.revision, null);
  assert.equal(tab.editor.screen, "abc");
  assert.equal(tab.state.draft, "abcrefused");
  assert.deepEqual(tab.sentOps, []);
  assert.deepEqual(Object.keys(await world.saved()), [world.socket.hello.session]);
});

test("what is typed while it begins again is in the draft as well", async () => {
  const { tab, world } = await joined("abc", 3);
  tab.type(3, "1");
  await settle();
  world.socket.say(error("draft", "pad_full"));
  await settle();
  tab.type(4, "2");
  await tab.welcome({ text: "abc", revision: 3 });
  await world.pass(1_000);
  if (world.socket.readyState === 0) await tab.welcome({ text: "abc", revision: 3 });
  assert.equal(tab.state.draft, "abc12");
  assert.equal(tab.editor.screen, "abc");
  assert.equal(tab.state.unsent, 0);
});

test("a draft outlives the tab, until it is dismissed", async () => {
  const { tab, world } = await joined("abc", 3);
  tab.type("x");
  await settle();
  world.socket.say(error("draft", "pad_full"));
  await settle();
  tab.session.close();

  const second = new Tab(world);
  await second.open();
  assert.equal(second.state.draft, "xabc");
  await second.session.discardDraft();
  assert.equal(second.state.draft, null);
  second.session.close();
  const third = new Tab(world);
  await third.open();
  assert.equal(third.state.draft, null);
});

test("why there is a draft outlives the tab as well, and so does that of two", async () => {
  const { tab, world } = await joined("abc", 3);
  tab.type("x");
  await settle();
  world.socket.lose();
  await world.pass(1_000);
  await tab.welcome({ text: "another", revision: 9, epoch: "restored" });
  await tab.welcome({ text: "another", revision: 9, epoch: "restored" });
  assert.deepEqual([tab.state.draft, tab.state.draftEdits], ["xabc", 1]);
  tab.session.close();

  const second = new Tab(world);
  await second.open();
  await second.welcome();
  assert.deepEqual([second.state.draft, second.state.draftEdits], ["xabc", 1]);
  world.socket.say({ type: "diverged", revision: 9 });
  await settle();
  assert.deepEqual(
    [second.state.draft, second.state.draftEdits, second.state.diverged],
    ["xabc\n\nanother", 0, false],
  );
});

test("action resession: the same edits go out under a new key", async () => {
  const { tab, world } = await joined("abc", 3);
  const oldKey = world.socket.hello.session;
  tab.type("x");
  await settle();
  tab.type(1, "y");
  world.socket.say(error("resession", "seq_reused"));
  world.socket.lose(1008);
  await world.pass(1_000);
  await tab.welcome();

  assert.notEqual(world.socket.hello.session, oldKey);
  assert.equal(world.socket.hello.revision, 3);
  assert.deepEqual(tab.sentOps, [{ type: "op", base: 3, seq: 1, op: ["xy"] }]);
  assert.equal(tab.editor.screen, "xyabc");
  assert.equal(tab.state.draft, null);
  const saved = await world.saved();
  assert.deepEqual(Object.keys(saved), [world.socket.hello.session]);
  assert.equal(saved[world.socket.hello.session].text.text, "abc");
});

test("what is typed while a new key is made is on the disk under one key only", async () => {
  const world = new World();
  /** @type {() => void} */
  let go = () => {};
  world.onStore = (store) => {
    const fresh = store.fresh.bind(store);
    let asked = 0;
    store.fresh = async () => {
      asked += 1;
      if (asked > 1) await new Promise((resolve) => (go = () => resolve(null)));
      return fresh();
    };
  };
  const tab = new Tab(world);
  await tab.join("abc", 3);
  tab.type("x");
  await settle();
  world.socket.say(error("resession", "seq_reused"));
  await settle();
  tab.type(1, "y");
  await settle();
  go();
  await settle();
  await tab.welcome();
  assert.deepEqual(tab.sentOps, [{ type: "op", base: 3, seq: 1, op: ["xy"] }]);
  assert.deepEqual(Object.keys(await world.saved()), [world.socket.hello.session]);
});

test("action reconnect: back off, and resend", async () => {
  const { tab, world } = await joined("abc", 3);
  tab.type("x");
  await settle();
  const [sent] = tab.sentOps;
  world.socket.say(error("reconnect", "storage_failed"));
  world.socket.lose(1013);
  await world.pass(1_000);
  await tab.welcome();
  assert.deepEqual(tab.sentOps, [sent]);
});

test("action stop: no reconnecting, the edits are kept", async () => {
  const { tab, world } = await joined("abc", 3);
  tab.type("x");
  await settle();
  world.socket.say(error("stop", "bad_message"));
  world.socket.lose(1008);
  await world.pass(60_000);
  assert.equal(tab.state.phase, "refused");
  assert.equal(world.sockets.length, 1);
  assert.equal(tab.editor.screen, "xabc");
  const [{ state }] = Object.values(await world.saved());
  assert.deepEqual(state.client.inFlight.sent, ["x"]);
});

test("a newer connection takes its place: no reconnecting", async () => {
  const { tab, world } = await joined("");
  world.socket.lose(4001);
  await world.pass(60_000);
  assert.equal(tab.state.phase, "replaced");
  assert.equal(world.sockets.length, 1);
});

test("a desync keeps the text as a draft, counts, and begins again", async () => {
  const { tab, world } = await joined("abc", 3);
  const oldKey = world.socket.hello.session;
  world.socket.say({ type: "ops", from: 9, ops: [["lin", 1, ["gap"]]] });
  // What the old connection still says does not matter any more.
  world.socket.say({ type: "ops", from: 10, ops: [["lin", 2, ["gap"]]] });
  await world.pass(1_000);
  await tab.welcome({ text: "from the server", revision: 12 });
  assert.equal(tab.state.desyncs, 1);
  assert.equal(tab.state.draft, "abc");
  assert.equal(tab.editor.screen, "from the server");
  assert.notEqual(world.socket.hello.session, oldKey);
  assert.equal(tab.state.revision, 12);
});

test("another epoch: unsent edits become a draft, the server's text is taken", async () => {
  const { tab, world } = await joined("abc", 3);
  world.socket.lose();
  tab.type("x");
  await world.pass(1_000);
  await tab.welcome({ text: "restored", revision: 1, epoch: "e2" });
  await world.pass(1_000);
  await tab.welcome({ text: "restored", revision: 1, epoch: "e2" });
  assert.equal(tab.state.draft, "xabc");
  assert.equal(tab.editor.screen, "restored");
  assert.equal(tab.state.unsent, 0);

  tab.type("y");
  await settle();
  assert.deepEqual(tab.sentOps, [{ type: "op", base: 1, seq: 1, op: ["y"] }]);
});

test("another epoch, with nothing unsent: the server's text is taken", async () => {
  const { tab, world } = await joined("abc", 3);
  world.socket.lose();
  await world.pass(1_000);
  await tab.welcome({ text: "restored", revision: 1, epoch: "e2" });
  assert.equal(tab.state.draft, null);
  assert.equal(tab.editor.screen, "restored");
  assert.equal(tab.state.revision, 1);
});

test("a disk that fails: the pad goes on in memory, and says so", async () => {
  const world = new World();
  let broken = false;
  world.onStore = (store) => {
    const save = store.save.bind(store);
    store.save = (state, text) => (broken ? Promise.reject(new Error("full")) : save(state, text));
  };
  const tab = new Tab(world);
  await tab.join("");
  assert.equal(tab.state.storedLocally, true);
  broken = true;
  tab.type("a");
  await settle();
  assert.equal(tab.state.storedLocally, false);
  assert.equal(tab.sentOps.length, 1);
});

test("a disk that cannot be opened, or never answers: the same", async () => {
  const denied = () => Promise.reject(new Error("denied"));
  const silent = () => new Promise(() => {});
  for (const openStore of [denied, silent]) {
    const world = new World();
    const tab = new Tab(world);
    tab.session.environment.openStore = openStore;
    await tab.open();
    await world.pass(5_000);
    await tab.welcome({ text: "" });
    assert.equal(tab.state.storedLocally, false);
    tab.type("a");
    await settle();
    assert.equal(tab.sentOps.length, 1);
  }
});

test("a disk that hangs delays an operation, but does not hold it for ever", async () => {
  const world = new World();
  let hangs = false;
  world.onStore = (store) => {
    const save = store.save.bind(store);
    store.save = (state, text) => (hangs ? new Promise(() => {}) : save(state, text));
  };
  const tab = new Tab(world);
  await tab.join("");
  hangs = true;
  tab.type("a");
  await world.pass(4_000);
  assert.equal(tab.sentOps.length, 1);
  assert.equal(tab.state.storedLocally, false);
});

test("carets: the author's goes behind what was typed, others keep their place", async () => {
  const { tab, world } = await joined("hello world", 5);
  const person = (/** @type {string} */ session, /** @type {number} */ at) => ({
    ...{ session, person: session, name: session, color: 2, selections: [[at, at]] },
  });
  const people = [person("me", 0), person("lin", 2), person("noor", 5)];
  world.socket.say({ type: "presence", revision: 5, people, left: [] });
  assert.deepEqual(tab.state.people.map(({ session, me }) => [session, me]), [
    ...[["me", true], ["lin", false], ["noor", false]],
  ]);
  const carets = () => Object.fromEntries(
    tab.editor.carets.map(({ session, selections: [[, head]], typedAt }) => [
      ...[session, [head, typedAt > 0]],
    ]),
  );
  assert.deepEqual(carets(), { lin: [2, false], noor: [5, false] });

  await tab.ops(5, ["lin", 1, [3, "XY"]], ["zoe", 1, ["."]]);
  assert.deepEqual(carets(), { lin: [6, true], noor: [8, false] });

  // At the revision, but shown behind what is typed here and not yet sent.
  tab.type("me ");
  await tab.ops(7, ["noor", 1, [8, "!"]]);
  assert.deepEqual(carets(), { lin: [9, true], noor: [12, true] });

  world.socket.say({ type: "delta", from: 8, to: 20, op: ["12"] });
  assert.deepEqual(carets(), { lin: [11, true], noor: [14, true] });

  world.socket.say({ type: "presence", revision: 20, people: [], left: ["lin"] });
  assert.deepEqual(tab.state.people.map(({ session }) => session), ["me", "noor"]);
});

test("of who has left it is forgotten when they typed, also of who was never told to be here", async () => {
  const { tab, world } = await joined("", 0);
  const people = ["lin", "form"].map((session) => ({
    ...{ session, person: session, name: session, color: 2, selections: [[0, 0]] },
  }));
  const typed = () => tab.editor.carets.map(({ typedAt }) => typedAt > 0);
  const say = (/** @type {object} */ fields) =>
    world.socket.say({ type: "presence", revision: 1, people: [], left: [], ...fields });
  await tab.ops(0, ["lin", 1, ["a"]], ["form", 1, ["b"]]);
  say({ people: people.slice(0, 1) });
  assert.deepEqual(typed(), [true]);
  say({ left: ["lin"] });
  say({ people });
  assert.deepEqual(typed(), [false, false]);
});

test("the own caret is told when nothing is pending, and at most 10 times a second", async () => {
  const { tab, world } = await joined("hello", 5);
  const told = () => world.socket.all("presence");
  await world.pass(200);
  const before = told().length;
  tab.editor.own = [[1, 1]];
  for (let count = 0; count < 10; count++) {
    tab.editor.own = [[count, count]];
    tab.session.selectionChanged();
    await world.pass(20);
  }
  await world.pass(200);
  const sent = told().slice(before);
  assert.ok(sent.length >= 2 && sent.length <= 4, `${sent.length} in 0.2 s`);
  assert.deepEqual(sent.at(-1), {
    ...{ type: "presence", revision: 5, name: "Ada", color: 3, selections: [[9, 9]] },
  });

  tab.type("x");
  tab.editor.own = [[1, 1]];
  tab.session.selectionChanged();
  await world.pass(500);
  assert.equal(told().length, before + sent.length);
  await tab.ops(5, ["me", 1, ["x"]]);
  assert.equal(told().at(-1).revision, 6);
  assert.deepEqual(told().at(-1).selections, [[1, 1]]);
});

test("a new name is told at once, and at the next hello", async () => {
  const { tab, world } = await joined("");
  await world.pass(200);
  tab.session.setProfile({ name: "Grace", color: 7 });
  await settle();
  const { name, color } = world.socket.all("presence").at(-1);
  assert.deepEqual([name, color], ["Grace", 7]);
  world.socket.lose();
  await world.pass(1_000);
  world.socket.open();
  assert.deepEqual([world.socket.hello.name, world.socket.hello.color], ["Grace", 7]);
});

test("a session that is closed while it writes keeps its lock until it has written", async () => {
  const world = new World();
  /** @type {() => void} */
  let go = () => {};
  let slow = false;
  world.onStore = (store) => {
    const save = store.save.bind(store);
    store.save = async (state, text) => {
      if (slow) await new Promise((resolve) => (go = () => resolve(null)));
      return save(state, text);
    };
  };
  const tab = new Tab(world);
  await tab.join("");
  slow = true;
  tab.type("a");
  tab.session.close();
  await settle();
  assert.equal(world.locks.held.size, 1);
  go();
  await settle();
  assert.equal(world.locks.held.size, 0);
  assert.equal(world.timers.size, 0);
});

test("a closed session is silent", async () => {
  const { tab, world } = await joined("");
  tab.session.close();
  await world.pass(60_000);
  assert.equal(world.sockets.length, 1);
  assert.equal(world.socket.closed, true);
  assert.equal(world.locks.held.size, 0);
  assert.equal(world.timers.size, 0);
});

test("what a newer server says beside is ignored", async () => {
  const { tab, world } = await joined("a");
  world.socket.say({ type: "weather", sunny: true });
  await tab.ops(0, ["lin", 1, ["b"]]);
  assert.equal(tab.editor.screen, "ba");
});

test("a text that is not the server's is kept, and how it came about is told", async () => {
  const { tab, world } = await joined("hello", 4);
  await tab.ops(4, ["lin", 1, [5, "!"]]);
  const { socket } = world;
  tab.editor.screen = "hellO!";
  assert.equal(tab.state.checksums, true);
  tab.session.sendChecksum({ length: 6, crc32: 7 });
  assert.deepEqual(socket.sent.at(-1), { type: "checksum", revision: 5, length: 6, crc32: 7 });

  socket.say({ type: "diverged", revision: 5 });
  await settle();
  const [trace] = socket.all("trace");
  const step = { do: "receive", message: { type: "ops", from: 4, ops: [["lin", 1, [5, "!"]]] } };
  assert.deepEqual(trace, {
    ...{ type: "trace", revision: 5, text: "hellO!" },
    start: { revision: 4, last_seq: 0, in_flight: null, buffer: null },
    steps: [{ ...step, gives: { op: [5, "!"], acknowledged: null } }],
  });
  assert.equal(socket.closed, true);
  assert.notEqual(world.socket, socket);
  await tab.welcome({ text: "hello!", revision: 5 });

  assert.notEqual(world.socket.hello.session, socket.hello.session);
  assert.equal(world.socket.hello.revision, null);
  assert.deepEqual([tab.editor.screen, tab.state.draft, tab.state.diverged], [
    ...["hello!", "hellO!", true],
  ]);
  assert.deepEqual([tab.state.unsent, tab.state.desyncs, tab.state.revision], [0, 0, 5]);
  assert.equal(tab.state.draftEdits, 0);
  tab.session.close();

  const second = new Tab(world);
  await second.open();
  assert.deepEqual([second.state.draft, second.state.diverged], ["hellO!", true]);
  await second.session.discardDraft();
  assert.deepEqual([second.state.draft, second.state.diverged], [null, false]);
});

test("what was typed before the answer came is in the copy, and not sent on", async () => {
  const { tab, world } = await joined("hello", 4);
  const { socket } = world;
  tab.type(5, "!");
  await settle();
  socket.say({ type: "diverged", revision: 4 });
  await settle();
  await tab.welcome({ text: "hullo", revision: 4 });

  assert.deepEqual([tab.state.draft, tab.editor.screen, tab.state.unsent], ["hello!", "hullo", 0]);
  assert.deepEqual([tab.state.diverged, tab.state.draftEdits], [true, 1]);
  assert.deepEqual(tab.sentOps, []);
});

test("a server of an older protocol compares no checksums", async () => {
  const world = new World();
  const tab = new Tab(world);
  await tab.open();
  await tab.welcome({ text: "", protocol: "1.1" });
  assert.equal(tab.state.checksums, false);
});

test("a server of another version: no reconnecting, and a reload will send what is kept", async () => {
  const { tab, world } = await joined("abc", 3);
  tab.type("x");
  await settle();
  world.socket.say(error("stop", "protocol_unsupported"));
  world.socket.lose(1008);
  await world.pass(60_000);
  assert.deepEqual([tab.state.phase, tab.state.draft], ["outdated", null]);
  assert.equal(world.sockets.length, 1);
  tab.session.close();

  const reloaded = new Tab(world);
  await reloaded.open();
  await reloaded.welcome();
  assert.deepEqual(reloaded.sentOps, [{ type: "op", base: 3, seq: 1, op: ["x"] }]);
});

test("a server of another version, and no disk: what is not sent is kept as a draft", async () => {
  const world = new World();
  const tab = new Tab(world);
  tab.session.environment.openStore = () => Promise.reject(new Error("denied"));
  await tab.open();
  await tab.welcome({ text: "abc", revision: 3 });
  tab.type("x");
  await settle();
  world.socket.say(error("stop", "protocol_unsupported"));
  assert.deepEqual([tab.state.phase, tab.state.draft], ["outdated", "xabc"]);
});
