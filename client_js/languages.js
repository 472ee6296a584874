/**
 * The languages of code, by id: all that CodeMirror knows, each of which is loaded when it is
 * chosen.
 *
 * The id is what everybody is told, within what the protocol allows for one: the name in lower
 * case, without what is no letter, digit or one of `+ # . -`.
 */
import { closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import {
  bracketMatching,
  foldKeymap,
  indentOnInput,
  LanguageDescription,
  syntaxHighlighting,
} from "@codemirror/language";
import { languages } from "@codemirror/language-data";
import { keymap } from "@codemirror/view";
import { tagHighlighter, tags } from "@lezer/highlight";

/** @param {string} name such as "C++" or "Closure Stylesheets (GSS)" */
function idOf(name) {
  return name
    .normalize("NFD")
    .toLowerCase()
    .replaceAll("_", "-")
    .replace(/[^a-z0-9+#. -]/g, "");
}

// Markdown is the page's own, in markdown.js.
const known = new Map(
  languages
    .filter(({ name }) => name !== "Markdown")
    .map((description) => [idOf(description.name), description]),
);

/** By id, in the order of their names. */
export const codeLanguages = [...known]
  .map(([id, { name }]) => ({ id, name }))
  .sort((a, b) => a.name.localeCompare(b.name, "en"));

/** The id of the language of a file. @param {string} name @returns {string | null} */
export function languageOfFile(name) {
  if (/\.(txt|text|log)$/i.test(name)) return "plain";
  const description = LanguageDescription.matchFilename([...known.values()], name);
  return description && idOf(description.name);
}

/**
 * What the editor needs for a language; for one that this version does not know, nothing but
 * brackets.
 * @param {string} id @returns {Promise<import("@codemirror/state").Extension>}
 */
export async function loadLanguage(id) {
  const support = (await known.get(id)?.load()) ?? [];
  return [
    support,
    syntaxHighlighting(highlighter),
    bracketMatching(),
    closeBrackets(),
    indentOnInput(),
    keymap.of([...closeBracketsKeymap, ...foldKeymap]),
  ];
}

const { definition, special } = tags;

// Classes and not styles: the style sheet has them for both themes. The more exact tag wins.
const highlighter = tagHighlighter([
  { tag: [tags.keyword, tags.tagName, tags.heading, tags.changed], class: "code-keyword" },
  { tag: [tags.string, special(tags.string), tags.character, tags.inserted], class: "code-string" },
  { tag: [tags.regexp, tags.escape, tags.attributeValue, tags.url], class: "code-string" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom, tags.color], class: "code-number" },
  { tag: [tags.special(tags.variableName), tags.unit], class: "code-number" },
  {
    tag: [tags.function(tags.variableName), tags.function(tags.propertyName)],
    class: "code-function",
  },
  {
    tag: [tags.function(definition(tags.variableName)), tags.function(definition(tags.propertyName))],
    class: "code-function",
  },
  { tag: [tags.macroName, tags.labelName, tags.attributeName, tags.link], class: "code-function" },
  { tag: [tags.typeName, tags.className, tags.namespace], class: "code-type" },
  { tag: [definition(tags.className), definition(tags.typeName)], class: "code-type" },
  { tag: [tags.standard(tags.name), tags.standard(tags.typeName)], class: "code-type" },
  { tag: tags.comment, class: "code-comment" },
  { tag: [tags.operator, tags.meta, tags.processingInstruction], class: "code-operator" },
  { tag: [tags.invalid, tags.deleted], class: "code-wrong" },
  { tag: tags.strong, class: "md-strong" },
  { tag: tags.emphasis, class: "md-emphasis" },
  { tag: tags.self, class: "" },
]);
