/** Tabs that open while others end, or while the disk is slow: each session has one tab, or none. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { settle, Tab, World } from "./world.js";

/** Tabs that each have typed something, which the server has not got. @param {World} world @param {string[]} texts */
async function offlineTabs(world, ...texts) {
  const tabs = [];
  while (tabs.length < texts.length) {
    const tab = new Tab(world);
    await tab.join("base ", 1);
    tabs.push(tab);
    world.time += 1_000;
  }
  for (const socket of world.sockets) socket.lose();
  for (const [index, text] of texts.entries()) if (text) tabs[index].type(5, text);
  await settle();
  return tabs;
}

/** The disk takes too long for one answer, and gives it in the end. @param {World} world @param {string} name */
function slowly(world, name) {
  let answer = () => {};
  const late = new Promise((resolve) => (answer = () => resolve(undefined)));
  world.onStore = (/** @type {any} */ store) => {
    const work = store[name].bind(store);
    store[name] = async (/** @type {any[]} */ ...values) => {
      const result = await work(...values);
      await late;
      return result;
    };
  };
  return answer;
}

test("what a tab types and leaves behind while another one opens is not forgotten", async () => {
  const world = new World();
  const [first, last] = await offlineTabs(world, "first", "");
  first.session.close();
  await settle();
  const { request } = world.locks;
  world.locks.request = async (name, options, work) => {
    // The tab that opens has read what there is; before it asks for the second one, that changes.
    if (name.endsWith(world.sockets[1].hello.session)) {
      last.type(5, "last");
      await settle();
      last.session.close();
      await settle();
    }
    return request.call(world.locks, name, options, work);
  };
  const opens = new Tab(world);
  await opens.open();
  for (let waits = 0; waits < 3; waits++) await settle();
  assert.equal(opens.state.unsent, 2);
});

test("a tab that has given up a slow disk leaves the sessions to others", async () => {
  const world = new World();
  const [closed] = await offlineTabs(world, "left");
  closed.session.close();
  await settle();
  const answer = slowly(world, "claim");
  const slow = new Tab(world);
  await slow.open();
  await world.pass(4_000);
  assert.equal(slow.state.storedLocally, false);
  answer();
  await settle();
  world.onStore = () => {};
  const next = new Tab(world);
  await next.open();
  assert.equal(next.state.unsent, 1);
});

test("a tab whose disk is too slow to look for what others left leaves it to others", async () => {
  const world = new World();
  const answer = slowly(world, "orphans");
  const [closed, slow] = await offlineTabs(world, "left", "");
  closed.session.close();
  await world.pass(1_000);
  await slow.welcome();
  await world.pass(5_000);
  assert.equal(slow.state.storedLocally, false);
  answer();
  await settle();
  world.onStore = () => {};
  const next = new Tab(world);
  await next.open();
  assert.equal(next.state.unsent, 1);
});

test("a tab whose disk fails while it looks for sessions leaves them to others", async () => {
  const world = new World();
  const [first, last] = await offlineTabs(world, "first", "last");
  for (const tab of [first, last]) tab.session.close();
  await settle();
  const { request } = world.locks;
  let asked = 0;
  world.locks.request = async (...values) => {
    asked += 1;
    if (asked === 2) throw new Error("the disk fails");
    return request.call(world.locks, ...values);
  };
  const fails = new Tab(world);
  await fails.open();
  assert.equal(fails.state.storedLocally, false);
  const next = new Tab(world);
  await next.open();
  assert.equal(next.state.unsent, 2);
});
