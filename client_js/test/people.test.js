import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseForChip } from "../chip.js";
import {
  chainFrom,
  followersOf,
  leaderFor,
  mustGiveUp,
  scrollGoal,
} from "../follow_rules.js";
import { avatarPlan, PeopleOrder } from "../people_order.js";
import { placeText } from "../places.js";

/** @param {number} count */
const crowd = (count) =>
  Array.from({ length: count }, (_, i) => ({ session: `s${i}`, me: i === 0 }));

test("up to five avatars; from six on, four and the rest as a number", () => {
  const plan = (/** @type {number} */ count, /** @type {number} */ width) => {
    const { shown, more } = avatarPlan(crowd(count), width);
    return [shown.map(({ session }) => session).join(" "), more];
  };
  assert.deepEqual(plan(5, 1440), ["s0 s1 s2 s3 s4", 0]);
  assert.deepEqual(plan(6, 1440), ["s0 s1 s2 s3", 2]);
  assert.deepEqual(plan(50, 1440), ["s0 s1 s2 s3", 46]);
  assert.deepEqual(plan(5, 800), ["s0 s1", 3]);
  assert.deepEqual(plan(5, 390), ["s1 s2", 3]);
  assert.deepEqual(plan(2, 390), ["s0 s1", 0]);
  assert.deepEqual(plan(1, 390), ["s0", 0]);
});

test("you first, then by latest activity; while the list is read nobody moves", () => {
  const order = new PeopleOrder();
  const people = [
    { session: "ada", me: false },
    { session: "me", me: true },
    { session: "lin", me: false },
  ];
  const sorted = (/** @type {[string, number][]} */ active, frozen = false, now = 0, all = people) =>
    order
      .sort(all, { activeAt: new Map(active), frozen, now })
      .map(({ session }) => session)
      .join(" ");
  // Pinned from the beginning, the list is never closed.
  const pinned = new PeopleOrder().sort(people, { activeAt: new Map(), frozen: true, now: 0 });
  assert.equal(pinned[0].session, "me");
  assert.equal(sorted([["lin", 5]]), "me lin ada");
  assert.equal(sorted([["ada", 9], ["lin", 5]], false, 1_000), "me lin ada");
  assert.equal(sorted([["ada", 9], ["lin", 5]], true, 20_000), "me lin ada");
  const more = [{ session: "noor", me: false }, ...people];
  assert.equal(sorted([["noor", 99]], true, 20_000, more), "me lin ada noor");
  assert.equal(sorted([["ada", 9], ["lin", 5]], false, 20_000), "me ada lin");
  assert.equal(sorted([["noor", 99], ["ada", 9]], false, 20_001, more), "me noor ada lin");
});

test("places in words", () => {
  const person = { role: "write", history: null };
  /** @type {import("../places.js").Place} */
  const place = { line: 61, selected: 0, outside: null, typing: false, idleMs: 0 };
  assert.equal(placeText(person, place), "Line 61");
  assert.equal(placeText(person, { ...place, outside: "below" }), "Line 61, below your view");
  assert.equal(placeText(person, { ...place, typing: true }), "Typing at line 61");
  assert.equal(placeText(person, { ...place, selected: 18 }), "Selected 18 characters at line 61");
  assert.equal(placeText(person, { ...place, selected: 1 }), "Selected 1 character at line 61");
  assert.equal(placeText(person, { ...place, idleMs: 400_000 }), "Idle for 6 min");
  assert.equal(placeText(person, undefined), "Reading along");
  assert.equal(placeText({ ...person, role: "read" }, undefined), "View only");
  assert.equal(placeText({ ...person, history: 842 }, place), "Looking at history");
});

/** @param {...[string, string | null]} pairs */
const people = (...pairs) => pairs.map(([session, following]) => ({ session, following }));

test("following a follower follows the followed, and never in a circle", () => {
  const some = people(["me", null], ["lin", "ada"], ["ada", "noor"], ["noor", null], ["sam", "me"]);
  assert.equal(leaderFor(some, "me", "lin"), "noor");
  assert.equal(leaderFor(some, "me", "sam"), null);
  assert.deepEqual(chainFrom(people(["a", "b"], ["b", "a"]), "a"), ["a", "b"]);
  assert.deepEqual(chainFrom(people(["a", "gone"]), "a"), ["a"]);
  assert.deepEqual([...followersOf(some, "noor")].sort(), ["ada", "lin"]);
});

test("of two who follow each other at once exactly one gives up", () => {
  const both = people(["a", "b"], ["b", "a"]);
  assert.deepEqual([mustGiveUp(both, "a", "b"), mustGiveUp(both, "b", "a")], [false, true]);
  const three = people(["a", "b"], ["b", "c"], ["c", "a"]);
  assert.deepEqual(
    [mustGiveUp(three, "a", "b"), mustGiveUp(three, "b", "c"), mustGiveUp(three, "c", "a")],
    [false, false, true],
  );
});

test("the view moves only when the caret has left its middle third, and not past the ends", () => {
  const view = { scrolled: 1_000, height: 900, most: 5_000 };
  assert.equal(scrollGoal({ ...view, caret: 1_301 }), null);
  assert.equal(scrollGoal({ ...view, caret: 1_599 }), null);
  assert.equal(scrollGoal({ ...view, caret: 1_601 }), 1_151);
  assert.equal(scrollGoal({ ...view, caret: 1_200 }), 750);
  assert.equal(scrollGoal({ ...view, caret: 20 }), 0);
  assert.equal(scrollGoal({ ...view, scrolled: 0, caret: 20 }), null);
  assert.equal(scrollGoal({ ...view, caret: 9_000 }), 5_000);
});

test("the chip keeps to one person as long as they are worth it", () => {
  const ada = { session: "ada", activeAt: 1_000 };
  const lin = { session: "lin", activeAt: 2_000 };
  assert.equal(chooseForChip([ada, lin], null), lin);
  assert.equal(chooseForChip([ada, lin], "ada"), ada);
  assert.equal(chooseForChip([lin], "ada"), lin);
  assert.equal(chooseForChip([], "ada"), null);
});
