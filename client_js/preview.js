/**
 * The pane that shows a Markdown text as it will be read: kept up to date while somebody types,
 * with the scroll position of the text.
 *
 * Only blocks that look different are made anew. What is left over after a slice of work waits for
 * the next one, so that long texts never stand in the way of a key.
 */
import { ChangeSet, MapMode, Text } from "@codemirror/state";
import { byId, element } from "./dom.js";
import { isShortcut } from "./keys.js";
import { Blocks, headingNames, lastAt } from "./markdown_blocks.js";
import { HEADING_PREFIX, renderBlocks } from "./render_markdown.js";
import { ScrollTie } from "./scroll_tie.js";
import { t } from "./strings.js";
import { toMarkdown } from "./to_markdown.js";

/** While somebody types, at most this often. */
const RENDER_MS = 150;

/** A rendering that takes longer would be felt in the typing: then it waits for a pause. */
const COST_MS_MAX = 30;
const PAUSE_MS = 500;

/** When others write without a pause, it takes at most one part in so many of the time. */
const REST_FACTOR = 10;

/** Work at a stretch: a key that is pressed meanwhile still has its frame. */
const SLICE_MS = 6;

/** Blocks that are made together, between two looks at the clock. */
const BATCH = 10;

/** A browser lays out as much at once whenever one of them comes into view. */
const PART_BLOCKS = 200;

/** UTF-16 units: two million are a book of 1,000 pages, and the server's own limit. */
const LENGTH_MAX = 2_000_000;

/** The text has these keys of its own. */
const UNDO_KEYS = [
  { name: "edit.undo", keys: "Mod-z" },
  { name: "edit.redo", keys: "Mod-Shift-z" },
];

const TASK_MARK = /\[[ xX]\]\s/;

/** @typedef {import("./markdown_blocks.js").Block} Block */
/** @typedef {{ block: Block, node: HTMLElement }} Shown */
/**
 * @typedef {object} Work  a part of the text that is to be shown, in slices
 * @property {Block[]} blocks
 * @property {number} at  the next one
 * @property {number} stop
 * @property {HTMLElement | null} after  what comes behind them
 * @property {Map<string, HTMLElement[]>} reusable  by key
 */

export class Preview {
  #page;
  #pane = byId("preview", HTMLElement);
  /** In parts, of which only those in view cost anything. */
  #content = element("div", "page");
  #blocks = new Blocks();
  /** What is in the pane, in order. @type {Shown[]} */
  #shown = [];
  /** What it is of. @type {import("@codemirror/state").Text} */
  #doc = Text.empty;
  /** What has been written since. @type {import("@codemirror/state").ChangeDesc} */
  #since = ChangeSet.empty(0);
  #visible = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #renderedAt = 0;
  /** How long the last one took, to the frame that shows it. */
  #cost = 0;
  /** What is being rendered, or was last. @type {Work | null} */
  #work = null;
  /** Elements that are made, and not yet in the page. */
  #waiting = document.createDocumentFragment();
  #writable = false;
  /** Boxes that were pressed since all was shown. @type {Set<HTMLInputElement>} */
  #pressed = new Set();
  #sizes = new ResizeObserver(() => this.#tie.settle());
  #tie;

