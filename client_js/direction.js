/**
 * The direction of each line by itself, as its first letter has it: a Hebrew or Arabic line goes
 * from right to left, its caret and its arrow keys with it.
 */
import { RangeSetBuilder } from "@codemirror/state";
import { Decoration, EditorView, ViewPlugin } from "@codemirror/view";

const RTL = /[\p{Script=Hebr}\p{Script=Arab}\p{Script=Syrc}\p{Script=Thaa}\p{Script=Nkoo}]/u;

const rightToLeft = Decoration.line({ attributes: { dir: "rtl" } });

/** A first letter that far on does not turn a line; very long ones are not read to their end. */
const LOOK_AT = 1_000;

/** @param {string} line @returns {boolean} */
export function isRightToLeft(line) {
  const letter = /\p{L}/u.exec(line.slice(0, LOOK_AT));
  return letter !== null && RTL.test(letter[0]);
}

/** @returns {import("@codemirror/state").Extension} */
export function lineDirections() {
  return [EditorView.perLineTextDirection.of(true), plugin];
}

const plugin = ViewPlugin.fromClass(
  class {
    /** @param {EditorView} view */
    constructor(view) {
      this.decorations = directions(view);
    }

    /** @param {import("@codemirror/view").ViewUpdate} update */
    update({ docChanged, viewportChanged, view }) {
      if (docChanged || viewportChanged) this.decorations = directions(view);
    }
  },
  { decorations: (plugin) => plugin.decorations },
);

/** @param {EditorView} view */
function directions({ state: { doc }, visibleRanges }) {
  const builder = new RangeSetBuilder();
  for (const { from, to } of visibleRanges) {
    for (let position = from; position <= to;) {
      const line = doc.lineAt(position);
      if (isRightToLeft(line.text)) builder.add(line.from, line.from, rightToLeft);
      position = line.to + 1;
    }
  }
  return /** @type {import("@codemirror/view").DecorationSet} */ (builder.finish());
}
