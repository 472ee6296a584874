import assert from "node:assert/strict";
import { test } from "node:test";
import { announcement, Announcer } from "../announcements.js";

test("comings and goings are told in one go", () => {
  assert.equal(announcement(["Ada"], [], 5), "Ada joined. 5 people here.");
  assert.equal(announcement(["Ada", "Lin", "Noor"], [], 8), "3 people joined. 8 people here.");
  assert.equal(announcement([], ["Lin"], 4), "Lin left.");
  assert.equal(announcement([], ["Lin", "Ada"], 1), "2 people left. 1 person here.");
  assert.equal(announcement([], [], 4), "");
});

test("a reload is silent, the first list too, and who stays away is told of once", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  /** @param {string} name */
  const person = (name) => ({ session: name, name, me: name === "Me" });
  let people = ["Me", "Ada"].map(person);
  /** @type {string[]} */
  const said = [];
  const say = (/** @type {string} */ words) => said.push(words);
  const announcer = new Announcer({ people: () => people, connected: () => true, say });
  const change = (/** @type {string[]} */ names) => {
    people = names.map(person);
    announcer.update();
  };
  announcer.update();
  context.mock.timers.tick(3_000);
  assert.deepEqual(said, []);

  change(["Me"]);
  context.mock.timers.tick(2_500);
  change(["Me", "Ada"]);
  context.mock.timers.tick(20_000);
  assert.deepEqual(said, []);

  change(["Me", "Ada", "Lin"]);
  context.mock.timers.tick(2_000);
  change(["Me", "Lin"]);
  for (let second = 0; second < 20; second++) context.mock.timers.tick(1_000);
  assert.deepEqual(said, ["Lin joined. 3 people here.", "Ada left."]);
});
