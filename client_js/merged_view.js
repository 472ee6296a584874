/**
 * A quiet dotted underline where somebody's edit met mine. It goes away when it has been looked at.
 *
 * The rule of what meets is in merged.js.
 */
import { Prec, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, hoverTooltip, showTooltip } from "@codemirror/view";
import { byId, element } from "./dom.js";
import { Meetings, meetingPlace } from "./merged.js";
import { onPreference, prefer, preference } from "./preferences.js";
import { language, t } from "./strings.js";
import { toUtf16 } from "./utf16.js";

/** In view of somebody for so long, it has been looked at. */
const LOOKED_AT_MS = 4_000;

/** How often it is looked which marks are in view. */
const LOOK_MS = 500;

/** More than these are no marks any more; the oldest go first. */
const MARKS_MAX = 50;

/**
 * @typedef {import("./page.js").PadPage} PadPage
 * @typedef {import("@codemirror/view").DecorationSet} DecorationSet
 * @typedef {import("@codemirror/state").Range<Decoration>} Mark
 * @typedef {{ name: string, color: number }} Person
 * @typedef {{ from: number, to: number, person: Person }} Merged
 */

/** @type {import("@codemirror/state").StateEffectType<Merged>} */
const addMark = StateEffect.define();

/** @type {import("@codemirror/state").StateEffectType<(id: number) => boolean>} */
const removeMarks = StateEffect.define();

/**
 * Where the command has led to; the words stand above it.
 * @type {import("@codemirror/state").StateEffectType<number>}
 */
const goTo = StateEffect.define();

/** The mouse rests before the words come. */
const HOVER_MS = 300;

let lastId = 0;

/** @type {StateField<DecorationSet>} */
const mergedMarks = StateField.define({
  create: () => Decoration.none,
  update(marks, transaction) {
    marks = marks.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (effect.is(addMark)) marks = withMark(marks, effect.value);
      const gone = effect.is(removeMarks) ? effect.value : null;
      if (gone) marks = marks.update({ filter: (_from, _to, { spec }) => !gone(spec.id) });
      if (effect.is(goTo)) marks = pointedAt(marks, effect.value);
    }
    return marks;
  },
  provide: (field) => [
    EditorView.decorations.from(field),
    showTooltip.from(field, (marks) => {
      const pointed = listed(marks).find((mark) => mark.pointed);
      return pointed ? tooltip(pointed) : null;
    }),
    hoverTooltip(
      (view, position) => {
        const marks = listed(view.state.field(field));
        const under = marks.find(({ from, to }) => from <= position && position <= to);
        return under && !under.pointed ? tooltip(under) : null;
      },
      { hoverTime: HOVER_MS },
    ),
  ],
});

/** One mark where several meet. @param {DecorationSet} marks @param {Merged} merged */
function withMark(marks, { from, to, person }) {
  const people = [person];
  marks.between(from, to, (markFrom, markTo, { spec }) => {
    [from, to] = [Math.min(from, markFrom), Math.max(to, markTo)];
    for (const other of spec.people)
      if (!people.some(({ name }) => name === other.name)) people.push(other);
  });
  const oldest = marks.size >= MARKS_MAX ? Math.min(...listed(marks).map(({ id }) => id)) : 0;
  return marks.update({
    filter: (markFrom, markTo, { spec }) =>
      (markTo < from || markFrom > to) && spec.id !== oldest,
    add: [mark(++lastId, people, false).range(from, to)],
  });
}

/** @param {DecorationSet} marks @param {number} id */
function pointedAt(marks, id) {
  return Decoration.set(
    listed(marks).map(({ from, to, id: own, people }) =>
      mark(own, people, own === id).range(from, to),
    ),
  );
}

/** @param {number} id @param {Person[]} people @param {boolean} pointed */
function mark(id, people, pointed) {
  return Decoration.mark({
    class: `merged person-${people[0].color}`,
    attributes: { "data-merged": String(id) },
    id,
    people,
    pointed,
  });
}

/**
 * With whom, above the mark.
 * @param {{ from: number, people: Person[] }} mark @returns {import("@codemirror/view").Tooltip}
 */
function tooltip({ from, people }) {
  const names = people.map(({ name }) => `\u2068${name || t("changes.somebody")}\u2069`);
  const list = new Intl.ListFormat(language, { type: "conjunction" }).format(names);
  const words = t("changes.merged", { count: people.length, names: list });
  const create = () => ({
    dom: element("div", `merged-words person-${people[0].color}`, words),
  });
  return { pos: from, above: true, create };
}

/** @param {DecorationSet} marks */
function listed(marks) {
  /** @type {{ from: number, to: number, id: number, people: Person[], pointed: boolean }[]} */
  const list = [];
  for (const cursor = marks.iter(); cursor.value; cursor.next())
    list.push({ from: cursor.from, to: cursor.to, ...specOf(cursor.value) });
  return list;
}

/** @param {Decoration} decoration @returns {{ id: number, people: Person[], pointed: boolean }} */
function specOf({ spec }) {
  const { id, people, pointed } = spec;
  return { id, people, pointed };
}

