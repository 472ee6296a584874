/**
 * Changes of others, marked in the text: what was inserted on a tint of its author, what was
 * removed struck through. They move along with further edits, and are shown when asked for.
 */
import { Prec, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, WidgetType } from "@codemirror/view";
import { shorten } from "./profile.js";
import { toUtf16 } from "./utf16.js";

/** Of removed text, graphemes: one sees what it was, and the text around it stays together. */
const REMOVED_SHOWN_MAX = 160;

/** Of removed text, UTF-16 units that are looked at at all. */
const REMOVED_LENGTH_MAX = 1_000;

/**
 * @typedef {import("@codemirror/view").DecorationSet} DecorationSet
 * @typedef {import("@codemirror/state").Range<Decoration>} Mark
 * @typedef {{ name: string, color: number }} Author
 * @typedef {{ from: number, to: number, index: number }} PlaceRange  where a place is now
 * @typedef {{ marks: DecorationSet, current: number | null }} Marked  `current`: null while hidden
 */

/** @type {import("@codemirror/state").StateEffectType<Mark[]>} */
const setMarks = StateEffect.define();

/**
 * Which place is being looked at; null hides them all.
 * @type {import("@codemirror/state").StateEffectType<number | null>}
 */
const setCurrent = StateEffect.define();

/** @type {StateField<Marked>} */
const changeMarks = StateField.define({
  create: () => ({ marks: Decoration.none, current: /** @type {number | null} */ (null) }),
  update(value, transaction) {
    let { marks, current } = value;
    if (transaction.docChanged && marks.size > 0) {
      marks = marks.map(transaction.changes);
      transaction.changes.iterChangedRanges((_fromA, _toA, from, to) => {
        if (to > from) marks = without(marks, from, to);
      });
    }
    for (const effect of transaction.effects) {
      if (effect.is(setMarks)) marks = Decoration.set(effect.value, true);
      if (!effect.is(setCurrent) || effect.value === current) continue;
      marks = framed(marks, current, effect.value);
      current = effect.value;
    }
    return marks === value.marks && current === value.current ? value : { marks, current };
  },
  provide: (field) => [
    EditorView.decorations.from(field, ({ marks, current }) =>
      current === null ? Decoration.none : marks,
    ),
    EditorView.decorations.from(field, currentFrame),
  ],
});

/** Around the marks of the syntax, so that these do not cut them into pieces. */
export const changeMarksExtension = Prec.lowest(changeMarks);

/**
 * What is typed inside of a mark is not part of it.
 * @param {DecorationSet} marks @param {number} from @param {number} to
 */
function without(marks, from, to) {
  /** @type {Mark[]} */
  const parts = [];
  marks.between(from, to, (markFrom, markTo, value) => {
    if (markFrom >= from || markTo <= to) return;
    parts.push(value.range(markFrom, from), value.range(to, markTo));
  });
  if (parts.length === 0) return marks;
  return marks.update({
    filterFrom: from,
    filterTo: to,
    filter: (markFrom, markTo) => markFrom >= from || markTo <= to,
    add: parts,
  });
}

/** The frame around the place that is looked at. @param {Marked} value */
function currentFrame({ marks, current }) {
  const place = current === null ? null : rangesOf(marks).find(({ index }) => index === current);
  if (!place || place.from === place.to) return Decoration.none;
  return Decoration.set(frame.range(place.from, place.to));
}

const frame = Decoration.mark({ class: "change-current" });

/**
 * Removed text has no range to put a frame around: it has its own.
 * @param {DecorationSet} marks @param {number | null} before @param {number | null} now
 */
function framed(marks, before, now) {
  /** @type {Mark[]} */
  const widgets = [];
  for (const cursor = marks.iter(); cursor.value; cursor.next()) {
    const { widget, place } = cursor.value.spec;
    if (widget && (place === before || place === now))
      widgets.push(widgetMark(widget.with(place === now), place).range(cursor.from));
  }
  return marks.update({
    filter: (_from, _to, { spec }) =>
      !spec.widget || (spec.place !== before && spec.place !== now),
    add: widgets,
  });
}

