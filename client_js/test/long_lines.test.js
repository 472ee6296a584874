import assert from "node:assert/strict";
import { test } from "node:test";
import { EditorSelection, EditorState, Text } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { LONG, WINDOW, longLines, windowsOf } from "../long_lines.js";

const long = "word and ".repeat(100_000);

/** @param {string[]} lines @param {number} sought */
const chosen = (lines, sought = -1) => windowsOf(Text.of(lines), [], sought);

test("lines of an ordinary length have no window", () => {
  assert.deepEqual(chosen(Array(10_000).fill("an ordinary line")), []);
  assert.deepEqual(chosen(["x".repeat(LONG)]), []);
});

test("a long line among others shows its beginning", () => {
  const lines = [...Array(1_000).fill("short"), long, "short", long];
  const windows = chosen(lines);
  assert.deepEqual(
    windows.map(({ start, end }) => [start, end]),
    [
      [6_000, 6_000 + long.length],
      [6_000 + long.length + 7, 6_000 + 2 * long.length + 7],
    ],
  );
  for (const { start, from, to } of windows)
    assert.ok(from === start && to - from <= WINDOW && to - from > WINDOW / 4);
});

test("a place that is sought has text on both sides, and the ends of the line are reached", () => {
  for (let sought = 0; sought <= long.length; sought += 4_321) {
    const [{ start, end, from, to }] = chosen([long], sought);
    assert.ok(to - from <= WINDOW + 2_000 && from >= start && to <= end);
    assert.ok(from === start || sought - from > WINDOW / 4, `${sought} in ${from} to ${to}`);
    assert.ok(to === end || to - sought > WINDOW / 4, `${sought} in ${from} to ${to}`);
  }
  assert.equal(chosen([long], long.length)[0].to, long.length);
});

test("what is drawn stays while the place that is sought is within", () => {
  const doc = Text.of([long]);
  const windows = windowsOf(doc, [], 500_000);
  assert.deepEqual(windowsOf(doc, windows, 500_100), windows);
  assert.deepEqual(windowsOf(doc, windows, -1), windows);
  assert.notDeepEqual(windowsOf(doc, windows, windows[0].to), windows);
});

test("no letter is cut in two", () => {
  const parts = ["👩‍👩‍👧", "e\u0301\u0302", "😀", "कि", "x"];
  for (const part of parts) {
    const line = part.repeat(Math.ceil(100_000 / part.length));
    for (let sought = 20_000; sought < 20_000 + 2 * part.length; sought += 1) {
      const [{ from, to }] = chosen([line], sought);
      assert.ok(from % part.length === 0 && to % part.length === 0, `${part}: ${from} to ${to}`);
    }
  }
});

/** @param {string} doc */
const stateOf = (doc) => EditorState.create({ doc, extensions: [longLines] });

/** @param {EditorState} state */
const windowOf = (state) => state.field(longLines)[0];

test("the window goes with the caret and with jumps, and stays when all is selected", () => {
  const state = stateOf(long);
  assert.equal(windowOf(state).from, 0);
  const end = state.update({ selection: { anchor: long.length }, scrollIntoView: true }).state;
  assert.equal(windowOf(end).to, long.length);
  const jump = end.update({ effects: EditorView.scrollIntoView(400_000) }).state;
  const { from, to } = windowOf(jump);
  assert.ok(from < 400_000 && 400_000 < to);
  const all = jump.update({ selection: EditorSelection.range(0, long.length) }).state;
  assert.deepEqual(windowOf(all), windowOf(jump));
  const found = jump.update({ selection: EditorSelection.range(700_000, 700_004) }).state;
  assert.ok(windowOf(found).from < 700_000 && windowOf(found).to > 700_004);
});

test("the window stays at its words when others write before it", () => {
  const state = stateOf(long).update({ selection: { anchor: 500_000 } }).state;
  const before = windowOf(state);
  const after = windowOf(state.update({ changes: { from: 10, insert: "new ".repeat(100) } }).state);
  assert.deepEqual([after.from, after.to], [before.from + 400, before.to + 400]);
});

test("what is written at the end of the window is drawn, and never more than a long line", () => {
  let state = stateOf("");
  for (let step = 0; step < 60; step += 1) {
    const at = state.doc.length;
    const insert = "typing on ".repeat(100);
    const selection = { anchor: at + insert.length };
    state = state.update({ changes: { from: at, insert }, selection, scrollIntoView: true }).state;
    const window = state.field(longLines)[0];
    if (step < 20) assert.equal(window, undefined);
    else assert.ok(window.to === state.doc.length && window.to - window.from <= LONG);
  }
});

test("lines that are cut short, split or joined keep a window that is theirs", () => {
  let state = stateOf(`${long}\n${long}`);
  const { length } = long;
  state = state.update({ changes: { from: length, to: length + 1 } }).state;
  assert.equal(state.field(longLines).length, 1);
  state = state.update({ changes: { from: 400_000, insert: "\n" } }).state;
  for (const { start, end, from, to } of state.field(longLines))
    assert.ok(start <= from && to <= end && to - from >= 1_000 && to - from <= LONG);
  assert.equal(state.field(longLines).length, 2);
  state = state.update({ changes: { from: 10, to: state.doc.length } }).state;
  assert.deepEqual(state.field(longLines), []);
});
