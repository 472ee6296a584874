/**
 * The offer to see what others changed since I left, and the steps through it. Loaded when there is
 * something to offer.
 */
import { ChangeSet, Transaction } from "@codemirror/state";
import { changes } from "./attribution.js";
import { changedPlaces, sessionsOf } from "./changed_places.js";
import {
  changeMarksExtension,
  hideMarks,
  markChanges,
  markedPlaces,
  showPlace,
} from "./changes_marks.js";
import { byId, element, setText } from "./dom.js";
import { locale, t } from "./strings.js";

/** A week of busy writing; what is longer is a matter for the history. */
const REVISIONS_MAX = 20_000;

/** Whoever has made this many edits has gone on with their work. */
const EDITS_UNTIL_GONE = 40;

/** How often it is looked whether everything is saved. */
const LOOK_MS = 200;

/** Named one by one; the others are counted. */
const NAMES_MAX = 3;

/**
 * @typedef {import("./page.js").PadPage} PadPage
 * @typedef {import("./changed_places.js").Place} Place
 * @typedef {{ person: string, name: string, color: number }} Author
 * @typedef {object} History  an answer of the server
 * @property {string} epoch
 * @property {number} to
 * @property {Record<string, Author>} authors  by session
 * @property {import("./attribution.js").LogEntry[]} entries
 */

/** @type {WeakMap<PadPage, Offer>} */
const offers = new WeakMap();

/**
 * Offers the changes since a revision. Returns when they have been looked at or refused, or there
 * are none.
 * @param {PadPage} page @param {number} revision
 */
export async function offerChanges(page, revision) {
  const offer = offers.get(page) ?? new Offer(page);
  offers.set(page, offer);
  await offer.make(revision);
}

class Offer {
  /** @type {Place[]} */
  places = [];
  /** @type {(session: string) => Author} */
  author = () => unknown;
  /** @type {"none" | "offered" | "shown"} */
  phase = "none";
  edits = 0;
  current = 0;
  /** Somebody waits for it to be taken or refused. */
  settled = () => {};
  /**
   * The text now, and what became of it while the changes are being read.
   * @type {{ doc: import("@codemirror/state").Text, since: import("@codemirror/state").ChangeDesc } | null}
   */
  following = null;

  /** @param {PadPage} page */
  constructor(page) {
    this.page = page;
    page.editor.extend(changeMarksExtension);
    page.on("update", (update) => this.#updated(update));
    this.#addCommands();
    byId("since-dismiss", HTMLElement).addEventListener("click", () => this.#close());
  }

  /** @param {number} revision */
  async make(revision) {
    const { page } = this;
    if (page.state.revision - revision > REVISIONS_MAX) {
      this.places = [];
      this.#show("offered", t("changes.tooMany", { count: page.state.revision - revision }));
      return new Promise((resolve) => (this.settled = () => resolve(undefined)));
    }
    const me = await this.#quiet();
    const { doc } = page.editor;
    this.following = { doc, since: ChangeSet.empty(doc.length).desc };
    const history = await readHistory(page.address, revision, page.state.revision);
    const { following } = this;
    this.following = null;
    // Without an answer, or with another text meanwhile, there is nothing to offer.
    if (history?.epoch !== page.session.epoch || following === null) return;
    this.author = (session) => history.authors[session] ?? unknown;
    const isMine = (/** @type {string} */ session) => this.author(session).person === me;
    this.places = changedPlaces(changes(history.text, history.entries), isMine);
    if (this.places.length === 0) return;
    const { since } = following;
    markChanges(page.editor.view, this.places, { doc, since, author: this.author });
    this.edits = 0;
    const names = namesOf(sessionsOf(this.places).map((session) => this.author(session)));
    this.#show("offered", t("changes.since", { count: this.places.length, names }));
    await new Promise((resolve) => (this.settled = () => resolve(undefined)));
  }

  #addCommands() {
    const { commands } = this.page;
    const shown = () => this.phase === "shown";
    commands.add(
      {
        id: "changes.show",
        title: t("changes.show"),
        group: "view",
        icon: "history",
        available: () => !shown() && this.places.length > 0,
        run: () => {
          this.#go(0);
          byId(this.places.length > 1 ? "since-next" : "since-hide", HTMLElement).focus();
        },
      },
      {
        id: "changes.next",
        title: t("changes.next"),
        group: "view",
        icon: "chevron-down",
        available: shown,
        run: () => this.#go(this.current + 1),
      },
      {
        id: "changes.previous",
        title: t("changes.previous"),
        group: "view",
        icon: "chevron-up",
        available: shown,
        run: () => this.#go(this.current - 1),
      },
      {
        id: "changes.hide",
        title: t("changes.hide"),
        group: "view",
        icon: "close",
        available: shown,
        run: () => this.#close(),
      },
    );
    commands.addEscape(() => {
      if (!shown()) return false;
      this.#close();
      return true;
    });
  }

  /** @param {number} at  counts round */
  #go(at) {
    const { view } = this.page.editor;
    const left = markedPlaces(view);
    if (left.length === 0) return this.#close();
    this.current = (at + left.length) % left.length;
    const place = left[this.current];
    showPlace(view, place);
    const names = namesOf(sessionsOf([this.places[place.index]]).map(this.author));
    const values = { at: this.current + 1, count: left.length, names };
    this.#show("shown", t("changes.at", values), this.places[place.index]);
    this.settled();
  }

