/**
 * Names of pads: what of a name stands in its address, and the name that a file gives. Pure.
 */

/** As the server has it (server/pages.py). */
const SLUG_LENGTH_MAX = 40;

/**
 * The readable part of the address that a name makes; "" if nothing of it is readable there.
 * @param {string} name
 */
export function slugOf(name) {
  const words = name.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  return withoutHyphens(withoutHyphens(words).slice(0, SLUG_LENGTH_MAX));
}

/** @param {string} words */
function withoutHyphens(words) {
  return words.replace(/^-+|-+$/g, "");
}

/** "notes.md" is called "notes"; "transform.py" keeps what says its language. @param {string} fileName */
export function titleOfFile(fileName) {
  return fileName.replace(/(?<=.)\.(md|markdown|txt|text)$/i, "");
}
