/**
 * Markdown by key and by button: bold, italic, headings, lists, tasks, links. Each is an ordinary
 * edit.
 */
import { redo, undo } from "@codemirror/commands";
import { EditorSelection } from "@codemirror/state";
import { keymap } from "@codemirror/view";

/**
 * @typedef {import("@codemirror/state").EditorState} EditorState
 * @typedef {import("@codemirror/state").StateCommand} StateCommand
 */

/** The line with what stands before its text: indentation, heading marks, bullet, task box. */
const LINE_START = /^(\s*)(#{1,6}[ \t]+|[-+*][ \t]+\[[ xX]\][ \t]|[-+*][ \t]+)?/;

/** A task of a list, bulleted or numbered, in quotes or not, up to the end of its box. */
const TASK_START = /^[ \t>]*(?:[-+*]|\d{1,9}[.)])[ \t]+\[([ xX])\]/;

/**
 * Puts the mark around the selection, or takes it away.
 * @param {string} mark
 * @returns {StateCommand}
 */
export function toggleMark(mark) {
  return ({ state, dispatch }) => {
    if (state.readOnly) return false;
    const size = mark.length;
    const spec = state.changeByRange((selected) => {
      const inner = isMarked(state.sliceDoc(selected.from, selected.to), size) ? size : 0;
      const from = selected.from + inner;
      const to = selected.to - inner;
      const around =
        state.sliceDoc(Math.max(0, from - size), from) === mark &&
        state.sliceDoc(to, to + size) === mark;
      // One star of a pair of stars is not an italic mark.
      const partOfLonger =
        size === 1 &&
        state.sliceDoc(from - 2, from - 1) === mark &&
        state.sliceDoc(from - 3, from - 2) !== mark;
      if (around && !partOfLonger) {
        const changes = [
          { from: from - size, to: from },
          { from: to, to: to + size },
        ];
        return { changes, range: EditorSelection.range(from - size, to - size) };
      }
      const changes = [
        { from, insert: mark },
        { from: to, insert: mark },
      ];
      return { changes, range: EditorSelection.range(from + size, to + size) };
    });
    dispatch(state.update(spec, { userEvent: "input.format", scrollIntoView: true }));
    return true;
  };
}

/**
 * Starts the selected lines with the prefix, in place of another one; takes it away if all have it.
 * @param {string} prefix
 * @returns {StateCommand}
 */
export function toggleLineStart(prefix) {
  return ({ state, dispatch }) => {
    if (state.readOnly) return false;
    const lines = selectedLines(state);
    const remove = lines.every(({ text }) => startOf(text).mark === prefix);
    const changes = lines.map(({ from, text }) => {
      const { indent, mark } = startOf(text);
      const start = from + indent.length;
      return { from: start, to: start + mark.length, insert: remove ? "" : prefix };
    });
    dispatch(state.update({ changes, userEvent: "input.format", scrollIntoView: true }));
    return true;
  };
}

/** Ticks and unticks the tasks of the selected lines. @type {StateCommand} */
export const toggleTask = ({ state, dispatch }) => {
  if (state.readOnly) return false;
  const changes = [];
  for (const { from, text } of selectedLines(state)) {
    const box = TASK_START.exec(text);
    if (!box) continue;
    const at = from + box[0].length - 2;
    changes.push({ from: at, to: at + 1, insert: box[1] === " " ? "x" : " " });
  }
  if (changes.length === 0) return false;
  dispatch(state.update({ changes, userEvent: "input.format" }));
  return true;
};

/** Makes the selection the words of a link and waits for its address. @type {StateCommand} */
export const insertLink = ({ state, dispatch }) => {
  if (state.readOnly) return false;
  const spec = state.changeByRange(({ from, to }) => ({
    changes: [
      { from, insert: "[" },
      { from: to, insert: "]()" },
    ],
    // Without words the caret waits for these first.
    range: EditorSelection.cursor(from === to ? from + 1 : to + 3),
  }));
  dispatch(state.update(spec, { userEvent: "input.format", scrollIntoView: true }));
  return true;
};

export const formattingKeys = keymap.of([
  { key: "Mod-b", run: toggleMark("**"), preventDefault: true },
  { key: "Mod-i", run: toggleMark("*"), preventDefault: true },
  { key: "Mod-Enter", run: toggleTask },
]);

/** By the names that the buttons of the page carry. @type {Record<string, StateCommand>} */
export const formattingCommands = {
  undo,
  redo,
  heading: toggleLineStart("## "),
  bold: toggleMark("**"),
  list: toggleLineStart("- "),
  task: toggleLineStart("- [ ] "),
  link: insertLink,
};

/**
 * Whether a selection holds its own marks, of so many stars: of three, one is italic and two bold.
 * @param {string} text @param {number} size
 */
function isMarked(text, size) {
  const [, before, after] = /^(\*{0,3})[^*](?:.*[^*])?(\*{0,3})$/s.exec(text) ?? ["", "", ""];
  return [before, after].every(({ length }) => length === size || length === 3);
}

/** @param {string} text */
function startOf(text) {
  const [, indent = "", mark = ""] = LINE_START.exec(text) ?? [];
  return { indent, mark };
}

/** @param {EditorState} state */
function selectedLines(state) {
  /** @type {Map<number, import("@codemirror/state").Line>} */
  const lines = new Map();
  for (const { from, to } of state.selection.ranges) {
    for (let position = from; position <= to;) {
      const line = state.doc.lineAt(position);
      lines.set(line.from, line);
      position = line.to + 1;
    }
  }
  return [...lines.values()];
}
