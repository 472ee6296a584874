/**
 * The history, in the place of the text: any revision, with who wrote what, to play and to restore.
 * Loaded when it is first opened.
 */
import { downloadText } from "./clipboard.js";
import { byId, element, setText } from "./dom.js";
import { fileName } from "./export_file.js";
import { HistoryDock } from "./history_dock.js";
import { HistoryList } from "./history_list.js";
import { HistoryLoader } from "./history_load.js";
import { nameRevision } from "./history_name.js";
import { restore } from "./history_restore.js";
import { groupsOf, nextVersion } from "./history_shape.js";
import { HistoryText } from "./history_text.js";
import { extensionOf, languageOf } from "./language.js";
import { layout, lookOf } from "./look.js";
import { onPreference, prefer, preference } from "./preferences.js";
import { t } from "./strings.js";

/** @typedef {import("./page.js").PadPage} PadPage */

/** How long one's own edits may take to be saved before the history opens without them. */
const SAVED_MS_MAX = 2_000;

/** How often what others write meanwhile is added to the slider. */
const NEWER_MS = 2_000;

/** The text is dimmed when it takes longer than that to come. */
const DIM_AFTER_MS = 150;

/** The list of versions lies over nearly all of the text, as in styles/history.css. */
const COVERED = "(max-width: 767px)";

export class HistoryView {
  /** While it is open. @type {HistoryLoader | null} */
  #loader = null;
  /** @type {import("./history_shape.js").Group[]} */
  #groups = [];
  /** The revision that is shown. */
  #revision = 0;
  /** The newest when it was opened. */
  #openedAt = 0;
  /** Whoever scrolls wants to see that place, whatever is played. */
  #scrolled = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #newerTimer;
  /** Others have written while one is asked something. */
  #meanwhile = () => {};

