/**
 * Choosing the language of the pad: a field to search in and a list below it, above the button in
 * the status bar. Loaded when first opened.
 */
import { byId, element } from "./dom.js";
import { fuzzySort } from "./fuzzy.js";
import { chooseLanguage, languageOf, PROSE_NAMES } from "./language.js";
import { codeLanguages } from "./languages.js";

/** @typedef {import("./page.js").PadPage} PadPage */

/** @type {LanguagePicker | undefined} */
let picker;

/** @param {PadPage} page */
export function openLanguagePicker(page) {
  picker ??= new LanguagePicker(page);
  picker.open();
}

class LanguagePicker {
  /** @param {PadPage} page */
  constructor(page) {
    this.page = page;
    this.languages = [
      ...Object.entries(PROSE_NAMES).map(([id, name]) => ({ id, name })),
      ...codeLanguages,
    ];
    this.popover = byId("languages", HTMLElement);
    this.field = byId("language-field", HTMLInputElement);
    this.list = byId("language-list", HTMLElement);
    this.none = byId("language-none", HTMLElement);
    this.button = byId("language-button", HTMLElement);
    /** The option that Enter takes. @type {Element | null} */
    this.active = null;
    this.listen();
  }

  open() {
    this.field.value = "";
    this.popover.showPopover();
    this.show();
    this.field.focus();
  }

  listen() {
    this.field.addEventListener("input", () => this.show());
    this.field.addEventListener("keydown", (event) => this.keydown(event));
    // The focus stays in the field.
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.list.addEventListener("click", ({ target }) => {
      const option = target instanceof Element ? target.closest("[role=option]") : null;
      if (option) this.choose(option);
    });
    this.popover.addEventListener("toggle", (event) => {
      this.button.setAttribute("aria-expanded", String(event.newState === "open"));
    });
  }

  /** What matches the field, the best first. */
  show() {
    const query = this.field.value;
    const current = languageOf(this.page);
    const options = fuzzySort(query, this.languages, ({ name }) => name).map(({ item, match }) => {
      const option = element("li", "option", ...marked(item.name, match.ranges));
      option.id = `language-${item.id}`.replace(/[^\w-]/g, (letter) => `_${letter.charCodeAt(0)}`);
      option.setAttribute("role", "option");
      option.dataset.language = item.id;
      if (item.id === current) option.dataset.current = "";
      return option;
    });
    this.list.replaceChildren(...options);
    this.none.hidden = options.length > 0;
    this.list.hidden = options.length === 0;
    const now = options.find((option) => "current" in option.dataset);
    this.activate((query === "" ? now : null) ?? options[0] ?? null);
  }

  /** @param {Element | null} option */
  activate(option) {
    this.active?.setAttribute("aria-selected", "false");
    this.active = option;
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) this.field.setAttribute("aria-activedescendant", option.id);
    else this.field.removeAttribute("aria-activedescendant");
  }

  /** @param {KeyboardEvent} event */
  keydown(event) {
    if (event.isComposing) return;
    const options = [...this.list.children];
    const at = this.active ? options.indexOf(this.active) : -1;
    const page = 8;
    /** @type {Record<string, number>} */
    const to = {
      ArrowDown: (at + 1) % options.length,
      ArrowUp: (at + options.length - 1) % options.length,
      PageDown: Math.min(at + page, options.length - 1),
      PageUp: Math.max(at - page, 0),
    };
    if (event.key in to && options.length > 0) this.activate(options[to[event.key]]);
    else if (event.key === "Enter" && this.active) this.choose(this.active);
    else return;
    event.preventDefault();
  }

  /** @param {Element} option */
  choose(option) {
    const language = /** @type {HTMLElement} */ (option).dataset.language ?? "";
    this.popover.hidePopover();
    this.page.editor.focus();
    if (language !== languageOf(this.page)) chooseLanguage(this.page, language);
  }
}

/** @param {string} text @param {[number, number][]} ranges @returns {(string | Node)[]} */
function marked(text, ranges) {
  /** @type {(string | Node)[]} */
  const parts = [];
  let position = 0;
  for (const [from, to] of ranges) {
    parts.push(text.slice(position, from), element("b", "", text.slice(from, to)));
    position = to;
  }
  return [...parts, text.slice(position)];
}
