/**
 * What the commands of export do: the text as a file, as it is, as Markdown or as HTML, by a name that
 * fits; and what is copied. Loaded in a quiet moment.
 */
import { copy, copyRich, downloadText } from "./clipboard.js";
import { languageOf } from "./language.js";
import { loadPart } from "./later.js";

/** @typedef {import("./page.js").PadPage} PadPage */
/** @typedef {import("./views.js").Views} Views */

/** How files of a language end; what is not here ends in .txt. @type {Record<string, string>} */
const EXTENSIONS = {
  markdown: "md",
  c: "c",
  "c#": "cs",
  "c++": "cpp",
  css: "css",
  dart: "dart",
  diff: "diff",
  go: "go",
  haskell: "hs",
  html: "html",
  java: "java",
  javascript: "js",
  json: "json",
  jsx: "jsx",
  julia: "jl",
  kotlin: "kt",
  latex: "tex",
  lua: "lua",
  perl: "pl",
  php: "php",
  powershell: "ps1",
  python: "py",
  r: "r",
  ruby: "rb",
  rust: "rs",
  scala: "scala",
  scss: "scss",
  shell: "sh",
  sql: "sql",
  swift: "swift",
  toml: "toml",
  tsx: "tsx",
  typescript: "ts",
  vue: "vue",
  xml: "xml",
  yaml: "yaml",
};

/** A title may end as a file's name does. */
const ENDING = /\.[a-z0-9]{1,8}$/i;

/** @param {PadPage} page @param {Views} views */
export function downloadAsText(page, views) {
  const extension = views.isMarkdown ? "txt" : extensionOf(page);
  downloadText(fileName(page, { extension }), page.editor.text(), "text/plain");
}

/** @param {PadPage} page */
export function downloadMarkdown(page) {
  downloadText(fileName(page, { extension: "md" }), page.editor.text(), "text/markdown");
}

/** @param {PadPage} page @param {Views} views */
export async function downloadHtml(page, views) {
  const { htmlFile } = await loadPart(() => import("./html_file.js"));
  const { title } = page.state;
  const html = await htmlFile({ title, text: page.editor.text(), markdown: views.isMarkdown });
  downloadText(fileName(page, { extension: "html" }), html, "text/html");
}

/** @param {PadPage} page @param {Views} views @param {HTMLElement} [button] */
export async function copyMarkdown(page, views, button) {
  copy(await selectedMarkdown(page, views), button);
}

/** As it looks. @param {PadPage} page @param {Views} views @param {HTMLElement} [button] */
export async function copyAsSeen(page, views, button) {
  const source = await selectedMarkdown(page, views);
  const { renderWhole } = await loadPart(() => import("./render_markdown.js"));
  copyRich({ html: renderWhole(source).innerHTML, text: source }, button);
}

/**
 * A name that every file system takes.
 * @param {PadPage} page
 * @param {{ extension?: string, of?: string }} [options]  by default the ending of the pad's
 *   language; `of` says which text of the pad it is
 */
export function fileName(page, { extension = extensionOf(page), of = "" } = {}) {
  const title = page.state.title.replace(/[^\p{L}\p{M}\p{N} ._-]/gu, "").replace(/^[ .]+| +$/g, "");
  const name = title || page.id;
  const [ending = ""] = ENDING.exec(name) ?? [];
  const replaced = extension === "html" || ending.toLowerCase() === `.${extension}`.toLowerCase();
  return `${replaced ? name.replace(ENDING, "") : name}${of}.${extension}`;
}

/** @param {PadPage} page */
function extensionOf(page) {
  return EXTENSIONS[languageOf(page)] ?? ENDING.exec(page.state.title)?.[0].slice(1) ?? "txt";
}

/** What is selected, in the preview or in the text; else everything. @param {PadPage} page @param {Views} views */
async function selectedMarkdown({ editor }, views) {
  const read = (await views.preview)?.selected();
  if (read) {
    const { toMarkdown } = await loadPart(() => import("./to_markdown.js"));
    return toMarkdown(read);
  }
  return editor.selectedText() || editor.text();
}
