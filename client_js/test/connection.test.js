import assert from "node:assert/strict";
import { test } from "node:test";
import { settle, Tab, World } from "./world.js";

/** A tab that is online with a text. @param {string} text @param {number} [revision] */
async function joined(text, revision) {
  const world = new World();
  const tab = new Tab(world);
  await tab.join(text, revision);
  return { world, tab };
}

/** Answer the newest ping. @param {World} world @param {number} [socket] */
function pong(world, socket = world.sockets.length - 1) {
  const [ping] = world.sockets[socket].all("ping").slice(-1);
  world.sockets[socket].say({ type: "pong", n: ping.n });
}

/**
 * How long it takes until the newest socket is given up, in milliseconds.
 * @param {World} world @param {number} most
 */
async function givenUpAfter(world, most) {
  const { socket, time } = world;
  while (!socket.closed && world.time - time < most) await world.pass(100);
  return world.time - time;
}

test("whatever arrives is a sign of life", async () => {
  const { tab, world } = await joined("");
  for (let revision = 0; revision < 4; revision++) {
    await world.pass(4_500);
    await tab.ops(revision, ["lin", revision + 1, ["x"]]);
  }
  assert.equal(tab.state.phase, "online");
  assert.equal(world.sockets.length, 1);
});

test("who hears others but is not answered gives the connection up, and resends", async () => {
  const { tab, world } = await joined("");
  tab.type("mine");
  await settle();
  const [sent] = tab.sentOps;
  const begun = world.time;
  let revision = 0;
  while (world.sockets.length === 1 && world.time - begun < 60_000) {
    await world.pass(1_000);
    if (world.sockets.length === 1) await tab.ops(revision, ["lin", ++revision, ["x"]]);
  }
  assert.ok(world.time - begun <= 21_000, `${world.time - begun} ms`);
  await world.pass(1_000);
  await tab.welcome();
  assert.deepEqual(tab.sentOps, [sent]);
});

test("an acknowledgement that takes long is waited for while pings are answered", async () => {
  const { tab, world } = await joined("");
  tab.type("a");
  await settle();
  for (let second = 0; second < 120; second++) {
    await world.pass(1_000);
    pong(world);
  }
  assert.equal(world.sockets.length, 1);
  assert.deepEqual([tab.state.phase, tab.state.unsent], ["online", 1]);
  await tab.ops(0, ["me", 1, ["a"]]);
  assert.equal(tab.state.unsent, 0);
});

test("a pad that is opened while the server is away says so when the first try has failed", async () => {
  const world = new World();
  const tab = new Tab(world);
  await tab.open();
  await settle();
  assert.equal(tab.state.phase, "connecting");
  world.socket.lose();
  assert.equal(tab.state.phase, "reconnecting");
  await world.pass(1_000);
  assert.equal(tab.state.phase, "reconnecting");
  await tab.welcome({ text: "", revision: 0 });
  assert.equal(tab.state.phase, "online");
});

test("a socket that never opens is given up after 10 s, each time", async () => {
  const world = new World();
  const tab = new Tab(world);
  await tab.open();
  for (let attempt = 0; attempt < 4; attempt++) {
    const waited = await givenUpAfter(world, 60_000);
    assert.ok(waited <= 10_200, `${waited} ms`);
    await world.pass(8_000);
    assert.equal(world.sockets.length, attempt + 2);
  }
  assert.equal(tab.state.phase, "offline");
});

test("a welcome that never comes is waited for longer each time, while pings go out", async () => {
  const world = new World();
  const tab = new Tab(world);
  await tab.open();
  const waits = [];
  for (let attempt = 0; attempt < 5; attempt++) {
    world.socket.open();
    waits.push(Math.round((await givenUpAfter(world, 100_000)) / 1_000));
    // A server that hears nothing for 30 s gives up by itself.
    assert.ok(world.socket.all("ping").length >= Math.floor(waits[attempt] / 5) - 1);
    while (world.socket.closed) await world.pass(100);
  }
  assert.deepEqual(waits, [10, 20, 40, 60, 60]);
  assert.equal(tab.state.phase, "offline");

  await tab.welcome({ text: "here" });
  world.time += 30;
  pong(world);
  assert.equal(tab.state.phase, "online");
  assert.ok((await givenUpAfter(world, 100_000)) <= 10_100, "a quick answer, and patience is short");
});

