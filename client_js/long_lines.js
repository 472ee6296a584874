/**
 * Very long lines are drawn in part: a window around the caret, or around what is looked for, and
 * at its ends a button with how much more there is. A browser lays out a line as a whole, which
 * takes seconds for a megabyte without a line break.
 *
 * The text stays as it is. When the caret, a find or a jump goes into what is not drawn, the window
 * goes there.
 */
import { findClusterBreak, StateField } from "@codemirror/state";
import { Decoration, EditorView, WidgetType } from "@codemirror/view";
import { element } from "./dom.js";
import { t } from "./strings.js";
import { toCodePoints } from "./utf16.js";

/** Longer lines have a window, in UTF-16 units; prose and code written by hand have no such lines. */
export const LONG = 20_000;

/** What a window shows, half of it on each side of the caret: some 120 rows, and 0.1 s of emoji. */
export const WINDOW = 10_000;

/** So little is shown rather than called the rest. */
const REST_MIN = 1_000;

/**
 * So much of a line's beginning is always drawn: one sees which line it is; and CodeMirror
 * miscounts the width of a line that begins with what is not drawn.
 */
const HEAD = 100;

/** A cut is not within a letter of several parts that reaches no further than this. */
const LETTER_MAX = 100;

/** @typedef {import("@codemirror/state").Text} Text */
/** @typedef {import("@codemirror/state").Transaction} Transaction */

/**
 * @typedef {object} Window  in UTF-16 offsets
 * @property {number} start  of the line
 * @property {number} end
 * @property {number} head  to where its beginning is always drawn
 * @property {number} from  what is drawn of it besides
 * @property {number} to
 */

/**
 * The windows of all long lines.
 * @param {Text} doc
 * @param {Window[]} known  as they were, brought to this text
 * @param {number} sought  a place that has to be drawn, with some text on both sides; -1 if none
 * @returns {Window[]}
 */
export function windowsOf(doc, known, sought) {
  return linesIn(doc, 0).map(([start, end]) => {
    let { from, to } =
      known.find((old) => old.to > start && old.from < end) ?? { from: start, to: start };
    [from, to] = [Math.max(start, from), Math.min(end, to)];
    const within = sought >= start && sought <= end;
    const away = within && ((sought <= from && from > start) || (sought >= to && to < end));
    if (away || to - from > LONG || to - from < REST_MIN) {
      const middle = within ? sought : from;
      from = Math.max(start, Math.min(middle - WINDOW / 2, end - WINDOW));
      to = cut(doc, from + WINDOW, start, end);
      from = cut(doc, from, start, end);
    }
    return { start, end, head: betweenLetters(doc, start + HEAD), from, to };
  });
}

/**
 * Whole parts of the tree that a text is are passed over: this is done with every key.
 * @param {Text} node @param {number} start @returns {[number, number][]}
 */
function linesIn(node, start) {
  if (node.length <= LONG) return [];
  return [...(node.children ?? node.iterLines())].flatMap((part) => {
    const from = start;
    start += part.length + 1;
    if (typeof part !== "string") return linesIn(part, from);
    return part.length > LONG ? [[from, from + part.length]] : [];
  });
}

/**
 * A place near `position` that is between two letters; the end of the line, if that is near.
 * @param {Text} doc @param {number} position @param {number} start @param {number} end
 */
function cut(doc, position, start, end) {
  if (position < start + REST_MIN) return start;
  return position > end - REST_MIN ? end : betweenLetters(doc, position);
}

/** @param {Text} doc @param {number} position */
function betweenLetters(doc, position) {
  const from = Math.floor(position) - LETTER_MAX;
  const around = doc.sliceString(from, from + 2 * LETTER_MAX);
  return from + findClusterBreak(around, LETTER_MAX + 1, false);
}

/**
 * Where this leads to: to the caret, or to what is scrolled to; -1 if nowhere, as when everything
 * is selected.
 * @param {Transaction} transaction
 */
function soughtBy({ effects, newDoc, newSelection: { main }, scrollIntoView, selection }) {
  // The editor has a name for what scrolls, and keeps that to itself.
  const jump = effects.find(({ value }) => value?.isSnapshot === false);
  if (jump) return jump.value.range.head;
  const all = main.from === 0 && main.to === newDoc.length;
  return scrollIntoView || (selection && !all) ? main.head : -1;
}

/** @type {StateField<Window[]>} */
export const longLines = StateField.define({
  create: ({ doc, selection }) => windowsOf(doc, [], selection.main.head),
  update(windows, transaction) {
    const { changes, docChanged, newDoc } = transaction;
    const sought = soughtBy(transaction);
    if (!docChanged && (sought < 0 || windows.length === 0)) return windows;
    const known = windows.map((window) => ({
      ...window,
      from: changes.mapPos(window.from, -1),
      to: changes.mapPos(window.to, 1),
    }));
    return windowsOf(newDoc, known, sought);
  },
  provide: (field) =>
    EditorView.decorations.from(field, (windows) =>
      Decoration.set(
        windows.flatMap(({ start, end, head, from, to }) => [
          ...(from > start ? [rest(head, from, false)] : []),
          ...(end > to ? [rest(to, end, true)] : []),
        ]),
      ),
    ),
});

/** @param {import("@codemirror/state").EditorState} state @param {number} position */
export function isDrawn(state, position) {
  const line = state.field(longLines).find(({ end }) => position <= end);
  return !line || position < line.start || (position >= line.from && position <= line.to);
}

/** @param {number} from @param {number} to @param {boolean} forward */
function rest(from, to, forward) {
  return Decoration.replace({ widget: new Rest(from, to, forward) }).range(from, to);
}

/** A button in the place of what is not drawn, which goes on reading there. */
class Rest extends WidgetType {
  /** @param {number} from @param {number} to @param {boolean} forward */
  constructor(from, to, forward) {
    super();
    this.from = from;
    this.length = to - from;
    this.forward = forward;
  }

  /** @param {Rest} other */
  eq({ length, forward }) {
    return length === this.length && forward === this.forward;
  }

  /** @param {EditorView} view */
  toDOM(view) {
    const { doc } = view.state;
    const { from, length, forward } = this;
    const words = t("editor.more", {
      count: toCodePoints(doc, from + length) - toCodePoints(doc, from),
    });
    const button = element("button", "rest", forward ? `… ${words}` : `${words} …`);
    // The focus stays where it is, and the keyboard of a phone with it.
    button.addEventListener("mousedown", (event) => event.preventDefault());
    button.addEventListener("click", () => {
      const anchor = view.posAtDOM(button) + (forward ? 0 : length);
      view.dispatch({ selection: { anchor }, scrollIntoView: true });
    });
    return button;
  }
}
