/**
 * Following somebody: their caret is kept in the middle of the view, until one does anything with
 * the text oneself.
 */
import { EditorView } from "@codemirror/view";
import { Transaction } from "@codemirror/state";
import { byId, element, setText } from "./dom.js";
import { RELOAD_MS } from "./flags.js";
import { followersOf, leaderFor, mustGiveUp, scrollGoal } from "./follow_rules.js";
import { headOf } from "./places.js";
import { t } from "./strings.js";
import { isDrawn } from "./long_lines.js";
import { hideToast, showToast } from "./toast.js";

const still = matchMedia("(prefers-reduced-motion: reduce)");

/** By which a browser scrolls what has the focus. */
const SCROLL_KEYS = ["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End", " "];

/** @typedef {import("./presence.js").PersonHere} PersonHere */

export class Follow {
  /** Whom one follows, by session. @type {string | null} */
  leader = null;
  /** Kept, as they may leave. */
  #name = "";
  /** Runs while they are away: it may be a reload. @type {ReturnType<typeof setTimeout> | undefined} */
  #awayTimer = undefined;
  /** Where the view is being scrolled to. @type {number | null} */
  #goal = null;

  /** @param {import("./page.js").PadPage} page @param {() => void} onChange */
  constructor(page, onChange) {
    this.page = page;
    this.view = page.editor.view;
    this.onChange = onChange;
    this.words = element("span");
    this.badge = this.#makeBadge();
    this.frame = element("div", "follow-frame");
    this.view.dom.append(this.frame, this.badge);
    this.#showNobody();
    this.measure = {
      key: this,
      read: () => this.#whereTo(),
      /** @param {number | null} goal */
      write: (goal) => this.#scroll(goal),
    };
    this.#listen();
    this.#addCommands();
  }

  /** @param {PersonHere} person */
  canLead({ me, role }) {
    // Who can only read has no caret.
    return !me && role !== "read";
  }

  /** Those who follow oneself, if through others: to follow them would be a circle. */
  followers() {
    return followersOf(this.page.state.people, this.page.state.me);
  }

  /** @param {string} session */
  toggle(session) {
    if (this.leader === session) this.stop();
    else this.start(session);
  }

  /** @param {string} session */
  start(session) {
    const { people, me } = this.page.state;
    const leader = leaderFor(people, me, session);
    const person = people.find((candidate) => candidate.session === leader);
    if (leader === null || person === undefined) return;
    clearTimeout(this.#awayTimer);
    this.#awayTimer = undefined;
    // It may still say that one has stopped.
    hideToast();
    this.#goal = null;
    this.leader = leader;
    this.#show(person);
    this.page.session.setPresence({ following: leader });
    this.view.requestMeasure(this.measure);
    this.onChange();
  }

  /** Ends it, with a way back. */
  stop() {
    const { leader } = this;
    if (leader === null) return;
    this.#end();
    showToast(t("follow.stopped", { name: this.#name }), {
      label: t("follow.again"),
      run: () => {
        this.start(leader);
        this.page.editor.returnFocus();
      },
    });
  }

  /** Scrolls to somebody once. @param {string} session */
  lookAt(session) {
    const head = headOf(this.view, session);
    if (head === null) return;
    if (this.leader !== session) this.stop();
    this.#center(head);
  }

  /** @param {number} head */
  #center(head) {
    this.view.dispatch({ effects: EditorView.scrollIntoView(head, { y: "center" }) });
  }

  #end() {
    clearTimeout(this.#awayTimer);
    this.#awayTimer = undefined;
    this.leader = null;
    this.#showNobody();
    this.page.session.setPresence({ following: null });
    this.onChange();
  }

  // --- what happens

  #listen() {
    const { page, view } = this;
    page.on("people", () => this.#peopleChanged());
    page.on("update", (update) => this.#updated(update));
    const stop = () => this.stop();
    // Also beside the text, and on the scroll bar.
    for (const type of ["mousedown", "wheel", "touchmove"])
      view.scrollDOM.addEventListener(type, stop, { passive: true });
    this.#listenToPreview();
    page.commands.addEscape(() => {
      const following = this.leader !== null;
      this.stop();
      return following;
    });
  }

  /** There, to select something is only to read; whoever scrolls wants to be somewhere else. */
  #listenToPreview() {
    const pane = byId("preview", HTMLElement);
    const stop = () => this.stop();
    for (const type of ["wheel", "touchmove"])
      pane.addEventListener(type, stop, { passive: true });
    pane.addEventListener("mousedown", ({ target, offsetX }) => {
      const onScrollBar = target === pane && offsetX >= pane.clientWidth;
      if (onScrollBar) stop();
    });
    pane.addEventListener("keydown", ({ target, key }) => {
      if (target === pane && SCROLL_KEYS.includes(key)) stop();
    });
  }

  /** @param {import("@codemirror/view").ViewUpdate} update */
  #updated(update) {
    if (this.leader === null) return;
    const mine = update.transactions.some(
      (transaction) =>
        transaction.isUserEvent("select") ||
        (transaction.docChanged && !transaction.annotation(Transaction.remote)),
    );
    if (mine) this.stop();
    else this.view.requestMeasure(this.measure);
  }