test("on a line that is slow to answer patience is twice what an answer takes", async () => {
  const { world } = await joined("");
  await world.pass(9_000);
  pong(world);
  assert.ok((await givenUpAfter(world, 100_000)) > 17_000);
});

test("a server that restarts or is busy is not asked again by everybody at once", async () => {
  for (const code of [1012, 1013]) {
    const { tab, world } = await joined("");
    world.chance = 0.999;
    const waits = [];
    for (let attempt = 0; attempt < 5; attempt++) {
      world.socket.lose(code);
      waits.push(Math.round(Number(tab.state.nextTryAt) - world.time));
      await world.pass(Number(tab.state.nextTryAt) - world.time);
      await tab.welcome();
    }
    assert.deepEqual(waits, [1998, 1998, 1998, 3996, 7992], String(code));
  }
});

test("whatever the upgrade is answered with, nothing is lost and nobody is hammered", async () => {
  const { tab, world } = await joined("", 3);
  tab.type("kept");
  await settle();
  const [sent] = tab.sentOps;
  const begun = world.time;
  world.socket.lose();
  // A page has no way to see 502, 503, 413, or a login page: the socket closes without having opened.
  while (world.time - begun < 600_000) {
    const opened = world.sockets.length;
    while (world.sockets.length === opened) await world.pass(50);
    world.socket.lose();
  }
  // By half of the longest waits: 0.25, 0.5, 1, 2, 4 s, then 7.5 s each.
  assert.ok(world.sockets.length >= 70 && world.sockets.length <= 90, `${world.sockets.length}`);
  assert.deepEqual([tab.state.phase, tab.state.unsent], ["offline", 1]);
  await world.pass(7_500);
  await tab.welcome();
  assert.deepEqual(tab.sentOps, [sent]);
});

test("the wall clock may be set while it waits, and nothing is sooner or later for it", async () => {
  const { tab, world } = await joined("");
  world.chance = 0.5;
  world.socket.lose();
  world.date -= 3_600_000;
  await world.pass(300);
  assert.equal(world.sockets.length, 2);
  await tab.welcome();
  world.date += 10 * 365 * 86_400_000;
  await world.pass(4_000);
  pong(world);
  assert.equal(tab.state.phase, "online");
  world.date -= 20 * 365 * 86_400_000;
  assert.ok((await givenUpAfter(world, 100_000)) <= 10_100);
});

test("what is saved is labelled by the wall clock, which other tabs have too", async () => {
  const { tab, world } = await joined("");
  tab.type("a");
  await settle();
  const [{ state }] = Object.values(await world.saved());
  assert.equal(state.savedAt, world.date + world.time);
});

test("a tab that was frozen asks before it gives its connection up", async () => {
  const { tab, world } = await joined("");
  pong(world);
  // Its timers did not run, and nothing was heard.
  world.time += 3 * 86_400_000;
  for (const wake of world.wakers) wake();
  pong(world);
  await world.pass(4_900);
  assert.equal(tab.state.phase, "online");
  assert.equal(world.sockets.length, 1);

  world.time += 3 * 86_400_000;
  for (const wake of world.wakers) wake();
  assert.ok((await givenUpAfter(world, 60_000)) <= 5_100, "nobody has answered");
});

test("so does one whose clock stood still while it slept", async () => {
  const { world } = await joined("");
  pong(world);
  for (const wake of world.wakers) wake();
  assert.ok((await givenUpAfter(world, 60_000)) <= 5_100);
});

