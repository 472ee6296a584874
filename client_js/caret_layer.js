/**
 * Paints the carets of others and their flags in a layer over the text, once per animation frame
 * however many of them move, and only those in view.
 */
import { Direction, ViewPlugin } from "@codemirror/view";
import { caretsChanged, layerOrigin, remoteCarets, rowAt, shownCarets } from "./carets.js";
import { element } from "./dom.js";
import {
  FADE_MS,
  flagBearers,
  flagBox,
  overlap,
  phaseAfter,
  phaseOf,
  placeFlag,
} from "./flags.js";
import { shorten } from "./profile.js";

/** When the text gets the focus, all flags in view are shown for a moment. */
const GREETING_MS = 2_000;

const FLAG_NAME_LENGTH_MAX = 24;

/** How near to a caret the mouse brings its flag back, in pixels: a zone of 9 with the caret. */
const NEAR = 3.5;

/** In pixels, as in the style sheet. */
const CARET_WIDTH = 2;
const FLAG_WIDTH_MAX = 240;

/** From the right edge of the text, in pixels. */
const FLAG_MARGIN = 8;

/** @typedef {import("@codemirror/view").EditorView} EditorView */
/** @typedef {import("./flags.js").RemoteCaret} RemoteCaret */
/** @typedef {import("./flags.js").Box} Box */

/**
 * @typedef {object} Look  of one caret, in the coordinates of the layer
 * @property {string} session
 * @property {string} name  empty for no flag
 * @property {number} color
 * @property {string} phase
 * @property {number} left
 * @property {number} top
 * @property {number} height
 * @property {string} place
 * @property {number} shift
 */

class CaretLayer {
  /** @param {EditorView} view */
  constructor(view) {
    this.view = view;
    this.dom = element("div", "cm-layer cm-carets");
    this.dom.setAttribute("aria-hidden", "true");
    view.scrollDOM.append(this.dom);
    /** What is painted, by session and number of its caret. @type {Map<string, { dom: HTMLElement, look: Look }>} */
    this.painted = new Map();
    /** @type {Set<string>} */
    this.bearers = new Set();
    this.greetingUntil = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.measure = {
      key: this,
      read: () => this.looks(Date.now()),
      /** @param {Map<string, Look>} looks */
      write: (looks) => this.paint(looks),
    };
    view.requestMeasure(this.measure);
  }

  /** @param {import("@codemirror/view").ViewUpdate} update */
  update(update) {
    const greeted = update.focusChanged && update.view.hasFocus;
    if (greeted) this.greetingUntil = Date.now() + GREETING_MS;
    if (greeted || caretsChanged(update)) this.view.requestMeasure(this.measure);
  }

  docViewUpdate() {
    this.view.requestMeasure(this.measure);
  }

  destroy() {
    clearTimeout(this.timer);
    this.dom.remove();
  }

  /** @param {number} now */
  looks(now) {
    const { view } = this;
    const carets = shownCarets(view, now);
    this.bearers = flagBearers(carets, this.bearers, now);
    this.schedule(carets, now);
    /** @type {Map<string, Look>} */
    const looks = new Map();
    if (carets.length === 0) return looks;
    const surroundings = {
      own: rowAt(view, view.state.selection.main.head),
      box: textBox(view),
      origin: layerOrigin(view),
    };
    /** The flags that are shown. @type {Box[]} */
    const taken = [];
    for (const caret of carets) {
      caret.selections.forEach(([, head], index) => {
        const named = index === 0 && this.bearers.has(caret.session);
        const phase = this.phase(caret, now);
        const look = lookOf(view, { caret, head, named, phase, taken }, surroundings);
        if (look) looks.set(`${caret.session} ${index}`, look);
      });
    }
    return looks;
  }

  /** @param {RemoteCaret} caret @param {number} now */
  phase({ activeAt, leftAt }, now) {
    if (leftAt !== null) return "leaving";
    const phase = phaseOf(now - activeAt);
    return phase !== "idle" && now < this.greetingUntil ? "active" : phase;
  }

  /** Looks again when a look changes by time alone. @param {RemoteCaret[]} carets @param {number} now */
  schedule(carets, now) {
    clearTimeout(this.timer);
    let wait = this.greetingUntil > now ? this.greetingUntil - now : Infinity;
    for (const { activeAt, leftAt } of carets)
      wait = Math.min(wait, leftAt === null ? phaseAfter(now - activeAt) : leftAt + FADE_MS - now);
    if (wait < Infinity)
      this.timer = setTimeout(() => this.view.requestMeasure(this.measure), wait + 5);
  }

