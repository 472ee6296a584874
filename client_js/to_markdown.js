/**
 * Elements back to Markdown, for copying: only what render_markdown.js lets through comes here.
 */

/** Around their words. @type {Record<string, string>} */
const MARKS = { STRONG: "**", EM: "*", S: "~~" };

const BLOCKS = "h1,h2,h3,h4,h5,h6,p,blockquote,pre,hr,div,ul,ol,li,table,thead,tbody,tr";

/** @param {Element} parent  what is in it, not itself */
export function toMarkdown(parent) {
  return blocksOf(parent).join("\n\n");
}

/** @param {Element} parent @returns {string[]} */
function blocksOf(parent) {
  /** @type {string[]} */
  const blocks = [];
  let line = "";
  /** @type {string[]} */
  let items = [];
  const flush = () => {
    if (line.trim() !== "") blocks.push(line.trim());
    if (items.length > 0) blocks.push(items.join("\n"));
    line = "";
    items = [];
  };
  for (const node of parent.childNodes) {
    if (!(node instanceof Element) || !node.matches(BLOCKS)) {
      line += inline(node);
      continue;
    }
    // A selection inside of a list has items without their list.
    if (node.tagName !== "LI" || items.length === 0) flush();
    if (node.tagName === "LI") items.push(item(node, "- "));
    else blocks.push(block(node));
  }
  flush();
  return blocks.filter((text) => text !== "");
}

/** @param {Element} node @returns {string} */
function block(node) {
  switch (node.tagName) {
    case "PRE":
      return fence(node);
    case "HR":
      return "---";
    case "BLOCKQUOTE":
      return toMarkdown(node).replace(/^/gm, "> ").replace(/(?<! ) +$/gm, "");
    case "UL":
    case "OL":
      return list(node);
    case "TABLE":
      return table(node);
    case "P":
      return inlines(node).trim();
  }
  const heading = /^H([1-6])$/.exec(node.tagName);
  if (heading) return `${"#".repeat(Number(heading[1]))} ${inlines(node).trim()}`;
  if (node.tagName === "TR") return row(node);
  return toMarkdown(node);
}

/** @param {Element} node */
function list(node) {
  const start = Number(node.getAttribute("start") ?? 1);
  const items = [...node.children].map((child, index) =>
    item(child, node.tagName === "OL" ? `${start + index}. ` : "- "),
  );
  // Where the items were apart, as paragraphs, they stay so.
  return items.join(node.querySelector(":scope > li > p") ? "\n\n" : "\n");
}

/** @param {Element} node @param {string} mark */
function item(node, mark) {
  const loose = node.querySelector(":scope > p") !== null;
  const indent = " ".repeat(mark.length);
  const text = blocksOf(node).join(loose ? "\n\n" : "\n");
  return mark + text.replace(/\n(?=[^\n])/g, `\n${indent}`);
}

/** @param {Element} node */
function fence(node) {
  const text = (node.textContent ?? "").replace(/\n$/, "");
  const language = /language-(\S+)/.exec(node.firstElementChild?.className ?? "")?.[1] ?? "";
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((ticks) => ticks.length));
  const ticks = "`".repeat(longest + 1);
  return `${ticks}${language}\n${text}\n${ticks}`;
}

/** @param {Element} node */
function table(node) {
  const [head, ...rows] = [...node.querySelectorAll("tr")];
  if (!head) return "";
  const dashes = [...head.children].map(
    ({ className }) => ({ left: ":--", center: ":-:", right: "--:" })[className] ?? "---",
  );
  return [row(head), `| ${dashes.join(" | ")} |`, ...rows.map(row)].join("\n");
}

/** @param {Element} node */
function row(node) {
  const cells = [...node.children].map((cell) => inlines(cell).trim().replaceAll("|", "\\|"));
  return `| ${cells.join(" | ")} |`;
}

/** @param {Element} node */
function inlines(node) {
  return [...node.childNodes].map(inline).join("");
}

/** @param {Node} node @returns {string} */
function inline(node) {
  if (!(node instanceof Element)) return escaped(node.textContent ?? "");
  const words = inlines(node);
  switch (node.tagName) {
    case "BR":
      return "  \n";
    case "CODE":
      return code(node.textContent ?? "");
    case "INPUT":
      return node.hasAttribute("checked") ? "[x] " : "[ ] ";
    case "IMG":
      return `![${escaped(node.getAttribute("alt") ?? "")}](${node.getAttribute("src")})`;
    case "A": {
      const href = node.getAttribute("href") ?? "";
      if (node.querySelector(".elsewhere")) return `![${words}](${href})`;
      return node.textContent === href ? href : `[${words}](${href})`;
    }
  }
  const mark = MARKS[node.tagName] ?? "";
  return words === "" ? "" : mark + words + mark;
}

/** @param {string} text */
function code(text) {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map((ticks) => ticks.length));
  const ticks = "`".repeat(longest + 1);
  const space = /^`|`$/.test(text) ? " " : "";
  return ticks + space + text + space + ticks;
}

/** What would be a mark is written so that it is none. @param {string} text */
function escaped(text) {
  return text
    .replace(/[\\*`[\]<~]/g, "\\$&")
    .replace(/(^|[^\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, (found) => found.replace("_", "\\_"))
    .replace(/^(#{1,6}|[-+>]|\d+[.)])(?=\s)/, "\\$1");
}
