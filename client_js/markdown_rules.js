/**
 * Markdown as a pad has it: tables, links without brackets, tasks; paragraphs in their own
 * direction; links and pictures that give nothing away.
 *
 * HTML in the source stays text. What the parser makes is sanitised all the same before it becomes
 * elements (render_markdown.js).
 */
import MarkdownIt from "markdown-it";

/** Everything else that has a scheme, such as `javascript:` or `data:`, is no link. */
const SCHEME = /^(?:https?:|mailto:|tel:|(?![a-z][a-z0-9+.-]*:))/i;

const TASK = /^\[([ xX])\]\s+/;

/** A longer line, in UTF-16 units, is shown as it is written: its marks would take seconds. */
const LINE_MAX = 50_000;

export const markdown = new MarkdownIt({ html: false, linkify: true });
markdown.validateLink = (url) => SCHEME.test(url.trim());
markdown.core.ruler.before("inline", "long_lines", longLines);
markdown.core.ruler.push("tasks", tasks);
markdown.core.ruler.push("directions", directions);

const { escapeHtml } = markdown.utils;

/** Paragraphs with a very long line become text, so that nothing looks for marks. @param {any} state */
function longLines({ tokens }) {
  for (const token of tokens) {
    const { type, content } = token;
    if (type !== "inline" || content.length <= LINE_MAX) continue;
    if (content.split("\n").every((/** @type {string} */ line) => line.length <= LINE_MAX)) continue;
    token.type = "text";
  }
}

/** `- [x] words` becomes a box. @param {any} state */
function tasks(state) {
  const { tokens } = state;
  tokens.forEach((/** @type {any} */ token, /** @type {number} */ index) => {
    const item = tokens[index - 2];
    const box = token.type === "inline" ? TASK.exec(token.content) : null;
    const [first] = token.children ?? [];
    if (!box || item?.type !== "list_item_open" || first?.type !== "text") return;
    first.content = first.content.replace(TASK, "");
    const words = token.children.map((/** @type {any} */ child) => child.content).join("");
    const made = new state.Token("task_box", "input", 0);
    made.attrs = [
      ["type", "checkbox"],
      ["data-line", String(token.map[0])],
      ["aria-label", words.trim()],
    ];
    if (box[1] !== " ") made.attrPush(["checked", ""]);
    item.attrJoin("class", "task");
    token.children.unshift(made);
  });
}

const WITH_DIRECTION = new Set(["p", "h1", "h2", "h3", "h4", "h5", "h6", "li", "th", "td"]);

/** Each paragraph is written in its own direction. @param {any} state */
function directions(state) {
  for (const token of state.tokens) {
    if (token.nesting === 1 && WITH_DIRECTION.has(token.tag)) token.attrSet("dir", "auto");
    // A style attribute would be refused by the page's policy.
    const align = /(left|center|right)$/.exec(String(token.attrGet?.("style")));
    if (align === null) continue;
    token.attrs = token.attrs.filter((/** @type {string[]} */ [name]) => name !== "style");
    token.attrSet("class", align[1]);
  }
}

const { rules, renderToken } = markdown.renderer;

rules.link_open = (tokens, index, options) => {
  const token = tokens[index];
  if (!String(token.attrGet("href")).startsWith("#")) {
    token.attrSet("target", "_blank");
    token.attrSet("rel", "noopener noreferrer nofollow");
  }
  return renderToken.call(markdown.renderer, tokens, index, options);
};

// To look at a pad must not tell another server who does, so a picture is a link to it.
rules.image = (tokens, index, options, env, renderer) => {
  const token = tokens[index];
  const url = String(token.attrGet("src") ?? "");
  const alt = renderer.renderInlineAsText(token.children ?? [], options, env) || url;
  const remote = /^https?:/i.test(url);
  if (remote && env?.remoteImages)
    return `<img src="${escapeHtml(url)}" alt="${escapeHtml(alt)}" loading="lazy">`;
  const opened = tokens.slice(0, index).reduce(
    (depth, { type }) => depth + Number(type === "link_open") - Number(type === "link_close"),
    0,
  );
  const words = `<span class="elsewhere">${escapeHtml(alt)}</span>`;
  if (!remote || opened > 0) return words;
  const rel = "noopener noreferrer nofollow";
  return `<a href="${escapeHtml(url)}" target="_blank" rel="${rel}">${words}</a>`;
};

// Wide tables scroll by themselves, also by keyboard.
rules.table_open = () => '<div class="table" tabindex="0"><table>';
rules.table_close = () => "</table></div>";