  /** @param {Map<string, Look>} looks */
  paint(looks) {
    for (const [key, { dom }] of this.painted) {
      if (looks.has(key)) continue;
      dom.remove();
      this.painted.delete(key);
    }
    for (const [key, look] of looks) {
      const old = this.painted.get(key);
      if (old && sameLook(old.look, look)) continue;
      const dom = old?.dom ?? this.dom.appendChild(makeCaret());
      paintCaret(dom, look);
      this.painted.set(key, { dom, look });
    }
  }

  /** Brings back the flag under the mouse. @param {MouseEvent} event */
  showFlagNear({ clientX, clientY }) {
    if (this.painted.size === 0) return;
    const { x, y } = layerOrigin(this.view);
    const [left, top] = [clientX - x, clientY - y];
    for (const { dom, look } of this.painted.values()) {
      const beside = Math.abs(left - look.left) <= NEAR + CARET_WIDTH / 2;
      const near = beside && top >= look.top && top <= look.top + look.height;
      if (near !== "near" in dom.dataset) dom.toggleAttribute("data-near", near);
    }
  }
}

export const caretLayer = [
  remoteCarets,
  ViewPlugin.fromClass(CaretLayer, {
    eventHandlers: {
      // The carets let the mouse through, or one could not click beside them.
      mousemove(event) {
        this.showFlagNear(event);
      },
    },
  }),
];

/**
 * @param {EditorView} view
 * @param {{ caret: RemoteCaret, head: number, named: boolean, phase: string, taken: Box[] }} one
 * @param {{ own: Box | null, box: Box, origin: { x: number, y: number } }} surroundings
 * @returns {Look | null}
 */
function lookOf(view, { caret, head, named, phase, taken }, { own, box, origin }) {
  const row = rowAt(view, head);
  if (!row) return null;
  const name = shorten(caret.name, FLAG_NAME_LENGTH_MAX);
  const width = flagWidth(name);
  const leftToRight = view.textDirectionAt(head) === Direction.LTR;
  const atLineEnd = leftToRight && head === view.state.doc.lineAt(head).to;
  const flag = placeFlag({ caret: row, atLineEnd, own, width, box });
  const covers = flagBox(row, flag, width);
  // Two flags in one place could not be read; the other one comes back under the mouse.
  const covered = phase === "active" && taken.some((other) => overlap(other, covers));
  if (named && phase === "active" && !covered) taken.push(covers);
  return {
    session: caret.session,
    name: named ? name : "",
    color: caret.color,
    phase: covered ? "still" : phase,
    left: row.left - origin.x,
    top: row.top - origin.y - 1,
    height: row.bottom - row.top + 2,
    ...flag,
  };
}

/** Flags stay inside of it. @param {EditorView} view @returns {Box} */
function textBox(view) {
  const content = view.contentDOM.getBoundingClientRect();
  const { left } = view.scrollDOM.getBoundingClientRect();
  const right = Math.min(content.right, left + view.scrollDOM.clientWidth) - FLAG_MARGIN;
  const top = view.documentTop - view.documentPadding.top;
  return { left: Math.max(content.left, left), right, top, bottom: content.bottom };
}

const pen =
  typeof document === "undefined" ? null : document.createElement("canvas").getContext("2d");
if (pen) pen.font = "600 11px Inter, system-ui, sans-serif";

/** Names are few, and measuring is slow. @type {Map<string, number>} */
const flagWidths = new Map();

/** @param {string} name */
function flagWidth(name) {
  const known = flagWidths.get(name);
  if (known !== undefined) return known;
  const width = Math.min(FLAG_WIDTH_MAX, Math.ceil(pen ? pen.measureText(name).width : 0) + 12);
  flagWidths.set(name, width);
  return width;
}

function makeCaret() {
  const flag = element("span", "flag");
  flag.dir = "auto";
  return element("div", "caret", element("span", "stem"), flag);
}

/** @param {HTMLElement} dom @param {Look} look */
function paintCaret(dom, { session, name, color, phase, left, top, height, place, shift }) {
  dom.className = `caret ${place} ${phase} person-${color}`;
  dom.dataset.session = session;
  dom.style.left = `${left}px`;
  dom.style.top = `${top}px`;
  dom.style.height = `${height}px`;
  dom.style.setProperty("--shift", `${shift}px`);
  const flag = /** @type {HTMLElement} */ (dom.lastElementChild);
  flag.hidden = name === "";
  if (flag.textContent !== name) flag.textContent = name;
}

/** @param {Record<string, any>} a @param {Record<string, any>} b */
function sameLook(a, b) {
  return Object.keys(a).every((key) => a[key] === b[key]);
}
