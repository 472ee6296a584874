import assert from "node:assert/strict";
import { test } from "node:test";
import { settle, Tab, World } from "./world.js";

const GONE = { type: "error", code: "pad_deleted", message: "", action: "stop", seq: null };

test("a pad that was deleted: no reconnecting, and what was not sent is kept as a draft", async () => {
  const world = new World();
  const tab = new Tab(world);
  await tab.join("abc", 3);
  tab.type(3, "!");
  await settle();
  world.socket.say(GONE);
  world.socket.lose(1008);
  await world.pass(60_000);
  assert.equal(tab.state.phase, "gone");
  assert.equal(world.sockets.length, 1);
  assert.equal(tab.editor.screen, "abc!");
  assert.equal(tab.state.draft, "abc!");
  assert.equal([...(await (await world.store()).drafts(tab.session.pad)).values()][0].text, "abc!");
});

test("with nothing unsent there is no draft, and the text stays on the screen", async () => {
  const world = new World();
  const tab = new Tab(world);
  await tab.join("abc", 3);
  world.socket.say(GONE);
  await settle();
  assert.deepEqual([tab.state.phase, tab.state.draft, tab.editor.screen], ["gone", null, "abc"]);
});

test("each text of it that this browser keeps can be had, once", async () => {
  const world = new World();
  let pad = "";
  // Both are open at once, so that each is a session of its own.
  const tabs = [new Tab(world), new Tab(world), new Tab(world)];
  for (const [index, tab] of tabs.entries()) {
    pad = tab.session.pad;
    await tab.join("base", 1);
    world.socket.lose();
    tab.type(4, [" one", " two", " two"][index]);
    await settle();
  }
  const texts = await (await world.store()).texts(pad);
  assert.deepEqual(texts.sort(), ["base one", "base two"]);
  assert.deepEqual(await (await world.store()).texts("another"), []);
});
