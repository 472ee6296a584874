/**
 * The chip at the bottom right: who has just done something outside the view. A click scrolls
 * there, once.
 */
import { presentCarets } from "./carets.js";
import { element, setText } from "./dom.js";
import { icon } from "./icons.js";
import { outsideView } from "./places.js";
import { shorten } from "./profile.js";
import { t } from "./strings.js";

/** It goes this long after their last activity. */
const SHOWN_MS = 6_000;

/** As on a flag. */
const NAME_LENGTH_MAX = 24;

/** Stands for the name while the sentence around it is taken apart. */
const NAME = "\u0000";

/** @typedef {import("./flags.js").RemoteCaret} RemoteCaret */

/**
 * Whom it shows: the same as before as long as they are worth it, or it would change its name with
 * every key; else who was active last.
 * @template {{ session: string, activeAt: number }} C
 * @param {C[]} outside  those who have just been active outside the view
 * @param {string | null} shown
 * @returns {C | null}
 */
export function chooseForChip(outside, shown) {
  const same = outside.find(({ session }) => session === shown);
  return same ?? [...outside].sort((a, b) => b.activeAt - a.activeAt)[0] ?? null;
}

/** @param {import("./page.js").PadPage} page */
export function setUpChip(page) {
  const { view } = page.editor;
  const chip = new Chip(view, (session) => {
    page.people.follow.lookAt(session);
    page.editor.returnFocus();
  });
  const measure = { key: chip, read: () => chip.choose(Date.now()), write: () => chip.show() };
  const look = () => view.requestMeasure(measure);
  chip.lookAgain = look;
  page.on("update", look);
  view.scrollDOM.addEventListener("scroll", look, { passive: true });
}

class Chip {
  lookAgain = () => {};
  /** @type {RemoteCaret | null} */
  caret = null;
  /** @type {"above" | "below"} */
  side = "below";
  line = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer = undefined;

  /** @param {import("@codemirror/view").EditorView} view @param {(session: string) => void} lookAt */
  constructor(view, lookAt) {
    this.view = view;
    this.name = element("b");
    this.name.dir = "auto";
    this.before = element("span");
    this.after = element("span", "figure");
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.append(
      element("span", "chip-dot"),
      element("span", "chip-words", this.before, this.name, this.after),
      icon("chevron-up"),
      icon("chevron-down"),
    );
    this.button.addEventListener("click", () => {
      if (this.caret) lookAt(this.caret.session);
    });
    for (const type of ["pointerleave", "blur"])
      this.button.addEventListener(type, () => this.lookAgain());
    view.dom.append(this.button);
    this.show();
  }

  /** @param {number} now */
  choose(now) {
    const { view } = this;
    const shown = this.caret?.session ?? null;
    // Who is about to press it must not see it go.
    const held = this.button.matches(":hover, :focus-visible");
    const outside = presentCarets(view)
      .filter(({ session, activeAt }) => now - activeAt < SHOWN_MS || (held && session === shown))
      .filter(({ selections }) => outsideView(view, selections[0][1]) !== null);
    this.caret = chooseForChip(outside, shown);
    clearTimeout(this.timer);
    if (this.caret === null) return;
    const [, head] = this.caret.selections[0];
    this.side = outsideView(view, head) ?? "below";
    this.line = view.state.doc.lineAt(head).number;
    const wait = this.caret.activeAt + SHOWN_MS - now;
    if (wait > 0) this.timer = setTimeout(this.lookAgain, wait + 5);
  }

  show() {
    const { button, caret, side } = this;
    button.hidden = caret === null;
    if (caret === null) return;
    button.className = `chip ${side} person-${caret.color}`;
    const short = side === "above" ? "follow.chipAbove" : "follow.chipBelow";
    const values = { name: NAME, line: String(this.line) };
    const [before, after] = t(innerWidth < 600 ? short : "follow.chip", values).split(NAME);
    setText(this.before, before);
    setText(this.name, shorten(caret.name, NAME_LENGTH_MAX));
    setText(this.after, after);
  }
}