  /** @param {PadPage} page */
  constructor(page) {
    this.page = page;
    this.root = byId("history", HTMLElement);
    this.text = new HistoryText({
      parent: byId("history-text", HTMLElement),
      nonce: document.querySelector('meta[name="csp-nonce"]')?.getAttribute("content") ?? "",
      label: t("history.text"),
    });
    this.dock = new HistoryDock({
      onSeek: (revision) => this.#show(revision),
      onVersion: (direction) => this.#show(nextVersion(this.#groups, this.#revision, direction)),
      onRest: (revision) => this.#rest(revision),
      onPlay: () => (this.#scrolled = false),
    });
    this.list = new HistoryList((revision) => {
      this.dock.player.pause();
      this.#show(revision);
      if (matchMedia(COVERED).matches) this.#showVersions(false);
    });
    this.#listen();
  }

  get isOpen() {
    return this.#loader !== null;
  }

  /** What is shown, once it is loaded. */
  get log() {
    return this.#loader?.log ?? null;
  }

  toggle() {
    if (this.isOpen) this.leave();
    else this.open();
  }

  /** @param {number} [revision]  the newest if none is given */
  async open(revision) {
    if (this.isOpen) return;
    const loader = new HistoryLoader(this.page.address, () => this.#logChanged());
    this.#loader = loader;
    this.#scrolled = false;
    this.#openedAt = this.page.state.revision;
    this.#revision = revision ?? this.#openedAt;
    const look = await lookNow(this.page);
    if (this.#loader !== loader) return;
    this.root.hidden = false;
    document.body.classList.add("in-history");
    moveBanners("history-banners");
    this.text.showLive(this.page.editor.view, look);
    this.dock.setDisabled(true);
    this.#showBar();
    this.dock.slider.focus({ preventScroll: true });
    await this.#saved();
    if (this.#loader !== loader) return;
    // One's own edits, which were on their way, are no news.
    this.#openedAt = this.page.state.revision;
    await this.#load(revision);
  }

  leave() {
    if (!this.isOpen) return;
    this.dock.player.pause();
    clearTimeout(this.#newerTimer);
    this.#newerTimer = undefined;
    this.#loader?.close();
    this.#loader = null;
    this.root.hidden = true;
    document.body.classList.remove("in-history");
    moveBanners("banners");
    this.#showVersions(false);
    this.#setAddress(null);
    this.page.session.setPresence({ history: null });
    this.page.commands.run("follow.stop");
    this.page.editor.returnFocus();
  }

  /** Asks for a name for the revision that is shown: in the history or, out of it, the newest. */
  nameShown() {
    const revision = this.isOpen ? this.#revision : this.page.state.revision;
    const known = this.#loader?.named.find((version) => version.revision === revision)?.name ?? "";
    const loader = this.#loader ?? new HistoryLoader(this.page.address, () => {});
    const person = this.page.session.profile.personKey;
    nameRevision(revision, known, (name) => loader.name(revision, name, person));
  }

  // --- loading

  /** @param {number} [revision] */
  async #load(revision) {
    const loader = /** @type {HistoryLoader} */ (this.#loader);
    this.#showMessage("");
    const dim = setTimeout(() => this.root.classList.add("loading"), DIM_AFTER_MS);
    try {
      await loader.open(revision ?? this.page.state.revision);
    } catch {
      if (this.#loader === loader) this.#showMessage(t("history.failed"), true);
      return;
    } finally {
      clearTimeout(dim);
      this.root.classList.remove("loading");
    }
    const { log } = loader;
    if (this.#loader !== loader || log === null) return;
    this.#revision = Math.max(log.first, Math.min(log.head, revision ?? log.head));
    this.#logChanged();
    if (log.head === 0) return this.#showMessage(t("history.empty"));
    this.dock.setDisabled(false);
    // Who opens the history sees the place that they were at; who follows a link, the change.
    this.#show(this.#revision, { bringIntoSight: revision !== undefined });
  }

  /** There is more of the log, or another name. */
  #logChanged() {
    const loader = this.#loader;
    if (loader === null || loader.log === null) return;
    this.#meanwhile();
    this.#groups = groupsOf(loader.log, loader.named);
    this.list.setGroups(this.#groups, loader.log.head);
    this.dock.setLog(loader.log, loader.named, this.#revision);
    // Older pages tell who wrote what.
    if (this.text.shown !== null) this.#show(this.#revision, { bringIntoSight: false });
  }

  /** What somebody writes now is sent before the history is asked for. */
  async #saved() {
    const until = performance.now() + SAVED_MS_MAX;
    while (this.page.state.unsent > 0 && performance.now() < until)
      await new Promise((resolve) => setTimeout(resolve, 50));
  }

  /** Others go on writing: the slider grows now and then, but not in somebody's hand. */
  #stateChanged() {
    if (!this.isOpen) return;
    this.#showBar();
    this.#meanwhile();
    const { log } = this;
    const { revision, phase } = this.page.state;
    if (log === null || revision <= log.head || phase !== "online") return;
    this.#newerTimer ??= setTimeout(async () => {
      // What cannot be had now is asked for with the next edit.
      if (!this.dock.busy) await this.#loader?.newer().catch(() => {});
      this.#newerTimer = undefined;
      this.#stateChanged();
    }, NEWER_MS);
  }

  // --- showing

  /** @param {number} revision */
  #show(revision, { bringIntoSight = true } = {}) {
    const { log } = this;
    if (log === null) return;
    this.#revision = revision;
    const next = log.at(revision);
    const { shown } = this.text;
    this.text.show(next, {
      op: shown === null ? null : log.operation(shown, next),
      change: log.lastChange(revision),
      authors: log.authors,
      shown: this.#marks(),
      bringIntoSight: bringIntoSight && !(this.dock.player.playing && this.#scrolled),
    });
    this.dock.show(revision);
    this.list.show(revision);
    this.#showBar();
  }

  #marks() {
    return { authors: preference("historyAuthors"), changes: preference("historyChanges") };
  }

  #showBar() {
    const { state } = this.page;
    const newer = Math.max(0, state.revision - this.#revision);
    const fresh = Math.max(0, state.revision - this.#openedAt);
    setText(byId("history-pad", HTMLElement), state.title);
    const revision = String(this.#revision);
    setText(byId("history-pill", HTMLElement), t("history.viewing", { revision }));
    const newerWords = newer === 0 ? "" : t("history.newer", { count: newer });
    setText(byId("history-newer", HTMLElement), newerWords);
    const freshWords = fresh === 0 ? "" : t("history.newEdits", { count: fresh });
    setText(byId("history-new", HTMLElement), freshWords);
    const writable = state.role !== "read" && state.phase === "online";
    const named = writable && this.log !== null && this.#revision > 0;
    byId("history-restore", HTMLButtonElement).disabled = !writable || newer === 0 || !this.log;
    byId("history-name", HTMLButtonElement).disabled = !named;
    byId("history-export", HTMLButtonElement).disabled = this.log === null;
  }

  /** The slider has been there for a moment: that can be linked, and told. @param {number} revision */
  #rest(revision) {
    if (!this.isOpen) return;
    this.#setAddress(revision);
    this.page.session.setPresence({ history: revision });
  }

  /** @param {number | null} revision */
  #setAddress(revision) {
    const url = new URL(location.href);
    if (revision === null) url.searchParams.delete("r");
    else url.searchParams.set("r", String(revision));
    globalThis.history.replaceState(globalThis.history.state, "", url);
  }

  /** In place of the slider's text. @param {string} words @param {boolean} [again]  with "Try again" */
  #showMessage(words, again = false) {
    const message = byId("history-message", HTMLElement);
    message.hidden = words === "";
    message.replaceChildren(element("p", "", words));
    if (!again) return;
    const button = element("button", "button", t("history.tryAgain"));
    button.setAttribute("type", "button");
    button.addEventListener("click", () => {
      this.dock.slider.focus({ preventScroll: true });
      this.#load(this.#revision);
    });
    message.append(button);
  }

  /** On narrow screens the list of versions lies over the text. @param {boolean} shown */
  #showVersions(shown) {
    const list = byId("history-versions", HTMLElement);
    const button = byId("history-versions-button", HTMLElement);
    if (!shown && list.contains(document.activeElement)) button.focus();
    list.classList.toggle("open", shown);
    button.setAttribute("aria-expanded", String(shown));
    if (shown) byId("history-versions-close", HTMLElement).focus();
  }

  // --- what one does

  #listen() {
    const { page } = this;
    page.on("state", () => this.#stateChanged());
    page.commands.addEscape(() => this.#escape());
    /** @type {[string, () => void][]} */
    const buttons = [
      ["history-leave", () => this.leave()],
      ["history-export", () => this.#export()],
      ["history-name", () => this.nameShown()],
      ["history-restore", () => this.#restore()],
      ["history-versions-button", () => this.#showVersions(!this.#versionsShown)],
      ["history-versions-close", () => this.#showVersions(false)],
    ];
    for (const [id, run] of buttons) byId(id, HTMLElement).addEventListener("click", run);
    for (const type of ["wheel", "touchmove", "pointerdown"])
      this.text.view.scrollDOM.addEventListener(type, () => (this.#scrolled = true), {
        passive: true,
      });
    this.#switch("history-authors", "historyAuthors");
    this.#switch("history-changes", "historyChanges");
  }

  /** @param {string} id @param {"historyAuthors" | "historyChanges"} name */
  #switch(id, name) {
    const box = byId(id, HTMLInputElement);
    const show = () => {
      box.checked = preference(name);
      this.text.setShown(this.#marks());
    };
    box.addEventListener("change", () => prefer(name, box.checked));
    onPreference(name, show);
    show();
  }

  get #versionsShown() {
    return byId("history-versions", HTMLElement).classList.contains("open");
  }

  #escape() {
    if (!this.isOpen) return false;
    if (this.#versionsShown) this.#showVersions(false);
    else this.leave();
    return true;
  }

  #export() {
    const { log } = this;
    if (log === null) return;
    const name = fileName(this.page, { of: ` r${this.#revision}` });
    downloadText(name, log.at(this.#revision).text);
  }

  async #restore() {
    const loader = this.#loader;
    if (loader === null || loader.log === null) return;
    this.dock.player.pause();
    const openedAt = this.#openedAt;
    await restore(this.page, loader, {
      revision: this.#revision,
      openedAt,
      leave: () => this.leave(),
      watch: (changed) => (this.#meanwhile = changed),
    });
  }
}

/**
 * What says that the pad does not go on, or what would be lost, is said in the history too.
 * @param {"banners" | "history-banners"} place
 */
function moveBanners(place) {
  const banners = ["closing-banner", "refused-banner"].map((id) => byId(id, HTMLElement));
  byId(place, HTMLElement).append(...banners);
}

/** An old text looks as the live one does. @param {PadPage} page */
async function lookNow(page) {
  const { longLines } = page.editor;
  // A language that cannot be had now is not shown in the live text either.
  const code = await extensionOf(languageOf(page)).catch(() => []);
  return [layout(lookOf(page), preference("wrap")), longLines, code];
}
