import assert from "node:assert/strict";
import { test } from "node:test";
import { settle, Tab, World } from "./world.js";

test("the local copy opens without the network, with what was not sent", async () => {
  const world = new World();
  const first = new Tab(world);
  await first.join("hello", 5);
  await first.ops(5, ["lin", 1, ["oh "]]);
  first.type(8, "!");
  await settle();
  const [sent] = first.sentOps;
  world.socket.lose();
  first.type(9, "?");
  first.type(10, "?");
  await settle();
  first.session.close();

  const second = new Tab(world);
  const connections = world.sockets.length;
  await second.open();
  assert.equal(second.editor.screen, "oh hello!??");
  assert.equal(second.state.phase, "connecting");
  assert.equal(second.state.unsent, 3);
  assert.equal(second.state.revision, 6);
  assert.equal(second.state.title, "Notes");
  assert.equal(world.sockets.length, connections + 1);

  await second.welcome();
  assert.equal(second.editor.resets, 1);
  assert.equal(world.socket.hello.session, world.sockets[0].hello.session);
  assert.deepEqual([world.socket.hello.epoch, world.socket.hello.revision], ["e1", 6]);
  assert.deepEqual(second.sentOps, [sent]);
  await second.ops(6, ["me", 1, [8, "!"]]);
  assert.deepEqual(second.sentOps[1], { type: "op", base: 7, seq: 2, op: [9, "??"] });
  await second.ops(7, ["me", 2, [9, "??"]]);
  assert.equal(second.state.unsent, 0);
  const [{ state }] = Object.values(await world.saved());
  assert.deepEqual([state.client.inFlight, state.client.buffer], [null, null]);
});

test("a tab does not take the session of another live tab", async () => {
  const world = new World();
  const first = new Tab(world);
  await first.join("hello", 5);
  const second = new Tab(world);
  await second.join("hello", 5);
  assert.notEqual(world.sockets[1].hello.session, world.sockets[0].hello.session);
});

/**
 * Tabs that each typed something while offline, and were closed; gives their session keys.
 * @param {World} world @param {string[]} texts
 */
async function closedTabs(world, ...texts) {
  const tabs = [];
  for (const text of texts) {
    const tab = new Tab(world);
    await tab.join("base ", 1);
    world.socket.lose();
    if (text) tab.type(5, text);
    await settle();
    tabs.push(tab);
    world.time += 1_000;
  }
  const keys = world.sockets.map((socket) => socket.hello.session);
  for (const tab of tabs) tab.session.close();
  await settle();
  world.sockets.length = 0;
  return keys;
}

test("of several closed tabs one is taken up, the others are sent and forgotten", async () => {
  const world = new World();
  const keys = await closedTabs(world, "one", "two", "");
  assert.equal(Object.keys(await world.saved()).length, 3);

  const tab = new Tab(world);
  await tab.open();
  // One is on the screen, the other one comes into it by the server: neither is saved.
  assert.equal(tab.state.unsent, 2);
  const own = world.sockets.find((socket) => socket === world.socket);
  for (const socket of world.sockets) {
    socket.open();
    socket.say(welcome(socket.hello.session, socket.hello.revision));
    await settle();
  }
  await settle();
  assert.ok(own);
  assert.deepEqual(
    new Set(world.sockets.map(({ hello }) => hello.session)),
    new Set([keys[0], keys[1]]),
  );
  for (const socket of world.sockets) {
    const op = socket.hello.session === keys[0] ? [5, "one"] : [5, "two"];
    assert.deepEqual(socket.all("op"), [{ type: "op", base: 1, seq: 1, op }]);
    socket.say({ type: "ops", from: 1, ops: [[`id of ${socket.hello.session}`, 1, op]] });
    await settle();
  }
  assert.equal(tab.state.unsent, 0);
  await world.pass(3_000);
  const adopted = tab.editor.screen === "base one" ? keys[0] : keys[1];
  assert.deepEqual(Object.keys(await world.saved()), [adopted]);
  assert.deepEqual([...world.locks.held], [`deltapad:${adopted}`]);
  const open = world.sockets.filter(({ closed }) => !closed);
  assert.deepEqual(open.map(({ hello }) => hello.session), [adopted]);
});

