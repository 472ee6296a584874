/**
 * The text at a revision: a second editor that cannot be written in, with who wrote what as tints
 * and names in the margin, and what was changed last.
 */
import { Compartment, EditorState, Prec, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, ViewPlugin } from "@codemirror/view";
import { ChangeEnd, Deleted } from "./history_widgets.js";
import { changesFromOp, toUtf16 } from "./utf16.js";

/** @typedef {import("./history_log.js").Author} Author */
/** @typedef {import("./history_log.js").Checkpoint} Checkpoint */
/** @typedef {import("@codemirror/view").ViewUpdate} ViewUpdate */

/** Between the change and the edge of the view when it is brought into sight. */
const SIGHT_MARGIN_PX = 96;

/**
 * @typedef {object} Marks  in UTF-16 offsets
 * @property {{ from: number, to: number, author: Author | null }[]} runs  all of the text
 * @property {{ from: number, to: number }[]} inserted  by the last change
 * @property {{ at: number, text: string }[]} deleted
 * @property {Author | null} author  of the last change
 * @property {{ authors: boolean, changes: boolean }} shown
 */

/** @type {Marks} */
const NOTHING = {
  runs: [],
  inserted: [],
  deleted: [],
  author: null,
  shown: { authors: true, changes: true },
};

/** @type {import("@codemirror/state").StateEffectType<Marks>} */
const setMarks = StateEffect.define();

const marksField = StateField.define({
  create: () => NOTHING,
  update: (marks, transaction) =>
    transaction.effects.reduce(
      (last, effect) => (effect.is(setMarks) ? effect.value : last),
      marks,
    ),
});

export class HistoryText {
  /** What is shown. @type {Checkpoint | null} */
  shown = null;
  #look = new Compartment();

  /** @param {{ parent: HTMLElement, nonce: string, label: string }} options */
  constructor({ parent, nonce, label }) {
    this.view = new EditorView({
      parent,
      state: EditorState.create({
        extensions: [
          EditorView.cspNonce.of(nonce),
          EditorState.lineSeparator.of("\n"),
          EditorState.readOnly.of(true),
          EditorView.editable.of(false),
          this.#look.of([]),
          EditorView.perLineTextDirection.of(true),
          EditorView.contentAttributes.of({
            "aria-label": label,
            "aria-readonly": "true",
            tabindex: "0",
          }),
          marksField,
          // Inside of the marks of the language, some of which stay without a tint.
          Prec.highest(markPlugin),
        ],
      }),
    });
  }

