/**
 * Other people's carets and selections, painted in layers over and under the text: they never
 * change its layout.
 *
 * The rules of flags and activity are in `flags.js`.
 */
import { StateEffect, StateField } from "@codemirror/state";
import { Direction, EditorView, layer, ViewPlugin } from "@codemirror/view";
import { phaseAfter, phaseOf, placeFlag } from "./flags.js";
import { shorten } from "./profile.js";

/** When the text gets the focus, all flags in view are shown for a moment. */
const GREETING_MS = 2_000;

const FLAG_NAME_LENGTH_MAX = 24;

/** How near to a caret the mouse brings its flag back, in pixels. */
const NEAR = 3.5;

/** In pixels, as in the style sheet. */
const FLAG_WIDTH_MAX = 240;

/** With more people than this only the latest typists have flags. */
const CROWD = 20;
const CROWD_FLAGS = 5;

/** @typedef {import("./flags.js").RemoteCaret} RemoteCaret */

/** @type {import("@codemirror/state").StateEffectType<RemoteCaret[]>} */
export const setRemoteCarets = StateEffect.define();

/**
 * Time has passed: the look of a caret may be another.
 * @type {import("@codemirror/state").StateEffectType<null>}
 */
const tick = StateEffect.define();

/** @type {StateField<RemoteCaret[]>} */
export const remoteCarets = StateField.define({
  create: () => /** @type {RemoteCaret[]} */ ([]),
  update(carets, transaction) {
    let current = carets;
    if (transaction.docChanged && current.length > 0) {
      const { changes } = transaction;
      current = current.map((caret) => ({
        ...caret,
        selections: caret.selections.map(([anchor, head]) => [
          changes.mapPos(anchor, -1),
          changes.mapPos(head, -1),
        ]),
      }));
    }
    for (const effect of transaction.effects)
      if (effect.is(setRemoteCarets)) current = effect.value;
    return current;
  },
});

/** @returns {import("@codemirror/state").Extension} */
export function remoteCaretLayers() {
  return [
    remoteCarets,
    layer({ above: false, class: "cm-tints", update: changed, markers: tintMarkers }),
    layer({ above: true, class: "cm-carets", update: changed, markers: caretMarkers }),
    clock,
  ];
}

/** @param {import("@codemirror/view").ViewUpdate} update */
function changed(update) {
  return (
    update.docChanged ||
    update.selectionSet ||
    update.viewportChanged ||
    update.startState.field(remoteCarets) !== update.state.field(remoteCarets) ||
    update.transactions.some((transaction) => transaction.effects.some((effect) => effect.is(tick)))
  );
}

/** Wakes the layers when the look of a caret changes by time alone. */
const clock = ViewPlugin.fromClass(
  class {
    /** @param {EditorView} view */
    constructor(view) {
      this.view = view;
      /** @type {ReturnType<typeof setTimeout> | undefined} */
      this.timer = undefined;
      this.greetingUntil = 0;
    }

    /** @param {import("@codemirror/view").ViewUpdate} update */
    update(update) {
      if (update.focusChanged && update.view.hasFocus)
        this.greetingUntil = Date.now() + GREETING_MS;
      if (update.focusChanged || changed(update)) this.schedule();
    }

    schedule() {
      clearTimeout(this.timer);
      const now = Date.now();
      let wait = this.greetingUntil > now ? this.greetingUntil - now : Infinity;
      for (const { activeAt } of this.view.state.field(remoteCarets)) {
        wait = Math.min(wait, phaseAfter(now - activeAt));
      }
      if (wait < Infinity)
        this.timer = setTimeout(() => this.view.dispatch({ effects: tick.of(null) }), wait + 5);
    }

    destroy() {
      clearTimeout(this.timer);
    }
  },
  // The carets let the mouse through, or one could not click beside them.
  { eventHandlers: { mousemove: showFlagNear } },
);

/** Brings back the flags under the mouse. @param {MouseEvent} event @param {EditorView} view */
function showFlagNear({ clientX, clientY }, view) {
  for (const caret of view.scrollDOM.querySelectorAll(".caret")) {
    const { left, right, top, bottom } = caret.getBoundingClientRect();
    const beside = Math.max(left - clientX, clientX - right) <= NEAR;
    caret.toggleAttribute("data-near", beside && clientY >= top && clientY <= bottom);
  }
}

/** Layers are painted from the top left of the scrolled text. @param {EditorView} view */
function origin(view) {
  const box = view.scrollDOM.getBoundingClientRect();
  const leftToRight = view.textDirection === Direction.LTR;
  const left = leftToRight ? box.left : box.right - view.scrollDOM.clientWidth * view.scaleX;
  return {
    x: left - view.scrollDOM.scrollLeft * view.scaleX,
    y: box.top - view.scrollDOM.scrollTop * view.scaleY,
  };
}

/** @param {EditorView} view @param {number} position */
function rowAt(view, position) {
  if (position < view.viewport.from || position > view.viewport.to) return null;
  return view.coordsAtPos(position, position === view.state.doc.lineAt(position).from ? 1 : -1);
}