test("an open tab sends what one that was closed beside it has left", async () => {
  const world = new World();
  const stays = new Tab(world);
  await stays.join("base ", 1);
  const closed = new Tab(world);
  await closed.join("base ", 1);
  const { socket } = world;
  socket.lose();
  closed.type(5, "left");
  await settle();
  const look = async () => {
    for (const wake of world.wakers) wake();
    await world.pass(1_500);
  };

  await look();
  assert.equal(stays.state.unsent, 0, "a tab that is open keeps what is its own");
  closed.session.close();
  world.sockets.length = 0;
  await look();

  const [finder] = world.sockets;
  finder.open();
  assert.equal(finder.hello.session, socket.hello.session);
  finder.say(welcome(finder.hello.session, finder.hello.revision));
  await settle();
  assert.equal(stays.state.unsent, 1);
  assert.deepEqual(finder.all("op"), [{ type: "op", base: 1, seq: 1, op: [5, "left"] }]);
  finder.say({ type: "ops", from: 1, ops: [[`id of ${finder.hello.session}`, 1, [5, "left"]]] });
  await settle();
  assert.equal(stays.state.unsent, 0);
  await look();
  assert.equal(world.sockets.length, 1, "nobody sends it again");
});

test("what is left behind and refused becomes a draft of the tab that sent it", async () => {
  const world = new World();
  await closedTabs(world, "one", "two");
  const tab = new Tab(world);
  await tab.open();
  const other = tab.editor.screen === "base one" ? "base two" : "base one";
  for (const socket of world.sockets) {
    socket.open();
    socket.say(welcome(socket.hello.session, socket.hello.revision));
    await settle();
    const [{ op }] = socket.all("op");
    if (`base ${op[1]}` !== other) continue;
    const refusal = { code: "pad_full", message: "full", action: "draft", seq: 1 };
    socket.say({ type: "error", ...refusal });
    socket.lose(1008);
  }
  await world.pass(1_000);
  assert.equal(tab.state.draft, other);
  assert.equal(Object.keys(await world.saved()).length, 1);
  // The draft has what the other tab had left; only its own is still to be sent.
  assert.equal(tab.state.unsent, 1);
});

test("a copy that is older than what its session has sent is not used", async () => {
  const world = new World();
  const [key] = await closedTabs(world, "one");
  const tab = new Tab(world);
  await tab.open();
  // Another tab went on with this session while the disk was full.
  await tab.welcome({ committed: [7, 40] });
  await world.pass(1_000);
  await tab.welcome({ text: "base one and more", revision: 40 });
  assert.notEqual(world.socket.hello.session, key);
  assert.deepEqual(tab.sentOps, []);
  assert.equal(tab.state.draft, "base one");
  assert.equal(tab.editor.screen, "base one and more");
});

test("the text is written anew when all is quiet, not with every operation", async () => {
  const world = new World();
  const tab = new Tab(world);
  await tab.join("hello", 5);
  const record = async () => Object.values(await world.saved())[0];
  tab.type("1");
  await settle();
  await tab.ops(5, ["me", 1, ["1"]]);
  await tab.ops(6, ["lin", 1, ["2"]]);
  assert.equal((await record()).text.text, "hello");
  await world.pass(2_500);
  const { state, text } = await record();
  assert.deepEqual([text.text, text.revision], ["21hello", 7]);
  assert.deepEqual([state.since, state.textRevision, state.client.revision], [[], 7, 7]);
});

test("the text is written anew every half minute where somebody never pauses", async () => {
  const world = new World();
  const tab = new Tab(world);
  await tab.join("hello 000", 0);
  await world.pass(1_000);
  const kept = async () => Object.values(await world.saved())[0].text.revision;
  /** @type {number[]} */
  const revisions = [];
  for (let second = 0; second < 90; second++) {
    await tab.ops(second, ["clock", second + 1, [6, String(100 + second), -3]]);
    world.socket.say({ type: "pong", n: world.socket.all("ping").at(-1)?.n });
    await world.pass(1_000);
    if ((await kept()) !== revisions.at(-1)) revisions.push(await kept());
  }
  assert.deepEqual(revisions, [0, 31, 62]);
});

