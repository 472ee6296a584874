/**
 * Popovers: the browser opens and closes them; here they get their place and tell their button.
 */

const GAP_MIN = 12;

/** @param {HTMLElement} popover @param {HTMLElement} button @param {() => void} [opened] */
export function attachPopover(popover, button, opened = () => {}) {
  popover.addEventListener("beforetoggle", (event) => {
    if (event.newState !== "open") return;
    const right = document.documentElement.clientWidth - button.getBoundingClientRect().right;
    popover.style.setProperty("--right", `${Math.max(GAP_MIN, right - 72)}px`);
  });
  popover.addEventListener("toggle", (event) => {
    const open = event.newState === "open";
    button.setAttribute("aria-expanded", String(open));
    if (open) opened();
  });
}

/** Closes the menu that a button is in, if it is in one. @param {HTMLElement} [button] */
export function closeMenu(button) {
  const menu = button?.closest("[popover]");
  if (menu instanceof HTMLElement) menu.hidePopover();
}
