/**
 * The menu of a recent pad: one for all rows, below the button that opened it; on a phone a sheet.
 */
import { byId } from "./dom.js";

/** @typedef {import("./recent.js").RecentPad} RecentPad */

/** Below the button; above it where there is no room below. */
const GAP = 4;

/** Whose menu it is. @type {{ pad: RecentPad, button: HTMLElement } | null} */
let opened = null;

/** @param {{ copyLink: (pad: RecentPad) => void, remove: (pad: RecentPad) => void }} actions */
export function setUpRowMenu({ copyLink, remove }) {
  const menu = byId("row-menu", HTMLElement);
  menu.addEventListener("keydown", (event) => moveFocus(menu, event));
  menu.addEventListener("toggle", ({ newState }) => {
    if (newState === "open") itemsOf(menu)[0].focus();
  });
  const run = (/** @type {(pad: RecentPad) => void} */ action) => () => {
    menu.hidePopover();
    if (opened) action(opened.pad);
  };
  byId("row-open", HTMLElement).addEventListener("click", () => menu.hidePopover());
  byId("row-copy", HTMLElement).addEventListener("click", run(copyLink));
  byId("row-remove", HTMLElement).addEventListener("click", run(remove));
}

/** The browser opens and closes the menu by its button. @param {HTMLButtonElement} button @param {RecentPad} pad */
export function attachRowMenu(button, pad) {
  const menu = byId("row-menu", HTMLElement);
  button.popoverTargetElement = menu;
  button.setAttribute("aria-haspopup", "menu");
  button.addEventListener("click", () => {
    opened = { pad, button };
    byId("row-open", HTMLAnchorElement).href = `/p/${pad.id}`;
    const { bottom, right } = button.getBoundingClientRect();
    menu.style.setProperty("--top", `${bottom + GAP}px`);
    menu.style.setProperty("--right", `${document.documentElement.clientWidth - right}px`);
    // The browser opens it after this; only then can it be measured, before it is painted.
    requestAnimationFrame(() => keepInView(menu, button));
  });
}

/** @param {HTMLElement} menu @param {HTMLElement} button */
function keepInView(menu, button) {
  const { top, bottom } = button.getBoundingClientRect();
  if (bottom + GAP + menu.offsetHeight <= innerHeight) return;
  menu.style.setProperty("--top", `${Math.max(GAP, top - GAP - menu.offsetHeight)}px`);
}

/** @param {HTMLElement} menu @returns {HTMLElement[]} */
function itemsOf(menu) {
  return [...menu.querySelectorAll("[role=menuitem]")].filter((item) => item instanceof HTMLElement);
}

/** @param {HTMLElement} menu @param {KeyboardEvent} event */
function moveFocus(menu, event) {
  const items = itemsOf(menu);
  const at = items.findIndex((item) => item === document.activeElement);
  /** @type {Record<string, number>} */
  const targets = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 };
  if (event.key === "Tab") menu.hidePopover();
  if (!(event.key in targets)) return;
  event.preventDefault();
  items[(targets[event.key] + items.length) % items.length].focus();
}
