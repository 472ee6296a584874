/**
 * The editing surface: CodeMirror, bound to a session. Operations in, operations out.
 *
 * Outside this file positions are code points; inside they are CodeMirror's UTF-16 offsets.
 */
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { Compartment, EditorSelection, EditorState, StateEffect, Transaction } from "@codemirror/state";
import {
  drawSelection,
  dropCursor,
  EditorView,
  keymap,
  placeholder,
} from "@codemirror/view";
import { caretLayer } from "./caret_layer.js";
import { remoteCarets, setRemoteCarets } from "./carets.js";
import { lineDirections } from "./direction.js";
import { mergeCarets } from "./flags.js";
import { formattingCommands } from "./formatting.js";
import { Held } from "./held.js";
import { keepView } from "./keep_view.js";
import { longLines } from "./long_lines.js";
import { apply } from "./operation.js";
import { t } from "./strings.js";
import { tintLayer } from "./tint_layer.js";
import { showUnsent, unsentMarks } from "./unsent.js";
import { changesFromOp, opFromChanges, toCodePoints, toUtf16 } from "./utf16.js";
import { wellFormedInput } from "./wellformed.js";

/**
 * A composition is not disturbed for longer than this: others' text must not stay away for ever.
 */
const HOLD_MS_MAX = 5_000;

/** CodeMirror reads the last change of a composition a moment after its end. */
const COMPOSITION_SETTLE_MS = 80;

/** The protocol's limit. */
const SELECTIONS_MAX = 16;

/** @typedef {import("./operation.js").Operation} Operation */
/** @typedef {import("@codemirror/state").Extension} Extension */
/** @typedef {{ compartment: Compartment, extension: Extension }} Slot */
/** @typedef {import("./flags.js").GivenCaret} GivenCaret  selections in code points */

export class PadEditor {
  /**
   * @param {object} options
   * @param {HTMLElement} options.parent
   * @param {string} options.label
   * @param {string} options.nonce
   * @param {(op: Operation) => void} options.onEdit
   * @param {() => void} options.onSelection
   * @param {(update: import("@codemirror/view").ViewUpdate) => void} options.onUpdate
   */
  constructor({ parent, label, nonce, onEdit, onSelection, onUpdate }) {
    this.onEdit = onEdit;
    this.onSelection = onSelection;
    this.onUpdate = onUpdate;
    /** What parts of the page have added, as it is now. @type {Slot[]} */
    this.slots = [];
    this.held = new Held();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.holdTimer = undefined;
    /** Asked for when carets are drawn next; null if they are as last drawn. @type {(() => GivenCaret[]) | null} */
    this.newCarets = null;
    /** There is a text: before that there is nothing to write on. */
    this.ready = false;
    this.writable = false;
    /** Before the first focus there is no caret that others should see. */
    this.touched = false;
    this.writableSlot = new Compartment();
    /** For whoever else shows the text. */
    this.longLines = longLines;
    /** The newest state whose edits the session has been told. @type {EditorState | null} */
    this.told = null;
    this.extensions = this.setUp(label, nonce);
    const update = keepView();
    this.view = new EditorView({
      parent,
      state: this.stateOf(""),
      dispatchTransactions: (transactions, view) => {
        try {
          update(transactions, view);
        } catch (error) {
          this.recover(transactions, error);
        }
      },
    });
    this.view.scrollDOM.addEventListener("mousedown", (event) => this.clickBesideText(event));
  }

  // --- what the session calls

  /** A new text, with nothing of the old to keep but the caret. @param {string} text */
  reset(text) {
    this.held.release();
    clearTimeout(this.holdTimer);
    this.newCarets = null;
    this.ready = true;
    this.writable = true;
    const { anchor, head } = this.view.state.selection.main;
    const selection = { anchor: Math.min(anchor, text.length), head: Math.min(head, text.length) };
    this.view.setState(this.stateOf(text, selection));
    // A new state is no update to CodeMirror; to those who look at the text it is one.
    this.view.dispatch({});
  }

  /** A remote change. @param {Operation} op */
  apply(op) {
    if (this.held.op || this.touchesComposition(op)) this.hold(op);
    else this.show(op);
  }

