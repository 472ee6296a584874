/**
 * A page that has brought the pad's text with it: shown at once, and the server sends only what is
 * newer; a local copy that knows more wins.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { settle, Tab, World } from "./world.js";

const PAGE = { text: "hello", revision: 7, epoch: "e1" };

/** A tab that had `text` at `revision`, and is closed. @param {World} world @param {object} welcome */
async function closedTab(world, welcome) {
  const tab = new Tab(world);
  await tab.open();
  await tab.welcome(welcome);
  await world.pass(3_000);
  tab.session.close();
  await settle();
  return world.socket.hello.session;
}

/** As the service worker kept it, when the pad was new. */
const OLD = { text: "", revision: 0, epoch: "e1", kept: true };

/**
 * A tab that has heard of `text`, and stays open without a connection.
 * @param {World} world @param {import("../local_copy.js").PageText} page
 * @param {string} text @param {number} revision
 */
async function openTab(world, page, text, revision) {
  const tab = new Tab(world);
  await tab.open({ ...page, kept: false });
  await tab.welcome({ epoch: page.epoch });
  const { length } = text;
  for (let at = page.revision; at < revision - 1; at++) await tab.ops(at, ["lin", at + 1, []]);
  await tab.ops(revision - 1, ["lin", revision, length ? [text] : []]);
  await world.pass(3_000);
  world.socket.lose();
  return tab;
}

/** A tab that knows no more than an old page, as one that was frozen, and is written later. @param {World} world */
async function olderCopy(world) {
  const tab = new Tab(world);
  await tab.open({ ...OLD, kept: false });
  await world.pass(1_000);
  return tab;
}

/** @param {World} world */
function copyOf({ socket }) {
  return [socket.hello.epoch, socket.hello.revision];
}

test("the text of the page is shown at once, before the disk and the server answer", async () => {
  const world = new World();
  const tab = new Tab(world);
  tab.session.open(PAGE);
  assert.equal(tab.editor.screen, "hello");
  assert.deepEqual([tab.state.phase, tab.state.revision], ["connecting", 7]);
  await settle();
  await tab.welcome();
  assert.deepEqual(copyOf(world), ["e1", 7]);
  await tab.ops(7, ["lin", 1, [5, "!"]]);
  assert.deepEqual([tab.editor.screen, tab.editor.resets], ["hello!", 1]);
  tab.type(6, "?");
  await settle();
  assert.deepEqual(tab.sentOps, [{ type: "op", base: 8, seq: 1, op: [6, "?"] }]);
});

test("it is kept on the disk like any other text", async () => {
  const world = new World();
  const tab = new Tab(world);
  await tab.open(PAGE);
  tab.type(5, "!");
  await settle();
  tab.session.close();
  const again = new Tab(world);
  await again.open();
  assert.deepEqual([again.editor.screen, again.state.unsent], ["hello!", 1]);
});

test("without a disk it goes on in memory", async () => {
  const world = new World();
  const environment = world.environment();
  const tab = new Tab(world, {
    environment: { ...environment, openStore: () => Promise.reject(new Error("none")) },
  });
  await tab.open(PAGE);
  await tab.welcome();
  assert.deepEqual(copyOf(world), ["e1", 7]);
  tab.type(5, "!");
  await settle();
  assert.deepEqual(tab.sentOps[0].op, [5, "!"]);
});

test("a local copy with unsent edits comes before the page", async () => {
  const world = new World();
  const first = new Tab(world);
  await first.join("old ", 3);
  world.socket.lose();
  first.type(4, "unsent");
  await settle();
  first.session.close();
  const tab = new Tab(world);
  await tab.open(PAGE);
  assert.equal(tab.editor.screen, "old unsent");
  await tab.welcome();
  assert.deepEqual(copyOf(world), ["e1", 3]);
  assert.deepEqual(tab.sentOps, [{ type: "op", base: 3, seq: 1, op: [4, "unsent"] }]);
  assert.equal(tab.state.draft, null);
});

test("a local copy that is newer comes before the page, as with a page from a cache", async () => {
  const world = new World();
  const session = await closedTab(world, { text: "hello, newer", revision: 9 });
  const tab = new Tab(world);
  await tab.open(PAGE);
  assert.equal(tab.editor.screen, "hello, newer");
  await tab.welcome();
  assert.deepEqual(copyOf(world), ["e1", 9]);
  assert.equal(world.socket.hello.session, session);
});

