/**
 * How the text is laid out: prose in a column of its own, or code in full width with line numbers;
 * long lines wrapped or not. By the language of the pad, unless this browser wants it otherwise.
 */
import { codeFolding, foldAll, foldGutter, unfoldAll } from "@codemirror/language";
import { EditorState, Prec } from "@codemirror/state";
import {
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { byId, element } from "./dom.js";
import { isForProse, languageOf } from "./language.js";
import { isMac } from "./keys.js";
import { onPreference, prefer, preference } from "./preferences.js";
import { t } from "./strings.js";
import { showToast } from "./toast.js";

/** @typedef {import("./page.js").PadPage} PadPage */

/** @param {PadPage} page @returns {"prose" | "code"} */
export function lookOf(page) {
  const chosen = preference("look");
  if (chosen !== "auto") return chosen;
  return isForProse(languageOf(page)) ? "prose" : "code";
}

/** @param {PadPage} page */
export function setUpLook(page) {
  const configure = page.editor.extend([]);
  page.editor.extend([folding(), EditorState.phrases.of(phrases())]);
  let shown = "";
  const show = () => {
    const [look, wrap] = [lookOf(page), preference("wrap")];
    if (`${look} ${wrap}` === shown) return;
    shown = `${look} ${wrap}`;
    document.body.dataset.look = look;
    configure(layout(look, wrap));
    for (const button of document.querySelectorAll('[data-command="view.wrap"]'))
      button.setAttribute("aria-pressed", String(wrap));
  };
  showChosen();
  show();
  let language = languageOf(page);
  // The state changes with every letter, its language hardly ever.
  page.on("state", () => {
    if (language === languageOf(page)) return;
    language = languageOf(page);
    show();
  });
  onPreference("look", () => {
    showChosen();
    show();
  });
  onPreference("wrap", show);
  byId("looks", HTMLElement).addEventListener("change", ({ target }) => {
    page.commands.run(`look.${/** @type {HTMLInputElement} */ (target).value}`);
  });
  addCommands(page);
  setUpTabKey(page);
}

function showChosen() {
  const chosen = byId("looks", HTMLElement).querySelector(`[value="${preference("look")}"]`);
  if (chosen instanceof HTMLInputElement) chosen.checked = true;
}

/** @param {"prose" | "code"} look @param {boolean} wrap */
export function layout(look, wrap) {
  const code = [lineNumbers(), foldGutter({ markerDOM: foldMarker }), highlightActiveLineGutter()];
  return [
    highlightActiveLine(),
    EditorView.editorAttributes.of({ class: `look-${look}` }),
    look === "code" ? code : [],
    look === "code" ? EditorView.contentAttributes.of({ autocapitalize: "off" }) : [],
    wrap ? EditorView.lineWrapping : [],
  ];
}

function folding() {
  return codeFolding({
    placeholderDOM(_view, unfold) {
      const button = element("button", "folded", "…");
      button.setAttribute("type", "button");
      button.setAttribute("aria-label", t("editor.unfold"));
      button.title = t("editor.unfold");
      button.addEventListener("click", unfold);
      return button;
    },
  });
}

/** @param {boolean} open */
function foldMarker(open) {
  const marker = element("span", open ? "fold-marker" : "fold-marker closed", "›");
  marker.title = open ? t("editor.fold") : t("editor.unfold");
  return marker;
}

/** @param {PadPage} page */
function addCommands(page) {
  const { view } = page.editor;
  const looks = /** @type {const} */ ([
    ["auto", "editor.lookAuto"],
    ["prose", "editor.lookProse"],
    ["code", "editor.lookCode"],
  ]);
  const group = /** @type {const} */ ("view");
  page.commands.add(
    {
      id: "view.wrap",
      title: t("editor.wrapLong"),
      group,
      checked: () => preference("wrap"),
      run: () => prefer("wrap", !preference("wrap")),
    },
    ...looks.map(([look, title]) => ({
      id: `look.${look}`,
      title: t(title),
      group,
      checked: () => preference("look") === look,
      run: () => prefer("look", look),
    })),
    { id: "view.foldAll", title: t("editor.foldAll"), group, run: () => void foldAll(view) },
    { id: "view.unfoldAll", title: t("editor.unfoldAll"), group, run: () => void unfoldAll(view) },
  );
}

/**
 * Tab indents; who needs it to leave the text says so once, by Ctrl M (on a Mac Shift Alt M).
 * Besides, Tab leaves after Esc.
 * @param {PadPage} page
 */
function setUpTabKey({ editor, commands }) {
  const apply = () => editor.view.setTabFocusMode(preference("tabMovesFocus"));
  const toggle = () => {
    prefer("tabMovesFocus", !preference("tabMovesFocus"));
    showToast(t(preference("tabMovesFocus") ? "editor.tabMoves" : "editor.tabIndents"));
    return true;
  };
  apply();
  onPreference("tabMovesFocus", apply);
  // The editor knows Alt with Shift on a Mac, where the letter that arrives is another one.
  editor.extend(Prec.high(keymap.of([{ key: "Ctrl-m", mac: "Shift-Alt-m", run: toggle }])));
  commands.add({
    id: "view.tabFocus",
    title: t("editor.tabFocus"),
    group: "view",
    keys: isMac ? "Shift-Alt-m" : "Ctrl-m",
    inEditor: true,
    checked: () => preference("tabMovesFocus"),
    run: toggle,
  });
}

/** What CodeMirror says to screen readers by itself, in the person's language. */
function phrases() {
  return {
    "Folded lines": t("editor.foldedLines"),
    "Unfolded lines": t("editor.unfoldedLines"),
    to: t("editor.to"),
    "Control character": t("editor.controlCharacter"),
    "Selection deleted": t("editor.selectionDeleted"),
  };
}
