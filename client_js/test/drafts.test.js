import assert from "node:assert/strict";
import { test } from "node:test";
import { settle, Tab, World } from "./world.js";

/** The server takes nothing more of a tab. @param {Tab} tab @param {any} socket */
async function refuse(tab, socket) {
  const text = tab.editor.screen;
  socket.say({ type: "error", code: "pad_full", message: "full", action: "draft", seq: 1 });
  await settle();
  assert.equal(tab.state.draft, text);
}

/** Two tabs of one pad, in each of which something was typed that the server refuses. @param {World} world */
async function twoTabs(world) {
  const [one, two] = [new Tab(world), new Tab(world)];
  const sockets = [];
  for (const tab of [one, two]) {
    await tab.join("abc", 1);
    sockets.push(world.socket);
  }
  one.type("one ");
  two.type("two ");
  await settle();
  return { one, two, sockets };
}

/**
 * What is done to drafts on the disk of this world is done in another way.
 * @param {World} world @param {(work: () => Promise<void>) => Promise<void>} how
 */
function withDrafts(world, how) {
  world.onStore = (/** @type {any} */ store) => {
    for (const name of ["keepDraft", "removeDrafts"]) {
      const work = store[name].bind(store);
      store[name] = (/** @type {any[]} */ ...values) => how(() => work(...values));
    }
  };
}

/** @returns {Promise<any>} what a disk says that is silent */
const never = () => new Promise(() => {});

/** What a tab that is opened now shows as the draft. @param {World} world */
async function draftNow(world) {
  const tab = new Tab(world);
  await tab.open();
  tab.session.close();
  return tab.state.draft;
}

test("two tabs of a pad have a draft each, and the disk has both", async () => {
  const world = new World();
  const { one, two, sockets } = await twoTabs(world);
  await refuse(one, sockets[0]);
  await refuse(two, sockets[1]);
  one.session.close();
  two.session.close();
  assert.deepEqual((await draftNow(world))?.split("\n\n").sort(), ["one abc", "two abc"]);
});

test("who discards a draft has not discarded that of another tab", async () => {
  const world = new World();
  const { one, two, sockets } = await twoTabs(world);
  await refuse(one, sockets[0]);
  await refuse(two, sockets[1]);
  await one.session.discardDraft();
  assert.deepEqual([one.state.draft, two.state.draft], [null, "two abc"]);
  assert.equal(await draftNow(world), "two abc");
  await two.session.discardDraft();
  assert.equal(await draftNow(world), null);
});

test("a draft that comes while another is being discarded stays", async () => {
  const world = new World();
  let free = () => {};
  /** @type {Promise<void> | undefined} */
  let slow;
  withDrafts(world, async (work) => {
    const done = work();
    await slow;
    return done;
  });
  const { one, sockets } = await twoTabs(world);
  await refuse(one, sockets[0]);
  await one.welcome({ text: "abc", revision: 1 });
  slow = new Promise((resolve) => (free = resolve));
  const discarding = one.session.discardDraft();
  one.type("again ");
  await settle();
  world.socket.say({ type: "error", code: "pad_full", message: "full", action: "draft", seq: 1 });
  free();
  await discarding;
  await settle();
  assert.equal(one.state.draft, "again abc");
  assert.equal(await draftNow(world), "again abc");
});

test("a tab that ends while its draft is being written loses nothing", async () => {
  const world = new World();
  withDrafts(world, never);
  const { one, sockets } = await twoTabs(world);
  sockets[0].say({ type: "error", code: "pad_full", message: "full", action: "draft", seq: 1 });
  await settle();
  assert.equal(one.state.draft, "one abc");
  // Its edit is in the draft, which is not on the disk yet: it has to be somewhere else.
  const kept = Object.values(await world.saved()).map(({ state }) => state.client.inFlight?.sent);
  assert.ok(kept.some((op) => op?.[0] === "one "), JSON.stringify(kept));
});

test("what a closed tab has left is kept until the draft of it is on the disk", async () => {
  const world = new World();
  const { one, two, sockets } = await twoTabs(world);
  for (const socket of sockets) socket.lose();
  one.session.close();
  two.session.close();
  await settle();
  world.sockets.length = 0;
  withDrafts(world, never);
  const tab = new Tab(world);
  await tab.open();
  assert.equal(world.sockets.length, 2);
  for (const socket of world.sockets) {
    socket.open();
    socket.say({ ...welcome, session: socket.hello.session });
    await settle();
  }
  for (const socket of world.sockets)
    socket.say({ type: "error", code: "pad_full", message: "full", action: "draft", seq: 1 });
  await settle();
  const kept = async () => Object.values(await world.saved()).map(({ state }) => state.client);
  assert.equal((await kept()).filter(({ inFlight }) => inFlight !== null).length, 2);
});

const welcome = {
  ...{ type: "welcome", protocol: "1.2", person: "ada", role: "write", epoch: "e1" },
  ...{ revision: 1, committed: [0, 0], color: 3, title: "Notes", language: "markdown" },
  view_history: true,
  limits: { frame_bytes: 1e6, op_components: 10_000, op_inserted: 65_536, pad_length: 2e6 },
};

test("the one draft that older releases kept for all tabs is shown and discarded", async () => {
  const world = new World();
  const store = await world.store();
  await store.keepDraft("notes", /** @type {any} */ ({ text: "old" }));
  const tab = new Tab(world);
  await tab.open();
  assert.deepEqual([tab.state.draft, tab.state.draftEdits], ["old", 0]);
  await tab.session.discardDraft();
  assert.equal(await draftNow(world), null);
});
