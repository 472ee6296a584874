/**
 * Find and replace: CodeMirror's search with a panel of our own, which floats over the text and
 * moves nothing. Loaded when first asked for.
 */
import {
  closeSearchPanel,
  findNext,
  findPrevious,
  getSearchQuery,
  openSearchPanel,
  replaceAll,
  replaceNext,
  search,
  searchPanelOpen,
  SearchQuery,
  setSearchQuery,
} from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { element, setText } from "./dom.js";
import { icon } from "./icons.js";
import { atMatch, findMatches } from "./search_matches.js";
import { t } from "./strings.js";

/** Counting reads the whole text, so it waits until nobody types. */
const COUNT_AFTER_MS = 120;

/** But no longer than this: there may always be somebody who types. */
const COUNT_MS_MAX = 1_000;

/** @type {WeakSet<import("./editor.js").PadEditor>} */
const withSearch = new WeakSet();

/** @param {import("./editor.js").PadEditor} editor */
export function openSearch(editor) {
  if (!withSearch.has(editor)) editor.extend(searching());
  withSearch.add(editor);
  openSearchPanel(editor.view);
}

function searching() {
  return [
    search({
      top: true,
      createPanel: (view) => new SearchPanel(view),
      scrollToMatch: (range) => EditorView.scrollIntoView(range, { y: "center" }),
    }),
    keymap.of([
      { key: "Escape", run: (view) => searchPanelOpen(view.state) && closeSearchPanel(view) },
      { key: "F3", run: findNext, shift: findPrevious, preventDefault: true },
      { key: "Mod-g", run: findNext, shift: findPrevious, preventDefault: true },
    ]),
    EditorState.phrases.of({
      "current match": t("search.currentMatch"),
      "on line": t("search.onLine"),
      "replaced match on line $": t("search.replacedOne"),
      "replaced $ matches": t("search.replacedAll"),
    }),
  ];
}

/** @typedef {import("@codemirror/view").Panel} Panel */

/** @implements {Panel} */
class SearchPanel {
  top = true;

  /** @param {EditorView} view */
  constructor(view) {
    this.view = view;
    /** @type {import("./search_matches.js").Matches} */
    this.matches = { starts: [], complete: true };
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    /** When there began to be something that is not counted yet. @type {number | undefined} */
    this.changedAt = undefined;
    this.find = field(t("search.label"));
    // CodeMirror gives the focus to this one.
    this.find.setAttribute("main-field", "true");
    this.replacement = field(t("search.replaceLabel"));
    this.count = element("span", "search-count");
    this.count.setAttribute("role", "status");
    this.matchCase = toggle("Aa", t("search.case"));
    this.wholeWord = toggle("ab", t("search.word"));
    this.wholeWord.classList.add("word");
    this.regexp = toggle(".*", t("search.regexp"));
    this.replaceRow = element(
      "div",
      "search-row",
      inputBox(this.replacement),
      action(t("search.replace"), () => replaceNext(view)),
      action(t("search.replaceAll"), () => replaceAll(view)),
    );
    this.dom = this.draw();
    this.show(getSearchQuery(view.state));
  }

  draw() {
    const { view } = this;
    const form = element(
      "form",
      "search",
      element(
        "div",
        "search-row",
        inputBox(this.find, this.count, this.matchCase, this.wholeWord, this.regexp),
        iconButton("chevron-up", t("search.previous"), () => findPrevious(view)),
        iconButton("chevron-down", t("search.next"), () => findNext(view)),
        iconButton("close", t("search.close"), () => closeSearchPanel(view)),
      ),
      this.replaceRow,
    );
    form.setAttribute("role", "search");
    form.setAttribute("aria-label", t("search.find"));
    form.addEventListener("input", () => this.changed());
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("keydown", (event) => this.keydown(event));
    for (const button of [this.matchCase, this.wholeWord, this.regexp])
      button.addEventListener("click", () => {
        button.setAttribute("aria-pressed", String(!isOn(button)));
        this.changed();
      });
    return form;
  }

  mount() {
    this.find.focus();
    this.find.select();
  }

  /** @param {import("@codemirror/view").ViewUpdate} update */
  update({ transactions, docChanged, selectionSet, state }) {
    for (const transaction of transactions)
      for (const effect of transaction.effects)
        if (effect.is(setSearchQuery)) this.show(effect.value);
    this.replaceRow.hidden = state.readOnly;
    if (docChanged) this.countSoon();
    else if (selectionSet) this.showCount();
  }

  destroy() {
    clearTimeout(this.timer);
  }

