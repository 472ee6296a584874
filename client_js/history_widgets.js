/**
 * What stands between the letters of an old text: what was deleted, and who made the change.
 */
import { WidgetType } from "@codemirror/view";
import { element } from "./dom.js";
import { t } from "./strings.js";

/** @typedef {import("./history_log.js").Author} Author */

/** More of what was deleted would push the text away that one wants to see. */
const DELETED_SHOWN_MAX = 400;

/** What was deleted, struck through. */
export class Deleted extends WidgetType {
  /** @param {string} text @param {Author} author */
  constructor(text, author) {
    super();
    this.text = text;
    this.author = author;
  }

  /** @param {Deleted} other */
  eq(other) {
    return other.text === this.text && other.author.color === this.author.color;
  }

  toDOM() {
    const points = [...this.text.slice(0, 2 * DELETED_SHOWN_MAX)];
    const cut = points.length > DELETED_SHOWN_MAX || this.text.length > 2 * DELETED_SHOWN_MAX;
    const shown = points.slice(0, DELETED_SHOWN_MAX).join("").replaceAll("\n", "↵ ");
    const made = element("del", `deleted person-${this.author.color}`, shown + (cut ? "…" : ""));
    made.title = t("history.deleted", { name: this.author.name });
    return made;
  }
}

/** A caret with the name, at the end of the last change. */
export class ChangeEnd extends WidgetType {
  /** @param {Author} author @param {boolean} lineEnd @param {number} place */
  constructor(author, lineEnd, place) {
    super();
    this.author = author;
    this.lineEnd = lineEnd;
    this.place = place;
  }

  /** @param {ChangeEnd} other */
  eq(other) {
    return (
      other.author.name === this.author.name &&
      other.author.color === this.author.color &&
      other.lineEnd === this.lineEnd &&
      other.place === this.place
    );
  }

  /** @param {import("@codemirror/view").EditorView} view */
  toDOM(view) {
    // Where there is text behind, the name is above it.
    const side = this.lineEnd ? "beside" : "above";
    const flag = element("span", "flag", this.author.name);
    const caret = element("span", `caret active ${side}`, element("span", "stem"), flag);
    const made = element("span", `change-end person-${this.author.color}`, caret);
    made.setAttribute("aria-hidden", "true");
    // It does not go out of the text.
    view.requestMeasure({
      read: () => {
        const pane = view.scrollDOM.getBoundingClientRect();
        const { left, right } = flag.getBoundingClientRect();
        const over = right - pane.left - view.scrollDOM.clientWidth;
        const at = caret.getBoundingClientRect().left;
        return over <= 0 ? null : Math.max(pane.left - at, Math.floor(left - at - over));
      },
      write: (shift) => {
        if (shift === null) return;
        caret.classList.replace("beside", "above");
        caret.style.setProperty("--shift", `${Math.min(0, shift)}px`);
      },
    });
    return made;
  }
}
