/**
 * Paints what others have selected, in a layer under the text: the selected part of each row.
 */
import { layer } from "@codemirror/view";
import { caretsChanged, layerOrigin, presentCarets, rowAt } from "./carets.js";

/**
 * A selection over more lines than this in view is one block between its first and its last line:
 * fifty people who select everything must cost little.
 */
const LINES_EACH_MAX = 12;

/** Of a selected line break, in pixels; or an empty line would show nothing. */
const BREAK_WIDTH = 6;

/** @typedef {import("@codemirror/view").EditorView} EditorView */
/** @typedef {import("@codemirror/view").LayerMarker} LayerMarker */
/** @typedef {import("./flags.js").Box} Box */

export const tintLayer = layer({
  above: false,
  class: "cm-tints",
  update: caretsChanged,
  markers: tintMarkers,
});

/** @param {EditorView} view @returns {TintMarker[]} */
function tintMarkers(view) {
  const { x, y } = layerOrigin(view);
  /** @type {TintMarker[]} */
  const markers = [];
  for (const { color, selections } of presentCarets(view)) {
    for (const [anchor, head] of selections) {
      if (anchor === head) continue;
      for (const row of selectedRows(view, Math.min(anchor, head), Math.max(anchor, head))) {
        const margin = row.block ? 0 : (row.bottom - row.top) * 0.11;
        markers.push(
          new TintMarker({
            color,
            left: row.left - x,
            top: row.top - y - margin,
            width: row.right - row.left,
            height: row.bottom - row.top + 2 * margin,
          }),
        );
      }
    }
  }
  return markers;
}

/** @typedef {Box & { block?: boolean }} Row */

/**
 * The selected part of each row on screen.
 * @param {EditorView} view
 * @param {number} from
 * @param {number} to
 */
function selectedRows(view, from, to) {
  const { doc } = view.state;
  const start = Math.max(from, view.viewport.from);
  const end = Math.min(to, view.viewport.to);
  if (start > end) return [];
  const [first, last] = [doc.lineAt(start), doc.lineAt(end)];
  if (last.number - first.number <= LINES_EACH_MAX) return rowsOfLines(view, start, end, to);
  return [
    ...rowsOfLines(view, start, first.to, to),
    blockBetween(view, first.to + 1, last.from - 1),
    ...rowsOfLines(view, last.from, end, to),
  ];
}

/**
 * @param {EditorView} view @param {number} start @param {number} end
 * @param {number} to  the end of the whole selection
 */
function rowsOfLines(view, start, end, to) {
  /** @type {Row[]} */
  const rows = [];
  for (let position = start; position <= end;) {
    const line = view.state.doc.lineAt(position);
    const lineRows = textRows(view, position, Math.min(end, line.to));
    if (to > line.to && lineRows.length > 0) lineRows[lineRows.length - 1].right += BREAK_WIDTH;
    rows.push(...lineRows);
    position = line.to + 1;
  }
  return rows;
}

/** All lines from one position to another, as wide as the text. @param {EditorView} view @param {number} from @param {number} to */
function blockBetween(view, from, to) {
  const { left, right } = view.contentDOM.getBoundingClientRect();
  const [top, bottom] = [view.lineBlockAt(from).top, view.lineBlockAt(to).bottom];
  const { documentTop } = view;
  return { left, right, top: documentTop + top, bottom: documentTop + bottom, block: true };
}

/** @param {EditorView} view @param {number} from @param {number} to within one line */
function textRows(view, from, to) {
  /** @type {Row[]} */
  const rows = [];
  if (from === to) {
    const row = rowAt(view, from);
    return row ? [{ left: row.left, right: row.left, top: row.top, bottom: row.bottom }] : [];
  }
  const [start, end] = [view.domAtPos(from, 1), view.domAtPos(to, -1)];
  const range = document.createRange();
  range.setStart(start.node, start.offset);
  range.setEnd(end.node, end.offset);
  for (const { left, right, top, bottom, width } of range.getClientRects()) {
    if (width === 0) continue;
    const last = rows[rows.length - 1];
    const middle = (top + bottom) / 2;
    if (last && middle > last.top && middle < last.bottom) {
      last.left = Math.min(last.left, left);
      last.right = Math.max(last.right, right);
      last.top = Math.min(last.top, top);
      last.bottom = Math.max(last.bottom, bottom);
    } else {
      rows.push({ left, right, top, bottom });
    }
  }
  return rows;
}

/**
 * @typedef {{ color: number, left: number, top: number, width: number, height: number }} Tint
 */

/** @implements {LayerMarker} */
class TintMarker {
  /** @param {Tint} tint */
  constructor(tint) {
    this.tint = tint;
  }

  /** @param {LayerMarker} other @returns {boolean} */
  eq(other) {
    if (!(other instanceof TintMarker)) return false;
    const { color, left, top, width, height } = other.tint;
    const { tint } = this;
    return (
      tint.color === color &&
      tint.left === left &&
      tint.top === top &&
      tint.width === width &&
      tint.height === height
    );
  }

  draw() {
    const dom = document.createElement("div");
    this.paint(dom);
    return dom;
  }

  /** @param {HTMLElement} dom */
  update(dom) {
    this.paint(dom);
    return true;
  }

  /** @param {HTMLElement} dom */
  paint(dom) {
    const { color, left, top, width, height } = this.tint;
    dom.className = `tint person-${color}`;
    dom.style.left = `${left}px`;
    dom.style.top = `${top}px`;
    dom.style.width = `${width}px`;
    dom.style.height = `${height}px`;
  }
}