/** @param {PadPage} page */
export function setUpMergedMarks(page) {
  const { view } = page.editor;
  const meetings = new Meetings();
  const looks = new Looks(view);
  page.editor.extend([Prec.lowest(mergedMarks), looks.mouse()]);

  page.on("entries", (message, known, pending) => {
    const entries = newEntries(message, known);
    const met = meetings.receive(entries, page.state.me, pending, Date.now());
    // While an input method composes, the screen is behind; that does not happen often.
    if (met.length === 0 || page.editor.held.op || !preference("mergedMarks")) return;
    const { doc } = view.state;
    const effects = met.flatMap(({ own, other, session }) => {
      const place = meetingPlace(inOffsets(own, doc), inOffsets(other, doc), (from, to) =>
        doc.sliceString(from, Math.min(to, doc.length)),
      );
      const person = page.state.people.find((someone) => someone.session === session);
      const { name, color } = person ?? { name: "", color: 0 };
      return place ? [addMark.of({ ...place, person: { name, color } })] : [];
    });
    if (effects.length > 0) view.dispatch({ effects });
    looks.start();
  });
  page.on("update", (update) => looks.updated(update));
  addCommands(page, looks);
}

/** @param {import("./merged.js").Range} range @param {import("@codemirror/state").Text} doc */
function inOffsets({ from, to }, doc) {
  return { from: toUtf16(doc, from), to: toUtf16(doc, to) };
}

/**
 * The entries of a frame that are new. A delta is many, of nobody knows whom.
 * @param {import("./session.js").Frame} message @param {number} known
 * @returns {[session: string | null, seq: number, op: import("./operation.js").Operation][]}
 */
function newEntries(message, known) {
  if (message.type === "delta") return message.to > known ? [[null, 0, message.op]] : [];
  return message.ops.slice(known - message.from);
}

/** @param {PadPage} page @param {Looks} looks */
function addCommands(page, looks) {
  const { view } = page.editor;
  const toggle = byId("merged-marks", HTMLInputElement);
  toggle.addEventListener("change", () => prefer("mergedMarks", toggle.checked));
  const show = () => {
    toggle.checked = preference("mergedMarks");
    if (!toggle.checked) view.dispatch({ effects: removeMarks.of(() => true) });
  };
  onPreference("mergedMarks", show);
  show();
  page.commands.add(
    {
      id: "changes.nextMerged",
      title: t("changes.nextMerged"),
      group: "view",
      icon: "chevron-down",
      available: () => view.state.field(mergedMarks).size > 0,
      run: () => looks.goToNext(),
    },
    {
      id: "view.mergedMarks",
      title: t("changes.mergedMarks"),
      group: "view",
      icon: "eye",
      checked: () => preference("mergedMarks"),
      run: () => prefer("mergedMarks", !preference("mergedMarks")),
    },
  );
}

/** Which marks have been looked at. */
class Looks {
  /** For how long each mark has been in view. @type {Map<number, number>} */
  #seenMs = new Map();
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  #hoveredAt = 0;

  /** @param {EditorView} view */
  constructor(view) {
    this.view = view;
  }

  /** There may be marks to watch. */
  start() {
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
  }

  #look() {
    const marks = listed(this.view.state.field(mergedMarks));
    if (marks.length === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      this.#seenMs.clear();
    }
    if (document.visibilityState !== "visible" || !document.hasFocus()) return;
    const { top, bottom } = this.view.scrollDOM.getBoundingClientRect();
    const seen = new Set();
    for (const { from, id } of marks) {
      const row = this.view.coordsAtPos(from);
      if (row === null || row.bottom < top || row.top > bottom) continue;
      const seenMs = (this.#seenMs.get(id) ?? 0) + LOOK_MS;
      this.#seenMs.set(id, seenMs);
      if (seenMs >= LOOKED_AT_MS) seen.add(id);
    }
    this.#remove(seen);
  }

  /** @param {import("@codemirror/view").ViewUpdate} update */
  updated({ selectionSet, docChanged, transactions, state }) {
    // Typing brings the caret there as well, but then one looks at what one types.
    const led = transactions.some((one) => one.effects.some((effect) => effect.is(goTo)));
    if (!selectionSet || docChanged || led) return;
    const { head } = state.selection.main;
    const marks = listed(state.field(mergedMarks));
    const passed = marks.filter(({ from, to }) => from <= head && head <= to);
    if (passed.length > 0)
      queueMicrotask(() => this.#remove(new Set(passed.map(({ id }) => id))));
  }

  /** @param {Set<number>} ids */
  #remove(ids) {
    if (ids.size > 0) this.view.dispatch({ effects: removeMarks.of((id) => ids.has(id)) });
  }

  goToNext() {
    const { view } = this;
    const marks = listed(view.state.field(mergedMarks));
    const { head } = view.state.selection.main;
    const next = marks.find(({ from }) => from > head) ?? marks[0];
    view.dispatch({
      selection: { anchor: next.from },
      effects: [goTo.of(next.id), EditorView.scrollIntoView(next.from, { y: "center" })],
    });
    view.focus();
  }

  /** A mark that the mouse rested on goes away when the mouse does. */
  mouse() {
    return EditorView.domEventHandlers({
      mouseover: ({ target }) => {
        if (markOf(target) !== null) this.#hoveredAt = Date.now();
      },
      mouseout: ({ target, relatedTarget }) => {
        const id = markOf(target);
        if (id === null || markOf(relatedTarget) === id) return;
        // Passing over it with the mouse is not looking at it.
        if (Date.now() - this.#hoveredAt > HOVER_MS) this.#remove(new Set([id]));
      },
    });
  }
}

/** @param {EventTarget | null} target */
function markOf(target) {
  const dom = target instanceof Element ? target.closest("[data-merged]") : null;
  return dom instanceof HTMLElement ? Number(dom.dataset.merged) : null;
}