/** @param {EditorView} view @returns {CaretMarker[]} */
function caretMarkers(view) {
  const { x, y } = origin(view);
  const { doc, selection } = view.state;
  const carets = view.state.field(remoteCarets);
  const now = Date.now();
  const greeting = (view.plugin(clock)?.greetingUntil ?? 0) > now;
  const latest = new Set(
    carets.length <= CROWD
      ? carets
      : [...carets].sort((a, b) => b.activeAt - a.activeAt).slice(0, CROWD_FLAGS),
  );
  const own = carets.length > 0 ? rowAt(view, selection.main.head) : null;
  const content = view.contentDOM.getBoundingClientRect();
  const box = { right: content.right - 8, top: view.documentTop - view.documentPadding.top };
  /** @type {CaretMarker[]} */
  const markers = [];
  for (const caret of carets) {
    const phase = phaseOf(now - caret.activeAt);
    const look = greeting && phase !== "idle" && latest.has(caret) ? "active" : phase;
    caret.selections.forEach(([, head], index) => {
      const row = rowAt(view, head);
      if (!row) return;
      const name =
        index === 0 && latest.has(caret) ? shorten(caret.name, FLAG_NAME_LENGTH_MAX) : "";
      const atLineEnd =
        head === doc.lineAt(head).to && view.textDirectionAt(head) === Direction.LTR;
      const flag = placeFlag({ caret: row, atLineEnd, own, width: flagWidth(name), box });
      const place = { left: row.left - x, top: row.top - y - 1, height: row.bottom - row.top + 2 };
      markers.push(
        new CaretMarker({
          session: caret.session,
          name,
          color: caret.color,
          look,
          ...place,
          ...flag,
        }),
      );
    });
  }
  return markers;
}

/** @param {EditorView} view @returns {TintMarker[]} */
function tintMarkers(view) {
  const { x, y } = origin(view);
  /** @type {TintMarker[]} */
  const markers = [];
  for (const { color, selections } of view.state.field(remoteCarets)) {
    for (const [anchor, head] of selections) {
      if (anchor === head) continue;
      for (const row of selectedRows(view, Math.min(anchor, head), Math.max(anchor, head))) {
        const margin = (row.bottom - row.top) * 0.11;
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

/** @typedef {{ left: number, right: number, top: number, bottom: number }} Row */

/**
 * The selected part of each row on screen.
 * @param {EditorView} view
 * @param {number} from
 * @param {number} to
 */
function selectedRows(view, from, to) {
  /** @type {Row[]} */
  const rows = [];
  const start = Math.max(from, view.viewport.from);
  const end = Math.min(to, view.viewport.to);
  for (let position = start; position <= end;) {
    const line = view.state.doc.lineAt(position);
    const lineRows = textRows(view, position, Math.min(end, line.to));
    // A selected line break shows as a sliver, or an empty line would show nothing.
    if (to > line.to && lineRows.length > 0) lineRows[lineRows.length - 1].right += 6;
    rows.push(...lineRows);
    position = line.to + 1;
  }
  return rows;
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

const pen =
  typeof document === "undefined" ? null : document.createElement("canvas").getContext("2d");
if (pen) pen.font = "600 11px Inter, system-ui, sans-serif";

/** @param {string} name */
function flagWidth(name) {
  return Math.min(FLAG_WIDTH_MAX, Math.ceil(pen ? pen.measureText(name).width : 0) + 12);
}

/** @typedef {import("@codemirror/view").LayerMarker} LayerMarker */

/** @implements {LayerMarker} */
class TintMarker {
  /** @param {{ color: number, left: number, top: number, width: number, height: number }} look */
  constructor(look) {
    this.look = look;
  }

  /** @param {LayerMarker} other */
  eq(other) {
    return other instanceof TintMarker && sameLook(this.look, other.look);
  }

  draw() {
    const dom = document.createElement("div");
    this.paint(dom);
    return dom;
  }

  /** @param {HTMLElement} dom @param {LayerMarker} old */
  update(dom, old) {
    if (!(old instanceof TintMarker)) return false;
    this.paint(dom);
    return true;
  }

  /** @param {HTMLElement} dom */
  paint(dom) {
    const { color, left, top, width, height } = this.look;
    dom.className = `tint person-${color}`;
    dom.style.left = `${left}px`;
    dom.style.top = `${top}px`;
    dom.style.width = `${width}px`;
    dom.style.height = `${height}px`;
  }
}

/**
 * @typedef {object} CaretLook
 * @property {string} session
 * @property {string} name  empty for no flag
 * @property {number} color
 * @property {string} look
 * @property {number} left
 * @property {number} top
 * @property {number} height
 * @property {string} place
 * @property {number} shift
 */

/** @implements {LayerMarker} */
class CaretMarker {
  /** @param {CaretLook} look */
  constructor(look) {
    this.look = look;
  }

  /** @param {LayerMarker} other */
  eq(other) {
    return other instanceof CaretMarker && sameLook(this.look, other.look);
  }

  draw() {
    const dom = document.createElement("div");
    const stem = document.createElement("span");
    stem.className = "stem";
    const flag = document.createElement("span");
    flag.className = "flag";
    flag.dir = "auto";
    dom.append(stem, flag);
    this.paint(dom);
    return dom;
  }

  /**
   * The same person's caret moves; anybody else's is drawn anew, or fades would mix.
   * @param {HTMLElement} dom
   * @param {LayerMarker} old
   */
  update(dom, old) {
    if (!(old instanceof CaretMarker) || old.look.session !== this.look.session) return false;
    this.paint(dom);
    return true;
  }

  /** @param {HTMLElement} dom */
  paint(dom) {
    const { session, name, color, look, left, top, height, place, shift } = this.look;
    dom.className = `caret ${place} ${look} person-${color}`;
    dom.dataset.session = session;
    dom.style.left = `${left}px`;
    dom.style.top = `${top}px`;
    dom.style.height = `${height}px`;
    dom.style.setProperty("--shift", `${shift}px`);
    const flag = /** @type {HTMLElement} */ (dom.lastElementChild);
    flag.hidden = name === "";
    if (flag.textContent !== name) flag.textContent = name;
  }
}

/** @param {Record<string, any>} a @param {Record<string, any>} b */
function sameLook(a, b) {
  return Object.keys(a).every((key) => a[key] === b[key]);
}
