/**
 * What a session says of itself and of the pad beside the text: its role, the pad's properties, whom
 * it follows and which revision it looks at.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { settle, Tab, World } from "./world.js";

/** @param {object} [welcome] fields that differ @param {object} [options] of the session */
async function joined(welcome = {}, options = {}) {
  const world = new World();
  const tab = new Tab(world, options);
  await tab.open();
  await tab.welcome({ text: "hello", revision: 7, ...welcome });
  return { world, tab };
}

/** @param {object} [fields] that differ */
function person(fields = {}) {
  return { session: "lin", person: "l", name: "Lin", color: 4, selections: [], ...fields };
}

// --- Roles

test("a reader sends neither operations nor selections", async () => {
  const { tab, world } = await joined({ role: "read" });
  assert.equal(tab.state.role, "read");
  tab.editor.own = [[1, 2]];
  tab.session.selectionChanged();
  await world.pass(200);
  assert.deepEqual(world.socket.all("presence").at(-1).selections, []);
  assert.throws(() => tab.session.edit(["x"]), /view-only/);
  assert.equal(tab.session.setProperties({ title: "Mine" }), false);
  await world.pass(1_000);
  assert.deepEqual([tab.sentOps, world.socket.all("properties")], [[], []]);
  await tab.ops(7, ["lin", 1, [5, "!"]]);
  assert.equal(tab.editor.screen, "hello!");
});

test("a page that knows its link says so before the server does", async () => {
  const tab = new Tab(new World(), { role: "read" });
  assert.equal(tab.state.role, "read");
  assert.throws(() => tab.session.edit(["x"]), /view-only/);
});

test("what is typed before the link turns out to be view-only is kept as a draft", async () => {
  const world = new World();
  const tab = new Tab(world);
  await tab.open({ text: "hello", revision: 7, epoch: "e1" });
  tab.type(5, "!");
  await tab.welcome({ role: "read" });
  await tab.welcome({ role: "read", text: "hello", revision: 7 });
  assert.deepEqual([tab.state.phase, tab.state.unsent], ["online", 0]);
  assert.deepEqual([tab.editor.screen, tab.state.draft], ["hello", "hello!"]);
  assert.deepEqual(tab.sentOps, []);
});

test("of people, what is left out is the usual", async () => {
  const { tab, world } = await joined();
  world.socket.say({ type: "presence", revision: 7, people: [person()], everybody: true });
  const usual = { ...person(), role: "write", following: null, history: null, me: false };
  assert.deepEqual(tab.state.people, [usual]);
  const special = person({ role: "read", following: "me", history: 3 });
  world.socket.say({ type: "presence", revision: 7, people: [special] });
  assert.deepEqual(tab.state.people, [{ ...special, me: false }]);
  world.socket.say({ type: "presence", revision: 7, people: [person()] });
  assert.deepEqual(tab.state.people, [usual], "nothing of before is kept");
});

// --- Properties of the pad

test("properties come with the welcome, and whenever they change", async () => {
  const { tab, world } = await joined({ language: "rust", view_history: false });
  const properties = () => {
    const { title, language, viewHistory } = tab.state;
    return [title, language, viewHistory];
  };
  assert.deepEqual(properties(), ["Notes", "rust", false]);
  tab.changes.length = 0;
  world.socket.say({ type: "properties", title: "Other", language: "c++", view_history: true });
  assert.deepEqual(properties(), ["Other", "c++", true]);
  assert.deepEqual(tab.changes, ["state"]);
});

test("changed properties are sent as they are wanted, and shown when the server has them", async () => {
  const { tab, world } = await joined();
  assert.equal(tab.session.setProperties({ title: "  Autumn \n\u202E release " }), true);
  assert.equal(tab.session.setProperties({ language: "rust", viewHistory: false }), true);
  assert.deepEqual(world.socket.all("properties"), [
    { type: "properties", title: "Autumn release" },
    { type: "properties", language: "rust", view_history: false },
  ]);
  assert.equal(tab.state.title, "Notes");
});

test("a title that the server would refuse is not sent", async () => {
  const { tab, world } = await joined();
  for (const title of ["", " \u200B\n", "\u202E", "\u3164 \u115F", "\uD83D"]) {
    assert.equal(tab.session.setProperties({ title }), false);
  }
  tab.session.setProperties({ title: "\u{1F680}x".repeat(60) });
  const [sent] = world.socket.all("properties");
  assert.equal([...sent.title].length, 80);
});

test("properties cannot be changed without a connection", async () => {
  const { tab, world } = await joined();
  world.socket.lose();
  assert.equal(tab.session.setProperties({ title: "Mine" }), false);
  await world.pass(1_000);
  await tab.welcome();
  assert.deepEqual(world.socket.all("properties"), []);
});

test("the key of the view-only link comes with the welcome, and anew when there is a new link", async () => {
  const { tab, world } = await joined({ view_key: "old" });
  assert.equal(tab.state.viewKey, "old");
  assert.equal(tab.session.setProperties({ newViewLink: true }), true);
  assert.deepEqual(world.socket.all("properties"), [{ type: "properties", new_view_link: true }]);
  assert.equal(tab.state.viewKey, "old", "until the server has it");
  const same = { title: "Notes", language: "markdown", view_history: true };
  world.socket.say({ type: "properties", ...same, view_key: "new" });
  assert.equal(tab.state.viewKey, "new");
});

test("a reader whose link was replaced: the text stays, and nothing is tried again", async () => {
  const { tab, world } = await joined({ role: "read" });
  const text = tab.editor.screen;
  assert.equal(tab.state.viewKey, null);
  world.socket.say({ type: "error", code: "link_replaced", message: "", action: "stop" });
  world.socket.lose(1008);
  await world.pass(60_000);
  assert.deepEqual([tab.state.phase, tab.editor.screen, tab.state.draft], ["unlinked", text, null]);
  assert.equal(world.sockets.length, 1);
});

test("title and language are in the local copy", async () => {
  const { tab, world } = await joined({ language: "rust" });
  tab.type(5, "!");
  await settle();
  tab.session.close();
  const again = new Tab(world);
  await again.open();
  assert.deepEqual([again.state.title, again.state.language], ["Notes", "rust"]);
});

// --- Following and history

test("whom one follows and where one looks is told, again after a reconnect", async () => {
  const { tab, world } = await joined();
  await world.pass(200);
  const told = () => {
    const { following, history } = world.socket.all("presence").at(-1);
    return { following, history };
  };
  assert.deepEqual(told(), { following: undefined, history: undefined });
  tab.session.setPresence({ following: "s".repeat(22) });
  await world.pass(200);
  tab.session.setPresence({ history: 3 });
  await world.pass(200);
  assert.deepEqual(told(), { following: "s".repeat(22), history: 3 });

  world.socket.lose();
  tab.session.setPresence({ following: null });
  await world.pass(1_000);
  await tab.welcome();
  await world.pass(200);
  assert.deepEqual(told(), { following: undefined, history: 3 });
  tab.session.setPresence({ history: null });
  await world.pass(200);
  assert.deepEqual(told(), { following: undefined, history: undefined });
});

test("no revision is told that the pad does not have", async () => {
  const { tab, world } = await joined();
  tab.session.setPresence({ history: 6 });
  world.socket.lose();
  await world.pass(1_000);
  await tab.welcome({ text: "of a backup", revision: 2, epoch: "e2" });
  await world.pass(200);
  assert.equal(world.socket.all("presence").at(-1).history, 2);
});