test("an older local copy gives way to the page, and its session goes on", async () => {
  const world = new World();
  const first = new Tab(world);
  await first.join("hel", 5);
  first.type(3, "l");
  await settle();
  await first.ops(5, ["me", 1, [3, "l"]]);
  await world.pass(3_000);
  first.session.close();
  await settle();
  const { session } = world.socket.hello;

  const tab = new Tab(world);
  await tab.open(PAGE);
  await tab.welcome({ committed: [1, 6] });
  assert.deepEqual([tab.editor.screen, tab.editor.resets], ["hello", 1]);
  assert.equal(world.socket.hello.session, session);
  assert.deepEqual(copyOf(world), ["e1", 7]);
  tab.type(5, "!");
  await settle();
  assert.deepEqual(tab.sentOps, [{ type: "op", base: 7, seq: 2, op: [5, "!"] }]);
});

test("what the disk does not know of its session may be in the text of the page", async () => {
  const world = new World();
  const session = await closedTab(world, { text: "h", revision: 1 });
  const tab = new Tab(world);
  await tab.open(PAGE);
  // Seq 1 to 4 were committed while nothing could be written to the disk.
  await tab.welcome({ committed: [4, 6] });
  assert.equal(world.socket.hello.session, session);
  tab.type(5, "!");
  await settle();
  assert.deepEqual(tab.sentOps, [{ type: "op", base: 7, seq: 5, op: [5, "!"] }]);
  assert.equal(tab.state.draft, null);
});

test("a local copy of another epoch gives way, and so does its session", async () => {
  const world = new World();
  const session = await closedTab(world, { text: "before the backup", revision: 99 });
  const tab = new Tab(world);
  await tab.open({ ...PAGE, epoch: "e2" });
  await tab.welcome({ epoch: "e2" });
  assert.notEqual(world.socket.hello.session, session);
  assert.deepEqual(copyOf(world), ["e2", 7]);
  assert.equal(tab.editor.screen, "hello");
  assert.deepEqual(Object.keys(await world.saved()), [world.socket.hello.session]);
});

test("what is typed before the disk answers is not lost", async () => {
  const world = new World();
  const tab = new Tab(world);
  tab.session.open(PAGE);
  tab.type(5, "!");
  await settle();
  await tab.welcome();
  assert.deepEqual(tab.sentOps, [{ type: "op", base: 7, seq: 1, op: [5, "!"] }]);
});

test("typed before the disk answers, over a newer copy: the page's text, under a new session", async () => {
  const world = new World();
  const session = await closedTab(world, { text: "hello, newer", revision: 9 });
  const tab = new Tab(world);
  tab.session.open(PAGE);
  tab.type(5, "!");
  await settle();
  assert.equal(tab.editor.screen, "hello!");
  await tab.welcome();
  assert.notEqual(world.socket.hello.session, session);
  assert.deepEqual(tab.sentOps, [{ type: "op", base: 7, seq: 1, op: [5, "!"] }]);
});

test("typed before the disk answers, and a copy with unsent edits: kept as a draft", async () => {
  const world = new World();
  const first = new Tab(world);
  await first.join("old ", 3);
  world.socket.lose();
  first.type(4, "unsent");
  await settle();
  first.session.close();
  const tab = new Tab(world);
  tab.session.open(PAGE);
  tab.type(5, "!");
  await settle();
  assert.deepEqual([tab.editor.screen, tab.state.draft], ["old unsent", "hello!"]);
  assert.equal(tab.state.unsent, 1);
});

test("a page of revisions that the server does not have gets its text", async () => {
  const world = new World();
  const tab = new Tab(world);
  await tab.open(PAGE);
  await tab.welcome({ text: "of a backup", revision: 2, epoch: "e2" });
  assert.equal(tab.editor.screen, "of a backup");
  tab.type(11, "!");
  await settle();
  assert.deepEqual(tab.sentOps, [{ type: "op", base: 2, seq: 1, op: [11, "!"] }]);
});

test("a page that was kept here does not take the place of a copy of another epoch", async () => {
  const world = new World();
  await closedTab(world, { text: "newer", revision: 3, epoch: "e2" });
  const kept = new Tab(world);
  await kept.open({ ...PAGE, kept: true });
  assert.deepEqual([kept.editor.screen, kept.state.revision], ["newer", 3]);
  kept.session.close();
  await settle();
  const brought = new Tab(world);
  await brought.open(PAGE);
  assert.deepEqual([brought.editor.screen, brought.state.revision], ["hello", 7]);
});

test("nor of a newer one of the same epoch, but of an older one", async () => {
  const world = new World();
  await closedTab(world, { text: "hello!", revision: 8, epoch: "e1" });
  const older = new Tab(world);
  await older.open({ ...PAGE, kept: true });
  assert.equal(older.editor.screen, "hello!");
  older.session.close();
  await settle();
  const newer = new Tab(world);
  await newer.open({ text: "hello!?", revision: 9, epoch: "e1", kept: true });
  assert.equal(newer.editor.screen, "hello!?");
});