  /** The text that the session knows. @returns {string} */
  text() {
    const text = this.view.state.doc.toString();
    return this.held.op ? apply(text, this.held.op) : text;
  }

  /** What is selected, "" if nothing is. */
  selectedText() {
    const { state } = this.view;
    return state.sliceDoc(state.selection.main.from, state.selection.main.to);
  }

  /** @returns {[number, number][]} anchor and head in code points, the main selection first */
  selections() {
    if (!this.touched) return [];
    const { doc, selection } = this.view.state;
    /** @param {number} offset */
    const position = (offset) => this.held.toSession(toCodePoints(doc, offset));
    const main = selection.main;
    return [main, ...selection.ranges.filter((range) => range !== main)]
      .slice(0, SELECTIONS_MAX)
      .map(({ anchor, head }) => [position(anchor), position(head)]);
  }

  /** Carets of others have moved; they are asked for once in a frame. @param {() => GivenCaret[]} carets */
  setCarets(carets) {
    if (this.newCarets === null) requestAnimationFrame(() => this.showCarets());
    this.newCarets = carets;
  }

  // --- what the page calls

  focus() {
    this.view.focus();
  }

  /** After something beside it; on a phone the keyboard would jump up uninvited. */
  returnFocus() {
    if (matchMedia("(pointer: fine)").matches) this.focus();
  }

  /**
   * A part of the page adds to the editor. What it has added stays over a new text, and is
   * exchanged by the function that this returns.
   * @param {Extension} extension @returns {(other: Extension) => void}
   */
  extend(extension) {
    const compartment = new Compartment();
    const slot = { compartment, extension };
    this.slots.push(slot);
    this.view.dispatch({ effects: StateEffect.appendConfig.of(compartment.of(extension)) });
    return (other) => {
      slot.extension = other;
      this.view.dispatch({ effects: compartment.reconfigure(other) });
    };
  }

  /** @param {string} command  a name in `formattingCommands` */
  run(command) {
    formattingCommands[command]?.(this.view);
  }

  /** @param {boolean} writable */
  setWritable(writable) {
    if (writable === this.writable) return;
    this.writable = writable;
    this.view.dispatch({ effects: this.writableSlot.reconfigure(this.writableNow()) });
  }

  /** @param {{ offline: boolean, pending: boolean }} state */
  showUnsent(state) {
    showUnsent(this.view, state);
  }

  /** @returns {{ line: number, column: number, selected: number }} */
  caret() {
    const { doc, selection } = this.view.state;
    const { head, from, to } = selection.main;
    const line = doc.lineAt(head);
    return {
      line: line.number,
      column: toCodePoints(doc, head) - toCodePoints(doc, line.from) + 1,
      selected: from === to ? 0 : toCodePoints(doc, to) - toCodePoints(doc, from),
    };
  }

  /** The text on screen. */
  get doc() {
    return this.view.state.doc;
  }

  // --- inside

  /** @param {string} label @param {string} nonce */
  setUp(label, nonce) {
    return [
      EditorView.cspNonce.of(nonce),
      // Any other line separator would be rewritten on the way in, and positions would be off.
      EditorState.lineSeparator.of("\n"),
      history(),
      wellFormedInput(),
      caretLayer,
      tintLayer,
      unsentMarks,
      drawSelection(),
      dropCursor(),
      placeholder(t("pad.placeholder")),
      lineDirections(),
      longLines,
      EditorView.contentAttributes.of({
        "aria-label": label,
        // It scrolls, and not every tool knows that what can be edited can be focused.
        tabindex: "0",
        spellcheck: "true",
        autocorrect: "on",
        autocapitalize: "sentences",
      }),
      keymap.of([...historyKeymap, indentWithTab, ...defaultKeymap]),
      EditorView.updateListener.of((update) => this.updated(update)),
      EditorView.domEventHandlers({
        compositionend: () => this.releaseAfter(COMPOSITION_SETTLE_MS),
      }),
    ];
  }

  /** @param {string} text @param {{ anchor: number, head: number }} [selection] */
  stateOf(text, selection) {
    return EditorState.create({
      doc: text,
      selection,
      extensions: [
        this.extensions,
        this.slots.map(({ compartment, extension }) => compartment.of(extension)),
        this.writableSlot.of(this.writableNow()),
      ],
    });
  }