  #peopleChanged() {
    const { people, me, phase } = this.page.state;
    if (this.leader === null || phase !== "online") return;
    const { leader } = this;
    const person = people.find(({ session }) => session === leader);
    if (person === undefined) {
      this.#awayTimer ??= setTimeout(() => this.#leftForGood(), RELOAD_MS);
      return;
    }
    clearTimeout(this.#awayTimer);
    this.#awayTimer = undefined;
    if (mustGiveUp(people, me, leader)) return this.stop();
    const next = leaderFor(people, me, leader);
    if (next !== null && next !== leader) return this.start(next);
    this.#show(person);
  }

  #leftForGood() {
    this.#end();
    showToast(t("follow.left", { name: this.#name }));
  }

  // --- the view

  #whereTo() {
    const { view } = this;
    const head = this.leader === null ? null : headOf(view, this.leader);
    if (head === null) return null;
    if (!isDrawn(view.state, head)) {
      // Not while the view is measured.
      queueMicrotask(() => this.#center(head));
      return null;
    }
    const { scrollDOM } = view;
    const top = scrollDOM.getBoundingClientRect().top - scrollDOM.scrollTop;
    const drawn = head >= view.viewport.from && head <= view.viewport.to;
    const row = drawn ? view.coordsAtPos(head) : null;
    // What is not drawn has an estimated place; once there, it is looked at again.
    const block = view.lineBlockAt(head);
    const caret = row
      ? (row.top + row.bottom) / 2 - top
      : view.documentTop - top + (block.top + block.bottom) / 2;
    return scrollGoal({
      caret,
      scrolled: scrollDOM.scrollTop,
      height: scrollDOM.clientHeight,
      most: scrollDOM.scrollHeight - scrollDOM.clientHeight,
    });
  }

  /** @param {number | null} goal */
  #scroll(goal) {
    if (goal === null) return;
    const { scrollDOM } = this.view;
    const near = Math.abs(goal - scrollDOM.scrollTop) < scrollDOM.clientHeight;
    // A scroll that is on its way must not begin anew with every letter.
    if (goal === this.#goal && near) return;
    this.#goal = goal;
    scrollDOM.scrollTo({ top: goal, behavior: near && !still.matches ? "smooth" : "instant" });
  }

  // --- frame and badge

  #makeBadge() {
    const button = document.createElement("button");
    button.type = "button";
    button.append(element("span", "", t("follow.stop")), element("kbd", "", t("keys.escape")));
    button.addEventListener("click", () => {
      this.stop();
      this.page.editor.returnFocus();
    });
    return element("div", "follow-badge", this.words, button);
  }

  /** @param {PersonHere} person */
  #show({ name, color, history }) {
    this.#name = name;
    const key = history === null ? "follow.badge" : "follow.inHistory";
    setText(this.words, t(key, { name }));
    this.badge.className = `follow-badge person-${color}`;
    this.frame.className = `follow-frame person-${color}`;
    this.badge.hidden = false;
    this.frame.hidden = false;
  }

  #showNobody() {
    this.badge.hidden = true;
    this.frame.hidden = true;
  }

  #addCommands() {
    const { page } = this;
    page.commands.add({
      id: "follow.stop",
      title: t("follow.stopCommand"),
      group: "people",
      icon: "close",
      available: () => this.leader !== null,
      run: () => this.stop(),
    });
    page.commands.provide(() => {
      const followers = this.followers();
      return page.state.people
        .filter((person) => this.canLead(person) && person.session !== this.leader)
        .filter(({ session }) => !followers.has(session))
        .map(({ session, name }) => ({
          id: `follow.${session}`,
          title: t("follow.followName", { name }),
          group: /** @type {const} */ ("people"),
          icon: /** @type {const} */ ("people"),
          run: () => this.start(session),
        }));
    });
  }
}
