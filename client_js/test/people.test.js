import assert from "node:assert/strict";
import { test } from "node:test";
import { avatarPlan, placeText } from "../people.js";

test("up to five avatars; from six on, four and the rest as a number", () => {
  assert.deepEqual(avatarPlan(5, 5), { shown: 5, more: 0 });
  assert.deepEqual(avatarPlan(6, 5), { shown: 4, more: 2 });
  assert.deepEqual(avatarPlan(50, 5), { shown: 4, more: 46 });
});

test("places in words", () => {
  /** @type {import("../editor.js").Place} */
  const place = { line: 61, selected: 0, outside: null, typing: false, idleMs: 0 };
  assert.equal(placeText(place), "Line 61");
  assert.equal(placeText({ ...place, outside: "below" }), "Line 61, below your view");
  assert.equal(placeText({ ...place, typing: true }), "Typing at line 61");
  assert.equal(placeText({ ...place, selected: 18 }), "Selected 18 characters at line 61");
  assert.equal(placeText({ ...place, selected: 1 }), "Selected 1 character at line 61");
  assert.equal(placeText({ ...place, typing: true, idleMs: 400_000 }), "Idle for 6 min");
});
