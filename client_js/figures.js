/**
 * The figures of the status bar, which a phone has in its menu: line and column, words (lines of
 * code), round trip.
 */
import { setText } from "./dom.js";
import { t } from "./strings.js";
import { countWords, wordsAdded } from "./word_count.js";

/** Figures that change with every letter are shown no more often than one can read them. */
const SHOW_AFTER_MS = 200;

/** @param {import("./page.js").PadPage} page */
export function setUpFigures(page) {
  /** @type {import("@codemirror/state").Text | undefined} */
  let shown;
  /** Of the text as it was when its words were counted; null until then. @type {number | null} */
  let counted = null;
  let added = 0;
  let counting = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  page.on("update", ({ docChanged, selectionSet, changes, startState, state: { doc } }) => {
    if (doc !== shown || selectionSet) showPlace(page.editor);
    if (doc === shown) return;
    if (docChanged && startState.doc === shown) added += wordsAdded(changes, shown, doc);
    else count(doc);
    shown = doc;
    timer ??= setTimeout(show, SHOW_AFTER_MS);
  });

  /** A new text. @param {import("@codemirror/state").Text} doc */
  async function count(doc) {
    counting.abort();
    counting = new AbortController();
    counted = null;
    added = 0;
    counted = await countWords(doc.iter(), { signal: counting.signal });
    show();
  }

  function show() {
    timer = undefined;
    setFigure("lines", t("editor.lines", { count: page.editor.doc.lines }));
    if (counted !== null) setFigure("words", t("pad.words", { count: counted + added }));
  }
}

/**
 * @param {string} name  the element's `data-figure`
 * @param {string} text
 */
export function setFigure(name, text) {
  for (const node of document.querySelectorAll(`[data-figure="${name}"]`)) setText(node, text);
}

/** @param {import("./editor.js").PadEditor} editor */
function showPlace(editor) {
  const { line, column, selected } = editor.caret();
  const place =
    selected > 0
      ? t("pad.selected", { count: selected })
      : t("pad.place", { line: String(line), column: String(column) });
  setFigure("place", place);
}
