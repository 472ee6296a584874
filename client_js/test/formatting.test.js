import assert from "node:assert/strict";
import { test } from "node:test";
import { EditorState } from "@codemirror/state";
import { insertLink, toggleLineStart, toggleMark, toggleTask } from "../formatting.js";

/**
 * Text with the selection between bars (or the caret at the one bar), before and after the command.
 * @param {string} marked @param {import("@codemirror/state").StateCommand} command
 */
function after(marked, command) {
  const anchor = marked.indexOf("|");
  const head = Math.max(anchor, marked.lastIndexOf("|") - 1);
  let state = EditorState.create({ doc: marked.replaceAll("|", ""), selection: { anchor, head } });
  command({ state, dispatch: (transaction) => (state = transaction.state) });
  const { from, to } = state.selection.main;
  const text = state.doc.toString();
  return from === to
    ? `${text.slice(0, from)}|${text.slice(from)}`
    : `${text.slice(0, from)}|${text.slice(from, to)}|${text.slice(to)}`;
}

test("marks go around the selection, and away again", () => {
  assert.equal(after("a |word| b", toggleMark("**")), "a **|word|** b");
  assert.equal(after("a **|word|** b", toggleMark("**")), "a |word| b");
  assert.equal(after("|", toggleMark("**")), "**|**");
  assert.equal(after("**|word|**", toggleMark("*")), "***|word|***");
  assert.equal(after("***|word|***", toggleMark("*")), "**|word|**");
});

test("marks that are selected with their words go away too", () => {
  assert.equal(after("a |**two words** b|", toggleMark("**")), "a **|**two words** b|**");
  assert.equal(after("a |**two words**| b", toggleMark("**")), "a |two words| b");
  assert.equal(after("|*word*|", toggleMark("*")), "|word|");
  assert.equal(after("|***word***|", toggleMark("*")), "|**word**|");
  assert.equal(after("|***word***|", toggleMark("**")), "|*word*|");
  assert.equal(after("|**w**|", toggleMark("*")), "*|**w**|*");
  assert.equal(after("|*word*|", toggleMark("**")), "**|*word*|**");
  assert.equal(after("|**|", toggleMark("*")), "*|**|*");
  assert.equal(after("|*first\nsecond*|", toggleMark("*")), "|first\nsecond|");
});

test("a line start is set, replaced and taken away", () => {
  assert.equal(after("tea|", toggleLineStart("- ")), "- tea|");
  assert.equal(after("- tea|", toggleLineStart("- [ ] ")), "- [ ] tea|");
  assert.equal(after("  - [x] tea|", toggleLineStart("- ")), "  - tea|");
  assert.equal(after("## tea|", toggleLineStart("## ")), "tea|");
  assert.equal(after("|a\nb|", toggleLineStart("- ")).replaceAll("|", ""), "- a\n- b");
});

test("tasks are ticked and unticked", () => {
  assert.equal(after("- [ ] tea|", toggleTask), "- [x] tea|");
  assert.equal(after("- [x] tea|", toggleTask), "- [ ] tea|");
  assert.equal(after("tea|", toggleTask), "tea|");
  // Whatever the preview has a box for.
  assert.equal(after("1. [ ] tea|", toggleTask), "1. [x] tea|");
  assert.equal(after("> - [X] tea|", toggleTask), "> - [ ] tea|");
  assert.equal(after("> > 12) [ ] tea|", toggleTask), "> > 12) [x] tea|");
  assert.equal(after("[ ] tea|", toggleTask), "[ ] tea|");
});

test("a link waits for its address, or first for its words", () => {
  assert.equal(after("see |here|", insertLink), "see [here](|)");
  assert.equal(after("see |", insertLink), "see [|]()");
});
