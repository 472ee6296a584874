/**
 * What a text is indented by: as its first indented lines do it, else as its language usually
 * does. Pure.
 */

/** @typedef {import("@codemirror/state").Text} Text */

/** Those that have four spaces by custom; Go and make have tabs, others two spaces. */
const FOUR =
  /^(python|cython|java|c|c\+\+|c#|php|rust|kotlin|swift|objective-c.*|scala|groovy|perl|powershell|d|cobol|sql|.* sql|mysql|plsql|postgresql)$/;
const TABS = /^(go|makefile|gas|nginx)$/;

/** What the first indented lines say is enough; a long text is not read to its end. */
const LINES_MAX = 1_000;

const SPACES_MAX = 8;

/** One step of indentation. @param {Text} doc @param {string} language @returns {string} */
export function indentOf(doc, language) {
  return indentUsed(doc) ?? (TABS.test(language) ? "\t" : " ".repeat(FOUR.test(language) ? 4 : 2));
}

/**
 * The most frequent step from one line to the next, deeper one.
 * @param {Text} doc @returns {string | null}
 */
function indentUsed(doc) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  let before = "";
  for (const line of doc.iterLines(1, Math.min(doc.lines, LINES_MAX) + 1)) {
    const [indent] = /** @type {RegExpExecArray} */ (/^[ \t]*/.exec(line));
    if (indent.length === line.length) continue;
    if (indent.length > before.length && indent.startsWith(before)) {
      const step = indent[0] === "\t" ? "\t" : indent.slice(before.length);
      if (step.length > (step === "\t" ? 0 : 1) && step.length <= SPACES_MAX)
        counts.set(step, (counts.get(step) ?? 0) + 1);
    }
    before = indent;
  }
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? null;
}