  /** @param {import("./page.js").PadPage} page */
  constructor(page) {
    this.#page = page;
    this.#pane.replaceChildren(this.#content);
    this.#tie = new ScrollTie({
      view: page.editor.view,
      pane: this.#pane,
      anchors: () => this.#shown,
      active: () => this.#visible,
    });
    page.on("update", (update) => this.#changed(update));
    page.on("state", () => this.#showWritable());
    this.#content.addEventListener("change", (event) => this.#toggleTask(event));
    this.#content.addEventListener("click", (event) => this.#followLink(event));
    this.#pane.addEventListener("keydown", (event) => this.#undo(event));
    this.#content.addEventListener("copy", (event) => this.#copy(event));
  }

  /** @param {boolean} visible */
  setVisible(visible) {
    if (visible === this.#visible) return;
    this.#visible = visible;
    if (!visible) return;
    this.#render();
    this.#tie.followText();
  }

  // --- keeping up

  /** @param {import("@codemirror/view").ViewUpdate} update */
  #changed(update) {
    if (!this.#visible) return;
    // After a new text there is no way from what is shown, until that is shown.
    if (update.docChanged && this.#since.newLength === update.changes.length)
      this.#since = this.#since.composeDesc(update.changes.desc);
    if (!update.docChanged && update.geometryChanged) this.#tie.settle();
    if (update.state.doc === this.#doc) return;
    const mine = update.transactions.some((transaction) => transaction.isUserEvent("input"));
    const pause = mine && this.#cost > COST_MS_MAX;
    if (this.#timer !== undefined && !pause) return;
    clearTimeout(this.#timer);
    const since = performance.now() - this.#renderedAt;
    const wait = Math.max(RENDER_MS, this.#cost * REST_FACTOR) - since;
    this.#timer = setTimeout(() => this.#render(), Math.max(pause ? PAUSE_MS : 0, wait));
  }

  #render() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { doc } = this.#page.editor;
    if (!this.#visible || doc === this.#doc) return;
    const begun = performance.now();
    this.#showWritable();
    const focused = this.#focusedTask();
    this.#doc = doc;
    this.#since = ChangeSet.empty(doc.length);
    const tooLong = doc.length > LENGTH_MAX;
    this.#blocks.update(tooLong ? "" : doc.toString());
    this.#patch(this.#blocks.list);
    if (focused >= 0) this.#focusTask(focused);
    if (tooLong) this.#content.append(element("p", "hint", t("views.tooLong")));
    this.#renderedAt = performance.now();
    // To lay it out and to paint it may cost more than to make it.
    requestAnimationFrame(() => setTimeout(() => (this.#cost = performance.now() - begun)));
  }

  /** @param {Block[]} blocks */
  #patch(blocks) {
    this.#insert(this.#work);
    const { start, end } = sameEnds(this.#shown, blocks);
    const stop = blocks.length - end;
    const gone = this.#shown.splice(start, this.#shown.length - end - start);
    if (this.#shown.length === 0) this.#content.replaceChildren();
    /** @type {Map<string, HTMLElement[]>} */
    const reusable = new Map();
    for (const { block, node } of gone) {
      const part = node.parentElement;
      node.remove();
      if (part?.childElementCount === 0) part.remove();
      reusable.set(block.key, [node, ...(reusable.get(block.key) ?? [])]);
    }
    this.#shown.forEach((shown, at) => {
      shown.block = blocks[at < start ? at : at - start + stop];
    });
    const after = this.#shown[start]?.node ?? null;
    this.#work = { blocks, at: start, stop, after, reusable };
    this.#fill(this.#work);
  }

  /** @param {Work} work */
  #fill(work) {
    const { blocks, stop, reusable } = work;
    const end = performance.now() + SLICE_MS;
    while (work.at < stop && performance.now() < end) {
      const batch = blocks.slice(work.at, Math.min(work.at + BATCH, stop));
      const kept = batch.map(({ key }) => reusable.get(key)?.pop());
      const made = renderBlocks(this.#blocks, batch.filter((_, index) => !kept[index]));
      const nodes = kept.map((node) => node ?? /** @type {HTMLElement} */ (made.shift()));
      this.#shown.splice(work.at, 0, ...nodes.map((node, at) => ({ block: batch[at], node })));
      for (const node of nodes) this.#enableTasks(node);
      this.#waiting.append(...nodes);
      work.at += batch.length;
      // Each insertion is laid out: few large ones, and yet the first lines at once.
      if (this.#waiting.childNodes.length * 2 > work.at) this.#insert(work);
    }
    if (work.at === stop) {
      this.#insert(work);
      this.#finished();
    } else {
      // A newer text may come between two slices; that begins from what is shown by then.
      setTimeout(() => this.#work === work && this.#fill(work));
    }
  }

  /** What is made comes into the page. @param {Work | null} work */
  #insert(work) {
    const after = work?.after ?? null;
    const part = after?.parentElement ?? this.#content.lastElementChild;
    const room = PART_BLOCKS - (part?.childElementCount ?? PART_BLOCKS);
    if (part && this.#waiting.childElementCount <= room) {
      part.insertBefore(this.#waiting, after);
      return;
    }
    const rest = after && part ? this.#split(part, after) : null;
    while (this.#waiting.firstChild) {
      const made = this.#content.insertBefore(this.#makePart(), rest);
      made.append(...[...this.#waiting.children].slice(0, PART_BLOCKS));
    }
  }

  /** The part, from a block on, becomes one of its own. @param {Element} part @param {Element} first */
  #split(part, first) {
    if (part.firstElementChild === first) return part;
    const rest = this.#makePart();
    const blocks = [...part.children];
    rest.append(...blocks.slice(blocks.indexOf(first)));
    part.after(rest);
    return rest;
  }

  #makePart() {
    const part = element("div", "markdown");
    // It knows its height only when it is shown: then the two sides meet anew.
    this.#sizes.observe(part);
    return part;
  }

  #finished() {
    headingNames(this.#blocks.list).forEach((name, at) => {
      const { node } = this.#shown[at];
      const id = name === null ? "" : HEADING_PREFIX + name;
      if (node.id !== id) node.id = id;
    });
    this.#releaseBoxes();
    this.#tie.settle();
    this.#pane.dataset.ready = "true";
  }

  // --- what one can do in it

  #showWritable() {
    const { writable } = this.#page.editor;
    if (writable === this.#writable) return;
    this.#writable = writable;
    for (const { node } of this.#shown) this.#enableTasks(node);
  }

  /** @param {HTMLElement} node */
  #enableTasks(node) {
    for (const box of node.querySelectorAll("input")) box.disabled = !this.#writable;
  }

  /** @param {Event} event */
  #toggleTask({ target }) {
    if (!(target instanceof HTMLInputElement)) return;
    this.#pressed.add(target);
    const { view, doc, writable } = this.#page.editor;
    const at = this.#placeOf(target);
    if (!writable || at < 0 || !/^\[[ xX]\]/.test(doc.sliceString(at - 1, at + 2))) {
      target.checked = !target.checked;
      return;
    }
    view.dispatch({
      changes: { from: at, to: at + 1, insert: target.checked ? "x" : " " },
      userEvent: "input.task",
    });
  }

  /** What was ticked by mistake is taken back where it was ticked. @param {KeyboardEvent} event */
  #undo(event) {
    const name = UNDO_KEYS.find(({ keys }) => isShortcut(event, keys))?.name;
    if (name === undefined) return;
    event.preventDefault();
    this.#page.commands.run(name);
  }

  /**
   * A box changes at once when it is pressed. If the text is what it was by the time that it is shown
   * again, the box is the same element, and has to say so.
   */
  #releaseBoxes() {
    if (this.#page.editor.doc !== this.#doc) return;
    for (const box of this.#pressed) box.checked = box.defaultChecked;
    this.#pressed.clear();
  }

  /**
   * Where the mark of a box is in the text of now, which is newer than what is shown; or -1.
   * @param {Element | null} box
   */
  #placeOf(box) {
    const shown = this.#shown.find(({ node }) => node.contains(box));
    if (!shown || !(box instanceof HTMLInputElement)) return -1;
    const line = this.#doc.line(shown.block.line + Number(box.dataset.line) + 1);
    const at = line.text.search(TASK_MARK);
    if (at < 0 || this.#since.length !== this.#doc.length) return -1;
    return this.#since.mapPos(line.from + at + 1, 1, MapMode.TrackDel) ?? -1;
  }

  #focusedTask() {
    const { activeElement } = document;
    return this.#content.contains(activeElement) ? this.#placeOf(activeElement) : -1;
  }

  /** Gives the focus back to a box that has been made anew. @param {number} place */
  #focusTask(place) {
    if (this.#content.contains(document.activeElement)) return;
    const at = this.#doc.lineAt(Math.min(place, this.#doc.length)).number - 1;
    const shown = this.#shown[lastAt(this.#shown.map(({ block }) => block), at)];
    const box = shown?.node.querySelector(`input[data-line="${at - shown.block.line}"]`);
    if (box instanceof HTMLElement) box.focus({ preventScroll: true });
  }

  /** A link to a heading of this text. @param {MouseEvent} event */
  #followLink(event) {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    const href = link?.getAttribute("href");
    if (!href?.startsWith("#")) return;
    event.preventDefault();
    const heading = document.getElementById(HEADING_PREFIX + decoded(href.slice(1)));
    heading?.scrollIntoView({ block: "start" });
  }

  /** Other programs get it as it looks, plain texts get the Markdown. @param {ClipboardEvent} event */
  #copy(event) {
    const selected = this.selected();
    if (selected === null || event.clipboardData === null) return;
    event.preventDefault();
    event.clipboardData.setData("text/plain", toMarkdown(selected));
    event.clipboardData.setData("text/html", selected.innerHTML);
  }

  /** A copy of what is selected in the pane. */
  selected() {
    const selection = getSelection();
    if (!this.#visible || !selection || selection.isCollapsed) return null;
    const range = selection.getRangeAt(0);
    if (!this.#content.contains(range.commonAncestorContainer)) return null;
    return element("div", "", range.cloneContents());
  }
}

/** @param {string} name */
function decoded(name) {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** How many look the same at both ends. @param {Shown[]} shown @param {Block[]} blocks */
function sameEnds(shown, blocks) {
  const most = Math.min(shown.length, blocks.length);
  let start = 0;
  while (start < most && shown[start].block.key === blocks[start].key) start += 1;
  let end = 0;
  while (
    end < most - start &&
    shown[shown.length - 1 - end].block.key === blocks[blocks.length - 1 - end].key
  )
    end += 1;
  return { start, end };
}