test("what others type is not written to disk one by one", async () => {
  const world = new World();
  let saves = 0;
  world.onStore = (store) => {
    const save = store.save.bind(store);
    store.save = (state, text) => {
      saves += 1;
      return save(state, text);
    };
  };
  const tab = new Tab(world);
  await tab.join("", 0);
  const before = saves;
  for (let revision = 0; revision < 20; revision++) {
    await tab.ops(revision, ["lin", revision + 1, ["x"]]);
  }
  assert.ok(saves - before <= 1, `${saves - before} writes`);
});

test("in a pad that is never quiet the copy stays small", async () => {
  const world = new World();
  const tab = new Tab(world);
  await tab.join("-".repeat(6_000), 0);
  for (let revision = 0; revision < 60; revision++) {
    const op = [revision + 1, "x", ...Array(99).fill([50, "x"]).flat()];
    tab.world.socket.say({ type: "ops", from: revision, ops: [["lin", revision + 1, op]] });
    if (revision % 10 === 9) await world.pass(500);
  }
  tab.type("!");
  await settle();
  const [{ state }] = Object.values(await world.saved());
  assert.ok(state.since.length < 3_000, `${state.since.length} components`);
});

/** @param {string} key @param {number} revision */
function welcome(key, revision) {
  return {
    ...{ type: "welcome", protocol: "1.2", session: `id of ${key}`, person: "ada", role: "write" },
    ...{ epoch: "e1", revision, committed: [0, 0], color: 3, title: "Notes" },
    ...{ language: "markdown", view_history: true },
    limits: { frame_bytes: 1e6, op_components: 10_000, op_inserted: 65_536, pad_length: 2e6 },
  };
}

test("what is typed is unwritten until its transaction is complete", async () => {
  const world = new World();
  const tab = new Tab(world);
  await tab.join("hello", 5);
  tab.type(5, "!");
  assert.deepEqual([tab.state.unsent, tab.state.unwritten], [1, 1]);
  await settle();
  assert.deepEqual([tab.state.unsent, tab.state.unwritten], [1, 0]);
});

test("a tab that may end now does not wait for an earlier write", async () => {
  const world = new World();
  const tab = new Tab(world);
  await tab.join("hello", 5);
  tab.type(5, "!");
  tab.type(6, "?");
  tab.session.keepNow();
  // As of this very moment: nothing that comes later in this tab may be needed.
  tab.session.close();
  await settle();
  const [{ state }] = Object.values(await world.saved());
  assert.deepEqual(state.client.inFlight.sent, [5, "!"]);
  assert.deepEqual(state.client.buffer, [6, "?"]);
});

test("72 hours without a connection, 50,000 revisions meanwhile: one delta, and all is sent", async () => {
  const world = new World();
  const tab = new Tab(world);
  await tab.join("hello", 5);
  world.online = false;
  world.socket.lose();
  tab.type(5, "!");
  await settle();
  for (let day = 1; day <= 3; day++) {
    // Awake for two hours, in which it tries again and again; asleep for the rest of the day.
    for (let hour = 1; hour <= 2; hour++) {
      await world.pass(3_600_000);
      if (world.socket.readyState === 0) world.socket.lose();
    }
    world.time += 22 * 3_600_000;
    tab.type(5 + day, "?");
    await settle();
  }
  assert.equal(tab.state.phase, "offline");
  assert.equal(tab.state.unsent, 4);
  world.online = true;
  for (const wake of world.wakers) wake();
  await settle();
  await tab.welcome({ revision: 5 });
  assert.deepEqual([world.socket.hello.epoch, world.socket.hello.revision], ["e1", 5]);
  const delta = { type: "delta", from: 5, to: 50_005, op: ["others wrote. "] };
  const [sent] = tab.sentOps;
  assert.deepEqual(sent, { type: "op", base: 5, seq: 1, op: [5, "!???"] });
  world.socket.say(delta);
  await settle();
  await tab.ops(50_005, ["me", 1, [19, "!???"]]);
  assert.deepEqual([tab.state.unsent, tab.state.revision], [0, 50_006]);
  assert.equal(tab.editor.screen, "others wrote. hello!???");
});
