/**
 * The language of the pad: the same for everybody, shown at the bottom left, chosen there, and
 * what the editor knows of it.
 */
import { indentUnit } from "@codemirror/language";
import { EditorState, Prec } from "@codemirror/state";
import { byId, setText } from "./dom.js";
import { setFigure } from "./figures.js";
import { indentOf } from "./indentation.js";
import { loadLater, loadPart } from "./later.js";
import { markdown } from "./markdown.js";
import { startedFromFile } from "./started.js";
import { t } from "./strings.js";
import { showToast } from "./toast.js";

/** @typedef {import("./page.js").PadPage} PadPage */

/** How wide a tab is shown, in spaces. */
const TAB_SIZE = 4;

/**
 * Longer texts are shown without colours, in UTF-16 units: with each edit the parser goes through
 * all blocks before the view, which is some milliseconds for each million.
 */
const PARSED_LENGTH_MAX = 3_000_000;

/** Where a new text's indentation is looked at: not while somebody types. */
const LOOK_AFTER_MS = 300;

/** The two that are for prose, and are there without loading: their names. @type {Record<string, string>} */
export const PROSE_NAMES = { markdown: t("languages.markdown"), plain: t("languages.plain") };

/** The id of the pad's language. @param {PadPage} page @returns {string} */
export function languageOf(page) {
  return page.state.language || document.body.dataset.language || "markdown";
}

/** @param {string} language */
export function isForProse(language) {
  return language in PROSE_NAMES;
}

/** @param {PadPage} page */
export function setUpLanguage(page) {
  const configure = page.editor.extend([]);
  const indent = page.editor.extend([]);
  let shown = "";
  let short = true;
  /** Without a connection a language cannot be loaded. */
  let failed = false;
  page.on("state", () => {
    const language = languageOf(page);
    const again = failed && page.state.phase === "online";
    if (language === shown && !again) return;
    shown = language;
    failed = false;
    show().catch(() => {
      failed = true;
    });
  });
  page.on("state", () => guess(page));

  async function show() {
    const [language, parsed] = [shown, short];
    showIndent();
    // Another one may be chosen while this one is loaded.
    const isWanted = () => language === shown && parsed === short;
    const name = await nameOf(language);
    if (isWanted()) setText(byId("language-name", HTMLElement), name);
    const extension = parsed ? await extensionOf(language) : [];
    if (isWanted()) configure(Prec.high(extension));
  }

  let unit = "";
  function showIndent() {
    timer = undefined;
    const found = indentOf(page.editor.doc, shown);
    if (found !== unit) indent([indentUnit.of(found), EditorState.tabSize.of(TAB_SIZE)]);
    unit = found;
    setFigure(
      "indent",
      unit === "\t" ? t("editor.tabs") : t("editor.spaces", { count: unit.length }),
    );
  }

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {import("@codemirror/state").Text | undefined} */
  let looked;
  page.on("update", ({ state: { doc } }) => {
    if (doc === looked) return;
    looked = doc;
    if (doc.length <= PARSED_LENGTH_MAX !== short) {
      short = !short;
      // Not from within an update.
      queueMicrotask(() => show().catch(() => {}));
    }
    timer ??= setTimeout(showIndent, LOOK_AFTER_MS);
  });
  addPicker(page);
}

/** The names of the languages of code, and what loads them. */
function loadLanguages() {
  return loadPart(() => import("./languages.js"));
}

/** What an editor needs to show a language. @param {string} language */
export async function extensionOf(language) {
  if (language === "markdown") return markdown();
  if (language === "plain") return [];
  const { loadLanguage } = await loadLanguages();
  return loadLanguage(language);
}

/** @param {string} id */
async function nameOf(id) {
  if (isForProse(id)) return PROSE_NAMES[id];
  const { codeLanguages } = await loadLanguages();
  return codeLanguages.find((language) => language.id === id)?.name ?? id;
}

/** Everybody gets it. @param {PadPage} page @param {string} language */
export function chooseLanguage(page, language) {
  if (!page.session.setProperties({ language })) showToast(t("languages.needsConnection"));
}

/** Pads that were looked at for a guess. */
let guessed = false;

/**
 * An untouched pad that is called like a file starts in that file's language.
 * @param {PadPage} page
 */
async function guess(page) {
  const { phase, role, revision, title, language } = page.state;
  if (guessed || phase !== "online") return;
  guessed = true;
  const fromFile = startedFromFile();
  // The text of a file is the first revision.
  const untouched = revision === 0 ? page.editor.doc.length === 0 : revision === 1 && fromFile;
  if (role !== "write" || !untouched || language !== "markdown" || !/\.[\w+]+$/.test(title)) return;
  const { languageOfFile } = await loadLanguages();
  const found = languageOfFile(title);
  if (found) page.session.setProperties({ language: found });
}

/** @param {PadPage} page */
function addPicker(page) {
  const load = () => import("./language_picker.js");
  loadLater(load);
  const button = byId("language-button", HTMLButtonElement);
  page.on("state", () => {
    button.disabled = page.state.role === "read";
  });
  page.commands.add({
    id: "language.choose",
    title: t("languages.choose"),
    group: "view",
    icon: "code",
    available: () => page.state.role !== "read",
    run: async () => {
      // Letters that are meant for its field must not end up in the text.
      page.editor.view.contentDOM.blur();
      try {
        const { openLanguagePicker } = await loadPart(load);
        openLanguagePicker(page);
      } catch {
        page.editor.focus();
        showToast(t("languages.needsConnection"));
      }
    },
  });
  provideLanguages(page);
}

/** A command for each language, those of code when their names are there. @param {PadPage} page */
function provideLanguages(page) {
  const prose = Object.entries(PROSE_NAMES).map(([id, name]) => ({ id, name }));
  let languages = prose;
  loadLater(loadLanguages, ({ codeLanguages }) => {
    languages = [...prose, ...codeLanguages];
  });
  page.commands.provide(() => {
    if (page.state.role === "read") return [];
    return languages.map(({ id, name }) => ({
      id: `language.set.${id}`,
      title: t("languages.set", { name }),
      group: "view",
      checked: () => languageOf(page) === id,
      run: () => chooseLanguage(page, id),
    }));
  });
}
