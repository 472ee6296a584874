/**
 * Where the list of people is: in a popover, which is a sheet on a phone, or pinned to the side of
 * a wide window.
 *
 * It is one element in all of them. Pinned it is no popover but a part of the page.
 */
import { byId } from "./dom.js";
import { attachPopover } from "./popover.js";
import { onPreference, prefer, preference } from "./preferences.js";

/** From this width on there is room beside the text. */
const wide = matchMedia("(min-width: 1200px)");

export class PeoplePanel {
  /** @param {() => void} opened */
  constructor(opened) {
    this.opened = opened;
    this.panel = byId("people", HTMLElement);
    this.button = byId("people-button", HTMLElement);
    attachPopover(this.panel, this.button, opened);
    this.panel.addEventListener("beforetoggle", () => this.edit(false));
    this.button.addEventListener("click", () => {
      if (this.pinned) prefer("peoplePinned", false);
    });
    byId("people-pin", HTMLElement).addEventListener("click", () => this.pin());
    byId("people-unpin", HTMLElement).addEventListener("click", () => {
      prefer("peoplePinned", false);
      this.button.focus();
    });
    onPreference("peoplePinned", () => this.#place());
    wide.addEventListener("change", () => this.#place());
    this.#place();
  }

  get pinned() {
    return !this.panel.hasAttribute("popover");
  }

  /** Whether the list can be seen. */
  get open() {
    return this.pinned || this.panel.matches(":popover-open");
  }

  get canPin() {
    return wide.matches;
  }

  show() {
    if (!this.open) this.panel.showPopover();
  }

  pin() {
    prefer("peoplePinned", true);
    if (this.pinned) byId("people-unpin", HTMLElement).focus();
  }

  /** Name and colour: in the popover they are always there. @param {boolean} editing */
  edit(editing) {
    this.panel.classList.toggle("editing", editing);
    if (editing) byId("your-name", HTMLInputElement).select();
  }

  /** As the preference says, if there is room. */
  #place() {
    const pinned = preference("peoplePinned") && wide.matches;
    if (pinned === this.pinned) return;
    if (pinned && this.open) this.panel.hidePopover();
    this.panel.toggleAttribute("popover", !pinned);
    this.panel.classList.toggle("pinned", pinned);
    document.body.classList.toggle("people-pinned", pinned);
    this.button.setAttribute("aria-expanded", String(pinned));
    this.edit(false);
    if (pinned) this.opened();
  }
}