  /** Who may not write still has a caret, to read and to select by. */
  writableNow() {
    return EditorState.readOnly.of(!this.writable);
  }

  /** @param {import("@codemirror/view").ViewUpdate} update */
  updated(update) {
    this.tell(update.transactions);
    if (update.view.hasFocus) this.touched = true;
    if (update.selectionSet || update.focusChanged) this.onSelection();
    this.onUpdate(update);
  }

  /**
   * Tell the session what was typed: once, whatever fails beside.
   * @param {readonly Transaction[]} transactions
   */
  tell(transactions) {
    const state = transactions.at(-1)?.state;
    if (state === undefined || state === this.told) return;
    this.told = state;
    for (const transaction of transactions) {
      if (!transaction.docChanged || transaction.annotation(Transaction.remote)) continue;
      const op = opFromChanges(transaction.changes, transaction.startState.doc);
      if (op.length > 0) this.onEdit(this.held.receiveLocal(op));
    }
  }

  /**
   * An extension has failed in the middle of an update: the text has changed or it has not, and the
   * session has to know; then all is drawn anew.
   * @param {readonly Transaction[]} transactions @param {unknown} error
   */
  recover(transactions, error) {
    reportError(error);
    const { state } = this.view;
    if (state === transactions.at(-1)?.state) this.tell(transactions);
    this.view.setState(state);
  }

  /** @param {Operation} op  on the text on screen */
  show(op) {
    const { doc } = this.view.state;
    const changes = this.view.state.changes(changesFromOp(op, doc));
    try {
      this.view.dispatch({
        changes,
        annotations: [Transaction.remote.of(true), Transaction.addToHistory.of(false)],
      });
    } catch (error) {
      reportError(error);
    }
    // An extension would not have it. What the session has, the screen has to show.
    if (this.view.state.doc === doc && !changes.empty) this.reset(changes.apply(doc).toString());
  }

  /**
   * Whether it changes a line in which an input method is composing: the browser would drop the
   * composition.
   * @param {Operation} op
   */
  touchesComposition(op) {
    if (!this.view.compositionStarted) return false;
    const { doc, selection } = this.view.state;
    const [first, last] = [doc.lineAt(selection.main.from), doc.lineAt(selection.main.to)];
    let touches = false;
    this.view.state.changes(changesFromOp(op, doc)).iterChangedRanges((from, to) => {
      if (from <= last.to && to >= first.from) touches = true;
    });
    return touches;
  }

  /** @param {Operation} op */
  hold(op) {
    if (!this.held.op) this.holdTimer = setTimeout(() => this.release(), HOLD_MS_MAX);
    this.held.add(op);
  }

  /** @param {number} wait */
  releaseAfter(wait) {
    if (!this.held.op) return;
    setTimeout(() => {
      if (!this.view.compositionStarted) this.release();
    }, wait);
  }

  release() {
    clearTimeout(this.holdTimer);
    const op = this.held.release();
    if (op) this.show(op);
    this.showCarets();
  }

  showCarets() {
    // Positions are those of the text that the session knows: they wait for held text.
    if (this.newCarets === null || this.held.op) return;
    const { doc } = this.view.state;
    const incoming = this.newCarets().map((caret) => ({
      ...caret,
      selections: caret.selections.map(
        ([anchor, head]) =>
          /** @type {[number, number]} */ ([toUtf16(doc, anchor), toUtf16(doc, head)]),
      ),
    }));
    this.newCarets = null;
    const merged = mergeCarets(this.view.state.field(remoteCarets), incoming, Date.now());
    this.view.dispatch({ effects: setRemoteCarets.of(merged) });
  }

  /** A click in the margin puts the caret into the line beside it. @param {MouseEvent} event */
  clickBesideText(event) {
    const { scrollDOM } = this.view;
    const onScrollbar =
      event.clientX - scrollDOM.getBoundingClientRect().left >= scrollDOM.clientWidth;
    if (event.target !== scrollDOM || event.button !== 0 || onScrollbar) return;
    event.preventDefault();
    const offset = this.view.posAtCoords({ x: event.clientX, y: event.clientY }, false);
    this.view.dispatch({ selection: EditorSelection.cursor(offset) });
    this.view.focus();
  }
}