/** @param {ChangeWidget} widget @param {number} place */
function widgetMark(widget, place) {
  return Decoration.widget({ widget, side: -1, place });
}

/** @param {DecorationSet} marks @returns {PlaceRange[]} */
function rangesOf(marks) {
  /** @type {PlaceRange[]} */
  const places = [];
  for (const cursor = marks.iter(); cursor.value; cursor.next()) {
    const { place: index } = cursor.value.spec;
    const last = places.at(-1);
    if (last !== undefined && last.index === index) last.to = Math.max(last.to, cursor.to);
    else places.push({ from: cursor.from, to: cursor.to, index });
  }
  return places;
}

/** The places that are still there. @param {EditorView} view */
export function markedPlaces(view) {
  return rangesOf(view.state.field(changeMarks).marks);
}

/**
 * @param {EditorView} view
 * @param {import("./changed_places.js").Place[]} places
 * @param {object} options
 * @param {import("@codemirror/state").Text} options.doc  that the places are counted in
 * @param {import("@codemirror/state").ChangeDesc} options.since  from there to the text on screen
 * @param {(session: string) => Author} options.author
 */
export function markChanges(view, places, { doc, since, author }) {
  /** @type {Mark[]} */
  const marks = [];
  places.forEach((items, place) => {
    for (const { kind, from, to, session, text } of items) {
      const { name, color } = author(session);
      const start = since.mapPos(toUtf16(doc, from), 1);
      const end = since.mapPos(toUtf16(doc, to), -1);
      if (kind === "delete" || text.trim() === "") {
        const look = { text: shownText(text), kind, name, color, current: false };
        const widget = new ChangeWidget(look);
        marks.push(widgetMark(widget, place).range(start));
      }
      if (kind === "insert" && end > start)
        marks.push(
          Decoration.mark({
            class: `change-inserted person-${color}`,
            attributes: { title: name },
            place,
          }).range(start, end),
        );
    }
  });
  view.dispatch({ effects: [setMarks.of(marks), setCurrent.of(null)] });
}

/** Show the marks and go to a place. @param {EditorView} view @param {PlaceRange} place */
export function showPlace(view, { from, to, index }) {
  const scroll = EditorView.scrollIntoView(to - from > 0 ? Math.min(from + 1, to) : from, {
    y: "center",
  });
  view.dispatch({ effects: [setCurrent.of(index), scroll] });
}

/** @param {EditorView} view */
export function hideMarks(view) {
  view.dispatch({ effects: setCurrent.of(null) });
}

/** @param {string} text  removed, or nothing but line breaks and spaces */
function shownText(text) {
  const line = text.slice(0, REMOVED_LENGTH_MAX).replace(/\s*\n\s*/g, " ↵ ");
  return shorten(line, REMOVED_SHOWN_MAX);
}

/**
 * @typedef {object} WidgetLook
 * @property {string} text
 * @property {"insert" | "delete"} kind
 * @property {string} name
 * @property {number} color
 * @property {boolean} current
 */

/** Removed text, or a sign for inserted line breaks and spaces, which do not show. */
class ChangeWidget extends WidgetType {
  /** @param {WidgetLook} look */
  constructor(look) {
    super();
    this.look = look;
  }

  /** @param {boolean} current */
  with(current) {
    return new ChangeWidget({ ...this.look, current });
  }

  /** @param {ChangeWidget} other */
  eq({ look }) {
    const { text, kind, name, color, current } = this.look;
    return (
      text === look.text &&
      kind === look.kind &&
      name === look.name &&
      color === look.color &&
      current === look.current
    );
  }

  toDOM() {
    const { text, kind, name, color, current } = this.look;
    const dom = document.createElement(kind === "delete" ? "del" : "ins");
    const look = kind === "delete" ? "change-removed" : "change-inserted change-break";
    dom.className = `${look} person-${color}${current ? " change-current" : ""}`;
    dom.title = name;
    dom.textContent = text;
    dom.dir = "auto";
    return dom;
  }
}
