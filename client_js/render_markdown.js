/**
 * Markdown to elements. Whatever the parser says, only the elements and attributes listed here come
 * into the page.
 */
import DOMPurify from "dompurify";
import { element } from "./dom.js";
import { Blocks, headingNames } from "./markdown_blocks.js";

/** Heading names stay apart from the ids of the page. */
export const HEADING_PREFIX = "section-";

/** Blocks that are sanitised in one go: each call has a cost of its own. */
const BATCH = 50;

/** @type {import("dompurify").Config & { RETURN_DOM_FRAGMENT: true }} */
const RULES = {
  ALLOWED_TAGS: [
    ...["h1", "h2", "h3", "h4", "h5", "h6", "p", "blockquote", "pre", "hr", "br", "div"],
    ...["ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td"],
    ...["a", "code", "em", "img", "input", "s", "span", "strong"],
  ],
  ALLOWED_ATTR: [
    ...["alt", "checked", "class", "data-line", "dir", "href", "loading", "rel", "src", "start"],
    ...["tabindex", "target", "title", "type"],
  ],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|tel:|(?![a-z][a-z0-9+.-]*:))/i,
  ALLOW_DATA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

/** Whether the server lets the page show pictures from elsewhere. */
const remoteImages = () => document.body.dataset.remoteImages === "true";

/**
 * @param {Blocks} blocks @param {import("./markdown_blocks.js").Block[]} list  some of them
 * @returns {HTMLElement[]} one for each
 */
export function renderBlocks(blocks, list) {
  const html = list.map((block) => blocks.html(block, { remoteImages: remoteImages() }));
  // Each in a box of its own, so that nothing of one block can end up in the next.
  const clean = DOMPurify.sanitize(html.map((part) => `<div>${part}</div>`).join(""), RULES);
  return [...clean.children].map(({ firstElementChild: made }) => {
    if (!(made instanceof HTMLElement)) return element("p");
    for (const code of made.matches("pre") ? [made] : made.querySelectorAll("pre"))
      code.setAttribute("tabindex", "0");
    return made;
  });
}

/** A whole text at once, for paper and for a file. @param {string} text */
export function renderWhole(text) {
  const blocks = new Blocks();
  blocks.update(text);
  const whole = element("div", "markdown");
  for (let at = 0; at < blocks.list.length; at += BATCH)
    whole.append(...renderBlocks(blocks, blocks.list.slice(at, at + BATCH)));
  headingNames(blocks.list).forEach((name, index) => {
    if (name !== null) whole.children[index].id = HEADING_PREFIX + name;
  });
  for (const link of whole.querySelectorAll('a[href^="#"]'))
    link.setAttribute("href", `#${HEADING_PREFIX}${link.getAttribute("href")?.slice(1)}`);
  for (const box of whole.querySelectorAll("input")) {
    box.disabled = true;
    box.removeAttribute("data-line");
  }
  return whole;
}