  /** @param {SearchQuery} query */
  show(query) {
    if (this.find.value !== query.search) this.find.value = query.search;
    if (this.replacement.value !== query.replace) this.replacement.value = query.replace;
    this.matchCase.setAttribute("aria-pressed", String(query.caseSensitive));
    this.wholeWord.setAttribute("aria-pressed", String(query.wholeWord));
    this.regexp.setAttribute("aria-pressed", String(query.regexp));
    this.replaceRow.hidden = this.view.state.readOnly;
    this.countSoon();
  }

  /** Something was typed or pressed: look for it from where the selection begins. */
  changed() {
    const query = new SearchQuery({
      search: this.find.value,
      replace: this.replacement.value,
      caseSensitive: isOn(this.matchCase),
      wholeWord: isOn(this.wholeWord),
      regexp: isOn(this.regexp),
      literal: !isOn(this.regexp),
    });
    const before = getSearchQuery(this.view.state);
    if (query.eq(before)) return;
    this.view.dispatch({ effects: setSearchQuery.of(query) });
    const sameMatches = query.search === before.search && query.replace !== before.replace;
    if (query.valid && !sameMatches) this.goToFirst(query);
  }

  /** @param {SearchQuery} query */
  goToFirst(query) {
    const { state } = this.view;
    const after = query.getCursor(state, state.selection.main.from).next();
    const found = after.done ? query.getCursor(state).next() : after;
    if (found.done) return;
    const { from, to } = found.value;
    this.view.dispatch({
      selection: { anchor: from, head: to },
      effects: EditorView.scrollIntoView(from, { y: "center" }),
      userEvent: "select.search",
    });
  }

  /** @param {KeyboardEvent} event */
  keydown(event) {
    if (event.isComposing) return;
    const isField = event.target === this.find || event.target === this.replacement;
    if (event.key === "Escape") closeSearchPanel(this.view);
    else if (event.key === "F3" || (event.key === "Enter" && event.target === this.find))
      (event.shiftKey ? findPrevious : findNext)(this.view);
    else if (event.key === "Enter" && isField) replaceNext(this.view);
    else return;
    event.preventDefault();
  }

  countSoon() {
    clearTimeout(this.timer);
    this.changedAt ??= performance.now();
    const left = this.changedAt + COUNT_MS_MAX - performance.now();
    this.timer = setTimeout(() => {
      this.changedAt = undefined;
      this.matches = findMatches(getSearchQuery(this.view.state), this.view.state);
      this.showCount();
    }, Math.min(COUNT_AFTER_MS, left));
  }

  showCount() {
    const { search: sought, valid } = getSearchQuery(this.view.state);
    const { starts, complete } = this.matches;
    const wrong = sought !== "" && !valid;
    this.find.setAttribute("aria-invalid", String(wrong));
    if (wrong) return setText(this.count, t("search.invalid"));
    if (sought === "") return setText(this.count, "");
    // What was not searched to its end may still have one.
    if (starts.length === 0) return setText(this.count, complete ? t("search.none") : "");
    const at = atMatch(starts, this.view.state.selection.main.from);
    const values = { at: at ?? "–", count: starts.length };
    setText(this.count, complete ? t("search.count", values) : t("search.countMany", values));
  }
}

/** @param {string} label */
function field(label) {
  const made = /** @type {HTMLInputElement} */ (element("input"));
  made.setAttribute("aria-label", label);
  made.placeholder = label;
  made.autocomplete = "off";
  made.spellcheck = false;
  made.setAttribute("autocapitalize", "off");
  return made;
}

/** @param {...Node} children */
function inputBox(...children) {
  return element("span", "input", ...children);
}

/** @param {string} sign @param {string} label */
function toggle(sign, label) {
  // The sign is drawn, not said: its letters are no words.
  const button = action("", () => {});
  button.className = "search-toggle";
  button.dataset.sign = sign;
  button.setAttribute("aria-label", label);
  button.setAttribute("aria-pressed", "false");
  button.title = label;
  return button;
}

/** @param {HTMLElement} button */
function isOn(button) {
  return button.getAttribute("aria-pressed") === "true";
}

/** @param {string} words @param {() => void} run */
function action(words, run) {
  const button = element("button", "button small", words);
  button.setAttribute("type", "button");
  button.addEventListener("click", run);
  return button;
}

/** @param {import("./icons.js").IconName} name @param {string} label @param {() => void} run */
function iconButton(name, label, run) {
  const button = action("", run);
  button.className = "icon-button";
  button.setAttribute("aria-label", label);
  button.title = label;
  button.append(icon(name));
  return button;
}
