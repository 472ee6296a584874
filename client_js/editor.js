/**
 * The editing surface: CodeMirror, bound to a session. Operations in, operations out.
 *
 * Outside this file positions are code points; inside they are CodeMirror's UTF-16 offsets.
 */
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { Compartment, EditorSelection, EditorState, Transaction } from "@codemirror/state";
import {
  drawSelection,
  dropCursor,
  EditorView,
  highlightActiveLine,
  keymap,
  placeholder,
} from "@codemirror/view";
import { remoteCaretLayers, remoteCarets, setRemoteCarets } from "./carets.js";
import { IDLE_MS, mergeCarets } from "./flags.js";
import { formattingCommands, formattingKeys } from "./formatting.js";
import { Held } from "./held.js";
import { markdownLook } from "./markdown.js";
import { apply } from "./operation.js";
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

const PLACEHOLDER = "Start writing. Anyone with the link sees it as you type.";

/** @typedef {import("./operation.js").Operation} Operation */
/**
 * @typedef {Omit<import("./flags.js").RemoteCaret, "activeAt">} SessionCaret  selections in code
 *   points
 */

/**
 * @typedef {object} Place  where somebody is, in words for the list of people
 * @property {number} line
 * @property {number} selected  code points
 * @property {"above" | "below" | null} outside  of the view
 * @property {boolean} typing
 * @property {number} idleMs
 */

export class PadEditor {
  /**
   * @param {object} options
   * @param {HTMLElement} options.parent
   * @param {string} options.label
   * @param {string} options.nonce
   * @param {(op: Operation) => void} options.onEdit
   * @param {() => void} options.onSelection
   * @param {() => void} options.onChange  text or selection are not what they were
   */
  constructor({ parent, label, nonce, onEdit, onSelection, onChange }) {
    this.onEdit = onEdit;
    this.onSelection = onSelection;
    this.onChange = onChange;
    this.held = new Held();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.holdTimer = undefined;
    /** The carets as last given, while they wait for held text. @type {SessionCaret[] | null} */
    this.waitingCarets = null;
    /** There is a text: before that there is nothing to write on. */
    this.ready = false;
    this.writable = false;
    /** Before the first focus there is no caret that others should see. */
    this.touched = false;
    this.writableSlot = new Compartment();
    this.extensions = this.setUp(label, nonce);
    this.view = new EditorView({ parent, state: this.stateOf("") });
    this.view.scrollDOM.addEventListener("mousedown", (event) => this.clickBesideText(event));
  }

  // --- what the session calls

  /** A new text, with nothing of the old to keep but the caret. @param {string} text */
  reset(text) {
    this.held.release();
    clearTimeout(this.holdTimer);
    this.ready = true;
    this.writable = true;
    const { anchor, head } = this.view.state.selection.main;
    const selection = { anchor: Math.min(anchor, text.length), head: Math.min(head, text.length) };
    this.view.setState(this.stateOf(text, selection));
    this.onChange();
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

  /** @param {SessionCaret[]} list */
  setCarets(list) {
    if (this.held.op) {
      this.waitingCarets = list;
      return;
    }
    const { doc } = this.view.state;
    const incoming = list.map((caret) => ({
      ...caret,
      selections: caret.selections.map(
        ([anchor, head]) =>
          /** @type {[number, number]} */ ([toUtf16(doc, anchor), toUtf16(doc, head)]),
      ),
    }));
    const merged = mergeCarets(this.view.state.field(remoteCarets), incoming, Date.now());
    this.view.dispatch({ effects: setRemoteCarets.of(merged) });
  }

  // --- what the page calls

  focus() {
    this.view.focus();
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

  /** @param {boolean} shown */
  showCursors(shown) {
    this.view.dom.classList.toggle("cursors-off", !shown);
  }

  /** @returns {{ line: number, column: number, selected: number }} */
  caret() {
    const { doc, selection } = this.view.state;
    const { head, from, to } = selection.main;
    const line = doc.lineAt(head);
    return {
      line: line.number,
      column: [...line.text.slice(0, head - line.from)].length + 1,
      selected: from === to ? 0 : toCodePoints(doc, to) - toCodePoints(doc, from),
    };
  }

  /** Where the others are. @returns {Map<string, Place>} by session */
  places() {
    const { doc } = this.view.state;
    const now = Date.now();
    /** @type {Map<string, Place>} */
    const places = new Map();
    for (const { session, selections, typing, activeAt } of this.view.state.field(remoteCarets)) {
      if (selections.length === 0) continue;
      const [anchor, head] = selections[0];
      const selected = Math.abs(toCodePoints(doc, anchor) - toCodePoints(doc, head));
      const idleMs = now - activeAt;
      const line = doc.lineAt(head).number;
      places.set(session, {
        line,
        selected,
        outside: this.outsideView(head),
        typing: typing && idleMs < 3_000,
        idleMs,
      });
    }
    return places;
  }

  /** @param {string} session */
  isIdle(session) {
    const caret = this.view.state
      .field(remoteCarets)
      .find((candidate) => candidate.session === session);
    return caret !== undefined && Date.now() - caret.activeAt >= IDLE_MS;
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
      markdownLook(),
      remoteCaretLayers(),
      unsentMarks,
      drawSelection(),
      dropCursor(),
      highlightActiveLine(),
      placeholder(PLACEHOLDER),
      EditorView.lineWrapping,
      EditorView.perLineTextDirection.of(true),
      EditorView.contentAttributes.of({
        "aria-label": label,
        spellcheck: "true",
        autocorrect: "on",
        autocapitalize: "sentences",
      }),
      formattingKeys,
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
      extensions: [this.extensions, this.writableSlot.of(this.writableNow())],
    });
  }

  writableNow() {
    return [EditorState.readOnly.of(!this.writable), EditorView.editable.of(this.writable)];
  }

  /** @param {import("@codemirror/view").ViewUpdate} update */
  updated(update) {
    for (const transaction of update.transactions) {
      if (!transaction.docChanged || transaction.annotation(Transaction.remote)) continue;
      const op = opFromChanges(transaction.changes, transaction.startState.doc);
      if (op.length > 0) this.onEdit(this.held.receiveLocal(op));
    }
    if (update.view.hasFocus) this.touched = true;
    if (update.selectionSet || update.focusChanged) this.onSelection();
    if (update.docChanged || update.selectionSet) this.onChange();
  }

  /** @param {Operation} op  on the text on screen */
  show(op) {
    this.view.dispatch({
      changes: changesFromOp(op, this.view.state.doc),
      annotations: [Transaction.remote.of(true), Transaction.addToHistory.of(false)],
    });
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
    if (this.waitingCarets) this.setCarets(this.waitingCarets);
    this.waitingCarets = null;
  }

  /** @param {number} offset */
  outsideView(offset) {
    const { scrollDOM, documentPadding } = this.view;
    const block = this.view.lineBlockAt(offset);
    const top = block.top + documentPadding.top - scrollDOM.scrollTop;
    if (top + block.height <= 0) return "above";
    return top >= scrollDOM.clientHeight ? "below" : null;
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