  /**
   * The live text, as it was on screen: the same line on top.
   * @param {EditorView} live @param {import("@codemirror/state").Extension} look  as the live one's
   */
  showLive(live, look) {
    this.shown = null;
    this.view.dispatch({ effects: this.#look.reconfigure(look) });
    this.view.dispatch({
      changes: { from: 0, to: this.view.state.doc.length, insert: live.state.doc },
      effects: setMarks.of(NOTHING),
    });
    // The new text is measured first.
    this.view.dispatch({ effects: live.scrollSnapshot() });
  }

  /**
   * @param {Checkpoint} next
   * @param {object} options
   * @param {import("./operation.js").Operation | null} options.op  from what is shown to this text
   * @param {import("./attribution.js").Change[]} options.change  the last one
   * @param {Record<string, Author>} options.authors
   * @param {Marks["shown"]} options.shown
   * @param {boolean} options.bringIntoSight
   */
  show(next, { op, change, authors, shown, bringIntoSight }) {
    const { doc } = this.view.state;
    const changes = op === null ? replacement(doc, next.text) : changesFromOp(op, doc);
    const after = this.view.state.changes(changes).apply(doc);
    const marks = { ...marksOf(after, next, change, authors), shown };
    const effects = [setMarks.of(marks)];
    const place = placeOf(marks);
    const view = { y: /** @type {const} */ ("nearest"), yMargin: SIGHT_MARGIN_PX };
    this.shown = next;
    this.view.dispatch({
      changes,
      effects:
        bringIntoSight && place !== null
          ? [...effects, EditorView.scrollIntoView(place, view)]
          : effects,
    });
  }

  /** @param {Marks["shown"]} shown */
  setShown(shown) {
    this.view.dispatch({ effects: setMarks.of({ ...this.view.state.field(marksField), shown }) });
  }
}

/** Where the last change is to be seen. @param {Marks} marks */
function placeOf({ inserted, deleted }) {
  return inserted.at(-1)?.to ?? deleted.at(-1)?.at ?? null;
}

/**
 * One change that makes a text of another: what they begin and end with is kept.
 * @param {import("@codemirror/state").Text} doc @param {string} text
 */
function replacement(doc, text) {
  const old = doc.toString();
  const most = Math.min(old.length, text.length);
  let start = 0;
  while (start < most && old.charCodeAt(start) === text.charCodeAt(start)) start += 1;
  let end = 0;
  while (
    end < most - start &&
    old.charCodeAt(old.length - end - 1) === text.charCodeAt(text.length - end - 1)
  )
    end += 1;
  return { from: start, to: old.length - end, insert: text.slice(start, text.length - end) };
}

/**
 * @param {import("@codemirror/state").Text} doc @param {Checkpoint} at
 * @param {import("./attribution.js").Change[]} change @param {Record<string, Author>} authors
 * @returns {Omit<Marks, "shown">}
 */
function marksOf(doc, { runs }, change, authors) {
  let position = 0;
  let from = 0;
  /** @param {number} length */
  const pass = (length) => {
    position += length;
    const start = from;
    from = toUtf16(doc, position);
    return { from: start, to: from };
  };
  /** @param {string | null} session */
  const author = (session) => (session === null ? null : (authors[session] ?? null));
  const placed = runs.map(({ length, session }) => ({ ...pass(length), author: author(session) }));
  [position, from] = [0, 0];
  /** @type {Marks["inserted"]} */
  const inserted = [];
  /** @type {Marks["deleted"]} */
  const deleted = [];
  let by = null;
  let before = "keep";
  for (const { kind, length, session, text } of change) {
    by ??= author(session);
    if (kind === "insert") inserted.push(pass(length));
    // What stood there comes before what stands there now.
    else if (kind === "delete")
      deleted.push({ at: before === "insert" ? inserted[inserted.length - 1].from : from, text });
    else pass(length);
    before = kind;
  }
  return { runs: placed, inserted, deleted, author: by };
}

const markPlugin = ViewPlugin.fromClass(
  class {
    /** @param {EditorView} view */
    constructor(view) {
      this.decorations = decorate(view);
    }

    /** @param {ViewUpdate} update */
    update(update) {
      const changed = update.startState.field(marksField) !== update.state.field(marksField);
      if (changed || update.docChanged || update.viewportChanged)
        this.decorations = decorate(update.view);
    }
  },
  { decorations: (plugin) => plugin.decorations },
);

/** Only what is on screen. @param {EditorView} view */
function decorate(view) {
  const { doc } = view.state;
  const marks = view.state.field(marksField);
  const { from, to } = view.viewport;
  /** @type {import("@codemirror/state").Range<Decoration>[]} */
  const found = [];
  if (marks.shown.authors) {
    const runs = runsIn(marks.runs, from, to);
    for (const run of runs) {
      const [start, end] = [Math.max(from, run.from), Math.min(to, run.to)];
      if (run.author !== null && end > start) found.push(tint("written", run.author, start, end));
    }
    found.push(...marginNames(doc, runs, from, to));
  }
  if (marks.shown.changes && marks.author !== null) {
    const { author, inserted, deleted } = marks;
    const place = placeOf(marks);
    for (const range of inserted) {
      const [start, end] = [Math.max(from, range.from), Math.min(to, range.to)];
      if (end > start) found.push(tint("latest", author, start, end));
    }
    for (const { at, text } of deleted) {
      const widget = new Deleted(text, author);
      if (at >= from && at <= to) found.push(Decoration.widget({ widget, side: -1 }).range(at));
    }
    if (place !== null && place >= from && place <= to) {
      const widget = new ChangeEnd(author, place === doc.lineAt(place).to, place);
      // A delete stands left of its place, and is all there is to point at.
      found.push(Decoration.widget({ widget, side: 1 }).range(place));
    }
  }
  return Decoration.set(found, true);
}

/** @param {string} name @param {Author} author @param {number} from @param {number} to */
function tint(name, author, from, to) {
  const attributes = { class: `${name} person-${author.color}`, title: author.name };
  return Decoration.mark({ attributes }).range(from, to);
}

/** The runs that touch a range. @param {Marks["runs"]} runs @param {number} from @param {number} to */
function runsIn(runs, from, to) {
  let [low, high] = [0, runs.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (runs[middle].to < from) low = middle + 1;
    else high = middle;
  }
  let end = low;
  while (end < runs.length && runs[end].from <= to) end += 1;
  return runs.slice(low, end);
}

/**
 * A bar beside the lines of whoever wrote most of them, with the name at the first line. An empty
 * line between two of one person belongs to both.
 * @param {import("@codemirror/state").Text} doc @param {Marks["runs"]} runs
 * @param {number} from @param {number} to
 */
function marginNames(doc, runs, from, to) {
  /** @type {{ at: number, author: Author | null, blank: boolean }[]} */
  const lines = [];
  let index = 0;
  for (let at = from; at <= to; ) {
    const line = doc.lineAt(at);
    while (index < runs.length && runs[index].to <= line.from) index += 1;
    const blank = line.text.trim() === "";
    lines.push({ at: line.from, author: blank ? null : mainAuthor(runs, index, line), blank });
    at = line.to + 1;
  }
  /** @type {import("@codemirror/state").Range<Decoration>[]} */
  const found = [];
  /** @type {Author | null} */
  let last = null;
  for (const [row, line] of lines.entries()) {
    /** @type {Author | null} */
    let author = line.author;
    if (line.blank) {
      const next = lines.slice(row).find(({ blank }) => !blank)?.author;
      author = isSame(next, last) ? last : null;
    }
    if (author !== null) {
      const first = !isSame(author, last);
      const attributes = {
        class: `by person-${author.color}${first ? " by-first" : ""}`,
        ...(first ? { "data-by": author.name } : {}),
      };
      found.push(Decoration.line({ attributes }).range(line.at));
    }
    last = author;
  }
  return found;
}

/** @param {Author | null | undefined} a @param {Author | null} b */
function isSame(a, b) {
  return a?.person === b?.person;
}

/** @param {Marks["runs"]} runs @param {number} index @param {{ from: number, to: number }} line */
function mainAuthor(runs, index, line) {
  /** @type {Map<string, { author: Author, length: number }>} */
  const shares = new Map();
  for (; index < runs.length && runs[index].from < line.to; index += 1) {
    const { from, to, author } = runs[index];
    if (author === null) continue;
    const share = shares.get(author.person) ?? { author, length: 0 };
    share.length += Math.min(to, line.to) - Math.max(from, line.from);
    shares.set(author.person, share);
  }
  return [...shares.values()].sort((a, b) => b.length - a.length)[0]?.author ?? null;
}
