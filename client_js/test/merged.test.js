/**
 * Where edits met that were made without knowledge of each other.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fold } from "../attribution.js";
import { Meetings, meetingPlace, touched } from "../merged.js";
import { apply, transform } from "../operation.js";

/** @typedef {import("../operation.js").Operation} Operation */

/**
 * What is marked when my edit waits while theirs arrives; both are made on `text`.
 * @param {string} text @param {Operation} mine @param {Operation} theirs
 */
function marked(text, mine, theirs) {
  const [crossed, pending] = transform(theirs, mine);
  const screen = apply(apply(text, mine), crossed);
  const meetings = new Meetings().receive([["ada", 1, theirs]], "me", [pending], 0);
  return placesIn(screen, meetings);
}

/** @param {string} screen @param {import("../merged.js").Meeting[]} meetings */
function placesIn(screen, meetings) {
  const places = meetings.flatMap(({ own, other }) => {
    const place = meetingPlace(own, other, (from, to) => screen.slice(from, to));
    return place ? [screen.slice(place.from, place.to)] : [];
  });
  return [...new Set(places)];
}

test("what entries touch: inserts, the points of deletes, joined where they are of one author", () => {
  /** @type {[string, number, Operation][]} */
  const entries = [
    ["ada", 1, [2, "ab", -3, 1, -1, 4, "😀"]],
    ["lin", 1, [10, "x"]],
  ];
  assert.deepEqual(touched(fold(entries)), [
    { from: 2, to: 4, session: "ada" },
    { from: 5, to: 5, session: "ada" },
    { from: 9, to: 10, session: "ada" },
    { from: 10, to: 11, session: "lin" },
  ]);
  assert.deepEqual(touched([]), []);
});

test("both type at one place", () => {
  assert.deepEqual(marked("a  b", [2, "mine"], [2, "theirs"]), ["theirsmine"]);
});

test("both change one word, at its two ends", () => {
  assert.deepEqual(marked("the collaboration tool", [4, "pre"], [17, "s"]), ["precollaborations"]);
});

test("one replaces the word into which the other types", () => {
  assert.deepEqual(marked("a slow phone", [2, -4, "fast"], [4, "oo"]), ["oofast"]);
});

test("one deletes the sentence into which the other types", () => {
  assert.deepEqual(marked("Stay. We ship on Thursday. Go.", [8, " all"], [6, -20]), ["all"]);
});

test("words beside each other: a space or a comma and a space are no distance", () => {
  assert.deepEqual(marked("one, two", [3, "x"], [5, "y"]), ["onex, ytwo"]);
});

test("different words of one line, different lines: nothing is marked", () => {
  assert.deepEqual(marked("one two three", [3, "x"], [8, "y"]), []);
  assert.deepEqual(marked("one\ntwo", [3, "x"], [4, "y"]), []);
  assert.deepEqual(marked("one. two three", ["New "], [8, "x"]), []);
});

test("a line ended above a word does not touch it, but one ended inside it does", () => {
  assert.deepEqual(marked("one\ntwo", [4, "x"], [3, "\n"]), []);
  assert.deepEqual(marked("one\ntwo", [4, "x"], [4, "\n"]), []);
  assert.deepEqual(marked("tomorrow", [8, "!"], [2, "\n"]), []);
  assert.deepEqual(marked("tomorrow", [1, "x"], [4, "\n"]), ["txomo"]);
});

test("a word typed before another word does not touch that one", () => {
  assert.deepEqual(marked("start end", ["BEFORE "], [9, " AFTER"]), []);
});

test("nothing is left to mark where both deleted everything", () => {
  assert.deepEqual(marked("ab\n", [-1], [1, -1]), []);
});

test("Japanese has words without spaces", () => {
  const text = "私は本を読みます";
  assert.deepEqual(marked(text, [3, "棚"], [3, "屋"]), ["本屋棚"]);
  assert.deepEqual(marked(text, [1, "も"], [8, "。"]), []);
});

test("an acknowledged edit counts until they can have seen it", () => {
  for (const [wait, found] of /** @type {[number, string[]][]} */ ([
    [900, ["minetheirs"]],
    [1_000, []],
  ])) {
    const meetings = new Meetings();
    meetings.receive([["me", 1, ["mine"]]], "me", [], 0);
    const met = meetings.receive([["ada", 1, [4, "theirs"]]], "me", [], wait);
    assert.deepEqual(placesIn("minetheirs", met), found);
  }
});

test("mine after theirs within one frame was made without theirs", () => {
  /** @type {[string, number, Operation][]} */
  const entries = [
    ["ada", 1, ["theirs"]],
    ["lin", 1, [6, "\nfar away"]],
    ["me", 1, [6, "mine"]],
  ];
  const met = new Meetings().receive(entries, "me", [], 0);
  assert.deepEqual(placesIn("theirsmine\nfar away", met), ["theirsmine"]);
  assert.equal(met[0].session, "ada");
});

test("what I type into what I have seen meets nothing", () => {
  const meetings = new Meetings();
  meetings.receive([["ada", 1, ["theirs"]]], "me", [], 0);
  assert.deepEqual(meetings.receive([["me", 1, [6, "mine"]]], "me", [], 10), []);
});

test("ranges move with what comes after them in the frame, and with what waits", () => {
  /** @type {[string, number, Operation][]} */
  const entries = [
    ["ada", 1, [4, "X"]],
    ["lin", 1, ["before\n"]],
  ];
  const met = new Meetings().receive(entries, "me", [[7, "(", 3, "Y"]], 0);
  assert.deepEqual(placesIn("before\n(oneYoX", met), ["oneYoX"]);
});

test("the frame of somebody who is far behind does not tell who", () => {
  const met = new Meetings().receive([[null, 0, ["theirs"]]], "me", [[6, "mine"]], 0);
  assert.equal(met[0].session, null);
});
