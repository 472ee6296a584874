/**
 * Reading a file that is meant to be text: UTF-8 without anything that no text has. Pure.
 */

/**
 * The text with "\n" between lines and without a byte order mark; null for what is not text.
 * @param {Uint8Array} bytes @returns {string | null}
 */
export function textOf(bytes) {
  if (bytes.includes(0)) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes).replace(/\r\n?/g, "\n");
  } catch {
    return null;
  }
}

/** How many lines a text has, one that ends in a line break having none behind it. @param {string} text */
export function lineCount(text) {
  const breaks = text.match(/\n/g)?.length ?? 0;
  return breaks + (text.endsWith("\n") ? 0 : 1);
}