  #close() {
    const focused = byId("since", HTMLElement).contains(document.activeElement);
    byId("since", HTMLElement).hidden = true;
    this.phase = "none";
    hideMarks(this.page.editor.view);
    if (focused) this.page.editor.focus();
    this.settled();
  }

  /**
   * @param {"offered" | "shown"} phase @param {string} words
   * @param {Place} [place]  that the words are about
   */
  #show(phase, words, place) {
    this.phase = phase;
    const chip = byId("since", HTMLElement);
    chip.hidden = false;
    chip.dataset.phase = phase;
    const several = markedPlaces(this.page.editor.view).length > 1;
    byId("since-show", HTMLElement).hidden = phase !== "offered" || this.places.length === 0;
    byId("since-dismiss", HTMLElement).hidden = phase !== "offered";
    for (const id of ["since-previous", "since-next"])
      byId(id, HTMLElement).hidden = phase !== "shown" || !several;
    byId("since-hide", HTMLElement).hidden = phase !== "shown";
    const people = sessionsOf(place ? [place] : this.places).map(this.author);
    byId("since-dots", HTMLElement).replaceChildren(
      ...[...new Set(people.map(({ color }) => color))]
        .slice(0, NAMES_MAX)
        .map((color) => element("i", `person-${color}`)),
    );
    setText(byId("since-words", HTMLElement), words);
  }

  /**
   * Waits until the text on screen is that of a revision, and it is known who I am.
   * @returns {Promise<string>} my public person id
   */
  #quiet() {
    const { page } = this;
    return new Promise((resolve) => {
      const look = () => {
        const me = page.state.people.find((person) => person.me);
        if (page.state.unsent > 0 || page.editor.held.op || me === undefined)
          setTimeout(look, LOOK_MS);
        else resolve(me.person);
      };
      look();
    });
  }

  /** @param {import("@codemirror/view").ViewUpdate} update */
  #updated({ startState, changes: changed, transactions, state }) {
    const { following } = this;
    if (following !== null) {
      // A text that came from elsewhere has no changes to follow.
      const follows = startState.doc === following.doc;
      const since = follows ? following.since.composeDesc(changed.desc) : null;
      this.following = since && { doc: state.doc, since };
    }
    if (this.phase !== "offered") return;
    this.edits += transactions.filter(
      (one) => one.docChanged && !one.annotation(Transaction.remote),
    ).length;
    if (this.edits >= EDITS_UNTIL_GONE) this.#close();
  }
}

const unknown = { person: "", name: "", color: 0 };

/** @param {Author[]} authors */
function namesOf(authors) {
  const names = [...new Set(authors.map(({ name }) => name || t("changes.somebody")))];
  const shown = names.length > NAMES_MAX ? names.slice(0, NAMES_MAX - 1) : names;
  // A name from elsewhere may be written the other way.
  const parts = shown.map((name) => `\u2068${name}\u2069`);
  const others = names.length - shown.length;
  if (others > 0) parts.push(t("changes.others", { count: others }));
  return new Intl.ListFormat(locale, { type: "conjunction" }).format(parts);
}

/**
 * The text at a revision and all entries from there to another, in as many answers as the server
 * makes of it; null if it does not give them.
 * @param {string} address @param {number} from @param {number} to
 */
async function readHistory(address, from, to) {
  const before = ask(`${address}/text?at=${from}`);
  /** @type {Record<string, Author>} */
  const authors = {};
  /** @type {import("./attribution.js").LogEntry[]} */
  const entries = [];
  let epoch = "";
  for (let at = from; at < to; ) {
    const answer = await ask(`${address}/history?from=${at}&to=${to}`);
    if (answer === null) return null;
    /** @type {History} */
    const part = await answer.json();
    at = part.to;
    epoch = part.epoch;
    entries.push(...part.entries);
    Object.assign(authors, part.authors);
  }
  const text = await (await before)?.text();
  return text === undefined ? null : { text, epoch, authors, entries };
}

/** The answer, if it is a good one. @param {string} url */
async function ask(url) {
  const answer = await fetch(url).catch(() => null);
  return answer?.ok ? answer : null;
}