test("without the server a second tab begins with what the first one has of the log, not with its edits", async () => {
  const world = new World();
  const first = await openTab(world, OLD, "hello", 5);
  first.type(5, " unsent");
  await settle();
  const second = new Tab(world);
  await second.open(OLD);
  assert.deepEqual([second.editor.screen, second.state.revision], ["hello", 5]);
  assert.deepEqual([second.state.title, second.state.unsent], ["Notes", 0]);

  second.type(5, "!");
  await settle();
  await second.welcome();
  assert.deepEqual(copyOf(world), ["e1", 5]);
  assert.notEqual(world.sockets[1].hello.session, world.sockets[0].hello.session);
  assert.deepEqual(second.sentOps, [{ type: "op", base: 5, seq: 1, op: [5, "!"] }]);
  second.session.close();
  await settle();
  const third = new Tab(world);
  await third.open(OLD);
  assert.deepEqual([third.editor.screen, third.state.unsent], ["hello!", 1]);
});

test("a text that was too special for its page is taken from the first tab as well", async () => {
  const world = new World();
  await openTab(world, OLD, "hel\rlo", 5);
  const second = new Tab(world);
  await second.open();
  assert.deepEqual([second.editor.screen, second.state.revision], ["hel\rlo", 5]);
});

test("when both are closed the next one has the newest text, however late an older one was written", async () => {
  const world = new World();
  const first = await openTab(world, OLD, "hello", 5);
  const older = await olderCopy(world);
  first.session.close();
  older.session.close();
  await settle();
  const next = new Tab(world);
  await next.open(OLD);
  assert.equal(next.editor.screen, "hello");
  assert.equal(Object.keys(await world.saved()).length, 1, "the older one is forgotten");
});

test("a tab that takes up an older session begins with what the open one has, under that session", async () => {
  const world = new World();
  const first = await openTab(world, OLD, "hello", 5);
  const keys = Object.keys(await world.saved());
  const older = await olderCopy(world);
  const [key] = Object.keys(await world.saved()).filter((each) => !keys.includes(each));
  older.session.close();
  await settle();
  const next = new Tab(world);
  await next.open(OLD);
  assert.equal(next.editor.screen, "hello");
  await next.welcome();
  assert.deepEqual(copyOf(world), ["e1", 5]);
  assert.equal(world.socket.hello.session, key);
  assert.equal(first.state.revision, 5);
});

test("unsent edits of a closed tab come first; the newest text is not forgotten for them", async () => {
  const world = new World();
  const first = await openTab(world, OLD, "hello", 5);
  const older = await olderCopy(world);
  older.type(0, "mine");
  await settle();
  first.session.close();
  older.session.close();
  await settle();
  const next = new Tab(world);
  await next.open(OLD);
  assert.deepEqual([next.editor.screen, next.state.unsent], ["mine", 1]);
  const other = new Tab(world);
  await other.open(OLD);
  assert.deepEqual([other.editor.screen, other.state.unsent], ["hello", 0]);
});

test("of two epochs the tab's that was written to last, whatever its revision", async () => {
  const world = new World();
  await openTab(world, OLD, "before the backup", 99);
  await world.pass(1_000);
  await openTab(world, { ...OLD, epoch: "e2" }, "restored", 3);
  const next = new Tab(world);
  await next.open(OLD);
  assert.deepEqual([next.editor.screen, next.session.epoch], ["restored", "e2"]);
});

test("a page that comes from the server is not replaced by what another tab has", async () => {
  const world = new World();
  await openTab(world, OLD, "hello", 5);
  const tab = new Tab(world);
  await tab.open({ text: "hello", revision: 5, epoch: "e1" });
  assert.equal(tab.editor.resets, 1);
  assert.equal(tab.editor.screen, "hello");
});

test("typed at once on an old page, beside an open tab: it stays, on the revision of the page", async () => {
  const world = new World();
  const first = await openTab(world, OLD, "hello", 5);
  first.type(5, "!");
  await settle();
  const tab = new Tab(world);
  tab.session.open(OLD);
  tab.type(0, "?");
  await settle();
  assert.deepEqual([tab.editor.screen, tab.state.draft], ["?", null]);
  await tab.welcome();
  assert.deepEqual(copyOf(world), ["e1", 0]);
  assert.deepEqual(tab.sentOps, [{ type: "op", base: 0, seq: 1, op: [0, "?"] }]);
});

test("what was typed before the disk answered is on the disk, and counted so, without a server", async () => {
  const world = new World();
  const tab = new Tab(world);
  tab.session.open(PAGE);
  tab.type(5, "!");
  await settle();
  const [{ state }] = Object.values(await world.saved());
  assert.deepEqual(state.client.buffer, [5, "!"]);
  assert.deepEqual([tab.state.unsent, tab.state.unwritten], [1, 0]);
});
