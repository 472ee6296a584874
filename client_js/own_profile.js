/**
 * One's own name and colour, among the people: they change everywhere at once.
 */
import { byId, element, setText } from "./dom.js";
import { icon } from "./icons.js";
import { cleanName, COLORS, loadProfile, NAME_LENGTH_MAX, saveColor, saveName } from "./profile.js";
import { t } from "./strings.js";

/** @typedef {{ name?: string, color?: number }} Changed  the other may have been given by the server */

export class OwnProfile {
  /**
   * @param {object} options
   * @param {{ name: string, color: number }} options.profile
   * @param {(changed: Changed) => void} options.onChange
   * @param {() => void} options.onDone  a name was saved, or its change taken back
   */
  constructor({ profile, onChange, onDone }) {
    this.profile = profile;
    this.onChange = onChange;
    this.onDone = onDone;
    this.field = byId("your-name", HTMLInputElement);
    this.error = byId("name-error", HTMLElement);
    this.group = byId("swatches", HTMLElement);
    this.#setUpName();
    this.#setUpSwatches();
    addEventListener("storage", ({ key }) => this.#changedElsewhere(key));
  }

  /** @param {Changed} changed */
  change(changed) {
    this.profile = { ...this.profile, ...changed };
    this.onChange(changed);
  }

  /** The name as it is, in place of what may have been begun. */
  showName() {
    this.field.value = this.profile.name;
    this.#showError(false);
    this.#showCount();
  }

  /** @param {number} color */
  showColor(color) {
    const input = this.group.querySelector(`input[value="${color}"]`);
    if (input instanceof HTMLInputElement) input.checked = true;
  }

  /** The same person in another tab. @param {string | null} key  of what was stored */
  #changedElsewhere(key) {
    const { name, color } = this.profile;
    // A name that is being written here goes on.
    const written = this.field.value !== name;
    const stored = loadProfile();
    if (key === "deltapad.name" && stored.name !== name) this.change({ name: stored.name });
    if (key === "deltapad.color" && stored.color !== color) this.change({ color: stored.color });
    if (!written) this.showName();
  }

  #setUpName() {
    this.field.addEventListener("input", () => {
      this.#showError(false);
      this.#showCount();
    });
    this.field.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.field.value === this.profile.name) return;
      // The first Esc takes the change back, the next one closes what the field is in.
      event.preventDefault();
      event.stopPropagation();
      this.showName();
    });
    byId("name-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      const name = cleanName(this.field.value);
      this.#showError(name === null);
      if (name === null) return;
      saveName(name);
      this.change({ name });
      this.showName();
      this.onDone();
    });
    this.showName();
  }

  /** @param {boolean} wrong */
  #showError(wrong) {
    this.error.hidden = !wrong;
    this.field.setAttribute("aria-invalid", String(wrong));
  }

  #showCount() {
    const length = [...this.field.value.trim()].length;
    setText(byId("name-count", HTMLElement), `${length}/${NAME_LENGTH_MAX}`);
  }

  #setUpSwatches() {
    const swatches = COLORS.map((color) => {
      const name = t(`colors.${color}`);
      const input = document.createElement("input");
      Object.assign(input, { type: "radio", name: "color", value: color });
      input.setAttribute("aria-label", name);
      const swatch = element("label", `swatch person-${color}`, input, icon("check"));
      swatch.title = name;
      return swatch;
    });
    this.group.append(...swatches);
    this.group.addEventListener("change", (event) => {
      const color = Number(/** @type {HTMLInputElement} */ (event.target).value);
      saveColor(color);
      this.change({ color });
    });
  }
}
