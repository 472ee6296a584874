import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { nearestPad } from "../nearest_pad.js";
import {
  changedText,
  clearRecent,
  excerptOf,
  forgetPad,
  recentPads,
  rememberPad,
} from "../recent.js";
import { writeStored } from "../stored.js";

/** @param {string} id */
const pad = (id) => ({ id, title: id, excerpt: "", revision: 1, changedAt: 0 });

beforeEach(() => clearRecent());

test("the pad opened last comes first, and only once", () => {
  for (const id of ["a", "b", "a"]) rememberPad(pad(id));
  assert.deepEqual(
    recentPads().map(({ id }) => id),
    ["a", "b"],
  );
  forgetPad("a");
  assert.deepEqual(
    recentPads().map(({ id }) => id),
    ["b"],
  );
});

test("the list stays short", () => {
  for (let index = 0; index < 40; index++) rememberPad(pad(`pad-${index}`));
  assert.equal(recentPads().length, 30);
  assert.equal(recentPads()[0].id, "pad-39");
});

test("what does not look like a pad is left out", () => {
  writeStored(
    "deltapad.recent",
    JSON.stringify([pad("good"), { ...pad("x"), id: "javascript:alert(1)" }, null, 7]),
  );
  assert.deepEqual(
    recentPads().map(({ id }) => id),
    ["good"],
  );
  writeStored("deltapad.recent", "{not json");
  assert.deepEqual(recentPads(), []);
});

test("the excerpt is the first line that says more than the title", () => {
  assert.equal(excerptOf("# Autumn release\n\n- [ ] **We** ship\n", "Autumn release"), "We ship");
  assert.equal(excerptOf("", "x"), "");
  assert.equal(excerptOf("😀".repeat(500), "x"), "😀".repeat(120));
});

test("times are told as people tell them", () => {
  const now = new Date(2026, 9, 9, 15, 0).getTime();
  const minute = 60_000;
  assert.equal(changedText(now - 20_000, now), "Changed just now");
  assert.equal(changedText(now + 5_000, now), "Changed just now");
  assert.equal(changedText(now - 59 * minute, now), "Changed 59 min ago");
  assert.equal(changedText(now - 120 * minute, now), "Changed 2 h ago");
  assert.equal(changedText(now - 24 * 60 * minute, now), "Changed yesterday");
  assert.equal(changedText(new Date(2026, 9, 3).getTime(), now, "en-GB"), "Changed 3 Oct");
  assert.equal(changedText(new Date(2025, 9, 3).getTime(), now, "en-GB"), "Changed 3 Oct 2025");
});

test("a misspelt id finds its pad, with or without the random suffix", () => {
  const pads = [pad("other"), pad("autumn-release-k7Qm2x9A")];
  assert.equal(nearestPad("autumn-relaese", pads)?.id, "autumn-release-k7Qm2x9A");
  assert.equal(nearestPad("autumn-release-k7Qm2y9A", pads)?.id, "autumn-release-k7Qm2x9A");
  assert.equal(nearestPad("something-else", pads), null);
  assert.equal(nearestPad("ab", [pad("xy")]), null);
});
