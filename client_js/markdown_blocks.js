/**
 * Markdown as a list of blocks (paragraphs, lists, tables, …), each with its HTML: pure, text in,
 * text out.
 *
 * A change parses only the blocks around it.
 */
import { markdown } from "./markdown_rules.js";

/**
 * @typedef {object} Block
 * @property {string} source  its lines
 * @property {number} line  its first line, from 0
 * @property {string | null} heading  the source of a heading's words
 * @property {string} key  blocks of the same key look the same
 */

/** Lines that are parsed behind a change at first; doubled until the old blocks fit again. */
const WINDOW_LINES = 64;

/**
 * May define what links of the form [words][name] refer to, from anywhere in the text: such a text
 * is parsed whole each time.
 */
const DEFINITION = /^[ \t>*+\d.)-]*\[[^\]\n]*(?:\n[^\]\n]*)?\]:/m;

/** @typedef {import("markdown-it").Env} Environment */

/** The blocks of a text that changes. */
export class Blocks {
  /** @type {Block[]} */
  list = [];
  /** @type {string[]} */
  #lines = [];
  /** How often the definitions have changed: what may refer to them looks new then. */
  #version = 0;
  /** @type {Environment} */
  #env = {};

  /** @param {string} text */
  update(text) {
    const lines = text.replaceAll("\r", " ").replaceAll("\0", "\uFFFD").split("\n");
    if (DEFINITION.test(text) || this.#env.references) {
      const { references } = this.#env;
      this.#env = {};
      const tokens = parse(lines, this.#env);
      if (JSON.stringify(references) !== JSON.stringify(this.#env.references)) this.#version += 1;
      this.list = this.#blocks(tokens, lines, 0);
    } else {
      this.list = this.#updated(lines);
    }
    this.#lines = lines;
  }

  /** @param {Block} block @param {{ remoteImages?: boolean }} [options] @returns {string} HTML */
  html(block, { remoteImages = false } = {}) {
    return markdown.render(block.source, { ...this.#env, remoteImages });
  }

  /** @param {string[]} lines @returns {Block[]} */
  #updated(lines) {
    const [before, old] = [this.#lines, this.list];
    const same = commonLines(before, lines);
    if (same.start === before.length && same.start === lines.length) return old;
    // The block before the changed one may grow over its end, as a list does.
    let kept = Math.max(0, lastAt(old, same.start) - 1);
    const first = kept === 0 ? 0 : old[kept].line;
    const shift = lines.length - before.length;
    const changeEnd = lines.length - same.end;
    for (let window = WINDOW_LINES; ; window *= 2) {
      const end = Math.min(lines.length, changeEnd + window);
      const parsed = this.#parsed(lines.slice(first, end), first);
      const result = old.slice(0, kept);
      if (end === lines.length) return result.concat(parsed);
      // The last one was perhaps cut off.
      parsed.pop();
      for (const block of parsed) {
        const at = block.line >= changeEnd ? lastAt(old, block.line - shift) : -1;
        // From a line where a block begins, before and now, all goes on as it did.
        if (at >= 0 && old[at].line + shift === block.line)
          return result.concat(old.slice(at).map((item) => ({ ...item, line: item.line + shift })));
        result.push(block);
      }
    }
  }

  /** @param {string[]} lines @param {number} first  the line that they begin at */
  #parsed(lines, first) {
    return this.#blocks(parse(lines, this.#env), lines, first);
  }

  /** @param {import("markdown-it").Token[]} tokens @param {string[]} lines @param {number} first */
  #blocks(tokens, lines, first) {
    /** @type {Block[]} */
    const blocks = [];
    tokens.forEach((token, index) => {
      if (token.level > 0 || token.nesting < 0 || token.map === null) return;
      const source = lines.slice(...token.map).join("\n");
      const refers = source.includes("[") ? `\n${this.#version}` : "";
      const heading = token.type === "heading_open" ? tokens[index + 1].content : null;
      blocks.push({ source, line: first + token.map[0], heading, key: source + refers });
    });
    return blocks;
  }
}

/**
 * Blocks only, without what is in their lines: that is made when one is shown.
 * @param {string[]} lines @param {Environment} env
 */
function parse(lines, env) {
  /** @type {import("markdown-it").Token[]} */
  const tokens = [];
  markdown.block.parse(lines.join("\n"), markdown, env, tokens);
  return tokens;
}

/**
 * Names for headings to link to, as `#what-readers-will-notice`.
 * @param {Block[]} blocks
 * @returns {(string | null)[]} for each block
 */
export function headingNames(blocks) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  return blocks.map(({ heading }) => {
    if (heading === null) return null;
    const words = heading.toLowerCase().replace(/[^\p{L}\p{M}\p{N}\s_-]/gu, "");
    const name = words.trim().replace(/\s+/g, "-") || "heading";
    const count = counts.get(name) ?? 0;
    counts.set(name, count + 1);
    return count === 0 ? name : `${name}-${count}`;
  });
}

/**
 * The last block that begins at the line or before it, or -1.
 * @param {Block[]} blocks @param {number} line
 */
export function lastAt(blocks, line) {
  let [low, high] = [0, blocks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (blocks[middle].line <= line) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** How many lines are the same at both ends. @param {string[]} a @param {string[]} b */
function commonLines(a, b) {
  const most = Math.min(a.length, b.length);
  let start = 0;
  while (start < most && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < most - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  return { start, end };
}
