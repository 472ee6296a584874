/**
 * The texts of the interface in the person's language: `t("people.here", { count: 5 })`.
 *
 * They are kept in strings/*.json, one file for each language, for these scripts and for the
 * templates alike. The page loads those of its own language as a script of its own, before this
 * one.
 */

/** @typedef {typeof import("../strings/en.json")} Catalogue */
/** @typedef {{ [S in keyof Catalogue]: `${S}.${keyof Catalogue[S] & string}` }[keyof Catalogue]} Key */

/** What the page's script of strings sets. @returns {Record<string, Record<string, string | Record<string, string>>>} */
const catalogue = () => /** @type {any} */ (globalThis).deltapadStrings;

/** The language of the page, as in `<html lang>`. */
export const language = globalThis.document?.documentElement.lang || "en";

/**
 * As exactly as the browser says it, such as "en-GB": for dates and numbers. What some systems
 * say, such as "en-US@posix", is no language tag.
 */
export const locale =
  globalThis.navigator?.languages?.find(
    (code) => /^[a-z]+(-[a-z0-9]+)*$/i.test(code) && code.split("-")[0] === language,
  ) ?? language;

const plurals = new Intl.PluralRules(language);

/**
 * A text with its values put in. Numbers are written as the language does it; what is no quantity,
 * such as a revision, is given as a string. `count` chooses among the forms of a text that has
 * several.
 *
 * @param {Key} key @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  const [section, name] = key.split(".");
  const entry = catalogue()[section]?.[name];
  if (entry === undefined) throw new Error(`there is no text ${key}`);
  const text = typeof entry === "string" ? entry : entry[plurals.select(Number(values.count))];
  return text.replace(/\{(\w+)\}/g, (_, at) => {
    const value = values[at];
    return typeof value === "number" ? value.toLocaleString(locale) : value;
  });
}
