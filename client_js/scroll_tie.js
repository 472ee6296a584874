/**
 * Text and preview side by side show the same place: each heading, and each block between, stands
 * at the top of both at the same time.
 */
/** @typedef {import("./preview.js").Shown} Shown */

/** Pixels by which a scroll position may differ from what was set: browsers round. */
const ROUNDING = 2;

/** What the text scrolls so soon after the preview, it does while it learns how high its lines are. */
const SETTLE_MS = 300;

/** What a person does to the side that leads from then on. */
const HANDS = ["pointerdown", "wheel", "touchstart", "keydown"];

export class ScrollTie {
  #view;
  #pane;
  #anchors;
  #active;
  /** Where this class has scrolled to itself: such a scroll event is nobody's wish. */
  #set = new WeakMap();
  /** Whether the text leads, rather than the preview. */
  #textLeads = true;
  #paneScrolledAt = -SETTLE_MS;

  /**
   * @param {object} options
   * @param {import("@codemirror/view").EditorView} options.view
   * @param {HTMLElement} options.pane
   * @param {() => Shown[]} options.anchors  in order
   * @param {() => boolean} options.active
   */
  constructor({ view, pane, anchors, active }) {
    this.#view = view;
    this.#pane = pane;
    this.#anchors = anchors;
    this.#active = active;
    for (const type of HANDS) {
      view.dom.addEventListener(type, () => (this.#textLeads = true), { passive: true });
      pane.addEventListener(type, () => (this.#textLeads = false), { passive: true });
    }
    view.scrollDOM.addEventListener("scroll", () => this.#textScrolled());
    pane.addEventListener("scroll", () => this.#paneScrolled());
  }

  /** The preview goes where the text is. */
  followText() {
    this.#textLeads = true;
    const top = this.#view.scrollDOM.scrollTop;
    this.#scroll(this.#pane, this.#carried(top, this.#textTop, this.#paneTop));
  }

  /** One of the sides has become another, or knows its heights better. */
  settle() {
    if (!this.#active()) return;
    if (this.#textLeads) this.followText();
    else this.#followPane();
  }

  #followPane() {
    const top = this.#pane.scrollTop;
    this.#scroll(this.#view.scrollDOM, this.#carried(top, this.#paneTop, this.#textTop));
  }

  #textScrolled() {
    const settling = performance.now() - this.#paneScrolledAt < SETTLE_MS;
    // Also when nobody touched it: it follows a person, or has found a word.
    if (this.#isWish(this.#view.scrollDOM) && (this.#textLeads || !settling)) this.followText();
  }

  #paneScrolled() {
    const covered = getComputedStyle(this.#view.dom).visibility === "hidden";
    if (!this.#isWish(this.#pane) || (this.#textLeads && !covered)) return;
    this.#textLeads = false;
    this.#paneScrolledAt = performance.now();
    this.#followPane();
  }

  /** @param {HTMLElement} scroller */
  #isWish(scroller) {
    if (!this.#active()) return false;
    const expected = this.#set.get(scroller) ?? -ROUNDING;
    return Math.abs(scroller.scrollTop - expected) >= ROUNDING;
  }

  /** @param {HTMLElement} scroller @param {number} top */
  #scroll(scroller, top) {
    scroller.scrollTop = top;
    this.#set.set(scroller, scroller.scrollTop);
  }

  /**
   * A scroll position, from the one side to the other: between two anchors by their distances.
   * @param {number} top
   * @param {(at: number) => number} from @param {(at: number) => number} to
   */
  #carried(top, from, to) {
    let [low, high] = [-1, this.#anchors().length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (from(middle) <= top) low = middle;
      else high = middle;
    }
    const [begin, end] = [from(low), from(high)];
    const part = end > begin ? Math.min(1, (top - begin) / (end - begin)) : 0;
    return to(low) + part * (to(high) - to(low));
  }

  /** Where an anchor is in the text; -1 is the beginning, the number of anchors the end. @param {number} at */
  #textTop = (at) => {
    const anchors = this.#anchors();
    const { contentHeight, documentPadding, state } = this.#view;
    if (at < 0) return 0;
    if (at >= anchors.length) return contentHeight;
    const line = state.doc.line(Math.min(anchors[at].block.line + 1, state.doc.lines));
    return this.#view.lineBlockAt(line.from).top + documentPadding.top;
  };

  /** The same in the preview. @param {number} at */
  #paneTop = (at) => {
    const anchors = this.#anchors();
    if (at < 0) return 0;
    if (at >= anchors.length) return this.#pane.scrollHeight;
    const top = anchors[at].node.getBoundingClientRect().top;
    return top - this.#pane.getBoundingClientRect().top + this.#pane.scrollTop;
  };
}
