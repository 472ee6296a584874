import assert from "node:assert/strict";
import { test } from "node:test";
import { cleanName, guestName, initial, isSecondOfTheName, loadProfile, shorten } from "../profile.js";

test("a name is trimmed, single-spaced and free of control and direction marks", () => {
  assert.equal(cleanName("  Ada \u0000 Love\u202elace\n"), "Ada Love lace");
  assert.equal(cleanName("Ada\ud800"), "Ada");
});

test("markup in a name stays what it is: text", () => {
  assert.equal(cleanName("<img src=x onerror=alert(1)>"), "<img src=x onerror=alert(1)>");
});

test("a name without a letter or digit is refused", () => {
  for (const raw of ["", "   ", "\u202e", "!!!", "😀"]) assert.equal(cleanName(raw), null);
  assert.equal(cleanName("😀 7"), "😀 7");
  assert.equal(cleanName("علي"), "علي");
});

test("a name is cut at 40 code points, never inside a pair", () => {
  const name = cleanName("a" + "😀".repeat(60));
  assert.equal([...(name ?? "")].length, 40);
  assert.ok(name?.isWellFormed());
});

test("guests get four digits", () => {
  assert.equal(guestName(0), "Guest 1000");
  assert.equal(guestName(0.999999), "Guest 9999");
});

test("the initial is the first letter as a person sees it", () => {
  assert.equal(initial("ada"), "A");
  assert.equal(initial("👩‍👩‍👧 family"), "👩‍👩‍👧");
  assert.equal(initial(" élan"), "É");
});

test("a long name is cut with an ellipsis", () => {
  assert.equal(shorten("Noor, proofreading for the Lisbon office", 24), "Noor, proofreading for…");
  assert.equal(shorten("Ada", 24), "Ada");
});

test("without storage the profile lasts as long as the page", () => {
  const first = loadProfile();
  const second = loadProfile();
  assert.match(first.personKey, /^[A-Za-z0-9_-]{22}$/);
  assert.match(first.name, /^Guest \d{4}$/);
  assert.equal(first.color, 0);
  assert.deepEqual(second, first);
});

test("of two guests with one name the later session draws another", () => {
  const other = { me: false, name: "Guest 4821", person: "p1", session: "a" };
  const own = { me: true, name: "Guest 4821", person: "p2", session: "b" };
  assert.equal(isSecondOfTheName([own, other]), true);
  assert.equal(isSecondOfTheName([{ ...own, session: "A" }, other]), false);
  assert.equal(isSecondOfTheName([{ ...own, person: "p1" }, other]), false, "two tabs of one person");
  assert.equal(isSecondOfTheName([{ ...own, name: "Ada" }, { ...other, name: "Ada" }]), false);
  assert.equal(isSecondOfTheName([other]), false);
});