test("being looked at does not connect under a key that is just being changed", async () => {
  const world = new World();
  /** @type {() => void} */
  let go = () => {};
  let slow = false;
  world.onStore = (store) => {
    const fresh = store.fresh.bind(store);
    store.fresh = async () => {
      if (slow) await new Promise((resolve) => (go = () => resolve(null)));
      return fresh();
    };
  };
  const tab = new Tab(world);
  await tab.join("abc", 3);
  const old = world.socket.hello.session;
  slow = true;
  tab.type("x");
  await settle();
  world.socket.say({ type: "error", code: "seq_reused", message: "", action: "resession", seq: 1 });
  await settle();
  for (const wake of world.wakers) wake();
  tab.session.tryNow();
  assert.equal(world.sockets.length, 1);
  go();
  await settle();
  await tab.welcome();
  assert.equal(world.sockets.length, 2);
  assert.notEqual(world.socket.hello.session, old);
  assert.deepEqual(tab.sentOps, [{ type: "op", base: 3, seq: 1, op: ["x"] }]);
});

test("a frame that was spoiled on the way ends the connection, and comes again", async () => {
  const { tab, world } = await joined("abc", 3);
  tab.type(3, "!");
  await settle();
  world.socket.onmessage({ data: '{"type":"ops","from":3,"ops":[["lin",1,["x' });
  assert.equal(tab.state.phase, "reconnecting");
  await world.pass(1_000);
  await tab.welcome();
  assert.deepEqual([tab.state.draft, tab.state.unsent], [null, 1]);
  await tab.ops(3, ["lin", 1, ["x"]], ["me", 1, [4, "!"]]);
  assert.equal(tab.editor.screen, "xabc!");
});

test("what was received already is skipped, be it a whole frame or a part of one", async () => {
  const { tab } = await joined("", 0);
  await tab.ops(0, ["lin", 1, ["a"]], ["lin", 2, [1, "b"]]);
  await tab.ops(0, ["lin", 1, ["a"]], ["lin", 2, [1, "b"]]);
  await tab.ops(1, ["lin", 2, [1, "b"]], ["lin", 3, [2, "c"]]);
  tab.world.socket.say({ type: "delta", from: 0, to: 3, op: ["abc"] });
  await settle();
  assert.deepEqual([tab.editor.screen, tab.state.revision, tab.state.desyncs], ["abc", 3, 0]);
});

test("a gap is a fault: the text is kept, and all of it comes again", async () => {
  const { tab, world } = await joined("ab", 2);
  await tab.ops(3, ["lin", 9, ["later"]]);
  await world.pass(1_000);
  assert.deepEqual([tab.state.desyncs, tab.state.draft], [1, "ab"]);
  assert.equal(world.sockets.length, 2);
  await tab.welcome({ text: "ab and more", revision: 4 });
  assert.equal(tab.editor.screen, "ab and more");
});

test("what is typed before a loss is noticed goes out without another key", async () => {
  const { tab, world } = await joined("");
  tab.type("into ");
  tab.type(5, "the void");
  await settle();
  // Nothing of it has arrived, nobody said so, and nobody types any more.
  await givenUpAfter(world, 60_000);
  await world.pass(1_000);
  await tab.welcome();
  assert.deepEqual(tab.sentOps.map(({ seq, op }) => [seq, op]), [[1, ["into "]]]);
  await tab.ops(0, ["me", 1, ["into "]]);
  assert.deepEqual(tab.sentOps[1].op, [5, "the void"]);
});

test("who came too large or was replaced does not come again", async () => {
  for (const [code, phase] of /** @type {const} */ ([[1009, "refused"], [4001, "replaced"]])) {
    const { tab, world } = await joined("");
    world.socket.lose(code);
    await world.pass(60_000);
    for (const wake of world.wakers) wake();
    assert.deepEqual([tab.state.phase, world.sockets.length], [phase, 1]);
  }
});
