/**
 * Write, Split, Read: how a Markdown pad is looked at, kept for each pad in this browser.
 *
 * In Read the text stays behind the preview, as large as ever: it scrolls along, and whoever is
 * followed is still in view.
 */
import { byId } from "./dom.js";
import { languageOf } from "./language.js";
import { loadPart } from "./later.js";
import { readStored, writeStored } from "./stored.js";
import { t } from "./strings.js";
import { showToast } from "./toast.js";

/** @typedef {import("./page.js").PadPage} PadPage */
/** @typedef {"write" | "split" | "read"} View */

/** Side by side, both sides need room for a line. */
const WIDE = "(min-width: 900px)";

const VIEWS = /** @type {const} */ ([
  { view: "write", icon: "pencil" },
  { view: "split", icon: "columns" },
  { view: "read", icon: "eye" },
]);

/** @param {PadPage} page */
export function setUpViews(page) {
  const views = new Views(page);
  page.commands.add(
    ...VIEWS.map(({ view, icon }) => ({
      id: `view.${view}`,
      title: t(`views.${view}Long`),
      group: /** @type {const} */ ("view"),
      icon,
      available: () => views.isMarkdown && (view !== "split" || views.isWide),
      checked: () => views.shown === view,
      run: (/** @type {HTMLElement | undefined} */ button) => {
        views.choose(view);
        if (button === undefined) views.focus();
      },
    })),
  );
  return views;
}

export class Views {
  #page;
  #key;
  #wide = matchMedia(WIDE);
  #pane = byId("preview", HTMLElement);
  /** @type {View} */
  #chosen = "write";
  /** @type {View} what the width and the language of the pad leave of it */
  shown = "write";
  /** The pane's script, once somebody wants to see it. @type {Promise<import("./preview.js").Preview> | undefined} */
  #preview;

  /** @param {PadPage} page */
  constructor(page) {
    this.#page = page;
    this.#key = `deltapad.view.${page.id}`;
    const stored = readStored(this.#key);
    this.#chosen = VIEWS.find(({ view }) => view === stored)?.view ?? "write";
    this.#wide.addEventListener("change", () => this.update());
    page.on("state", () => this.update());
    for (const group of document.querySelectorAll(".views")) {
      group.addEventListener("change", ({ target }) => {
        if (target instanceof HTMLInputElement) this.choose(/** @type {View} */ (target.value));
      });
    }
    this.update();
  }

  get isMarkdown() {
    return languageOf(this.#page) === "markdown";
  }

  get isWide() {
    return this.#wide.matches;
  }

  /** @param {View} view */
  choose(view) {
    this.#chosen = view;
    writeStored(this.#key, view === "write" ? null : view);
    this.update();
  }

  /** To where one goes on: the text, or what there is to read. */
  focus() {
    if (this.shown === "read") this.#pane.focus();
    else this.#page.editor.focus();
  }

  /** The preview, for those who ask what is selected in it. */
  get preview() {
    return this.shown === "write" ? undefined : this.#preview;
  }

  update() {
    // Too narrow for both, what one can write on comes first.
    const fits = this.#chosen !== "split" || this.isWide;
    this.shown = this.isMarkdown && fits ? this.#chosen : "write";
    const { dataset } = document.body;
    dataset.view = this.shown;
    dataset.markdown = String(this.isMarkdown);
    for (const radio of document.querySelectorAll(".views input"))
      if (radio instanceof HTMLInputElement) radio.checked = radio.value === this.shown;
    this.#showEye();
    const visible = this.shown !== "write";
    this.#pane.hidden = !visible;
    if (visible) this.#preview ??= this.#load();
    // Why there is none, the person has been told.
    this.#preview?.then(
      (preview) => preview.setVisible(this.shown !== "write"),
      () => {},
    );
  }

  /** The phone's switch: there and back. */
  #showEye() {
    const eye = byId("eye", HTMLElement);
    const reading = this.shown === "read";
    eye.dataset.command = reading ? "view.write" : "view.read";
    eye.setAttribute("aria-pressed", String(reading));
  }

  async #load() {
    try {
      const { Preview } = await loadPart(() => import("./preview.js"));
      return new Preview(this.#page);
    } catch (error) {
      // Not in the cache, and no connection: there is still the text.
      this.#preview = undefined;
      this.choose("write");
      showToast(t("views.notLoaded"));
      throw error;
    }
  }
}
