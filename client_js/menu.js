/**
 * The More menu and the frame of the page: language of the interface, what is shown only when it
 * can be done, and the height beside an on-screen keyboard.
 */
import { byId } from "./dom.js";
import { t } from "./strings.js";
import { attachPopover } from "./popover.js";
import { showToast } from "./toast.js";

/** @typedef {import("./page.js").PadPage} PadPage */

const YEAR_SECONDS = 365 * 24 * 60 * 60;

/** @param {PadPage} page */
export function setUpMenu(page) {
  const menu = byId("more", HTMLElement);
  attachPopover(menu, byId("more-button", HTMLElement));
  menu.addEventListener("click", (event) => {
    const row = event.target instanceof Element ? event.target.closest("[data-command]") : null;
    // Copying is answered on the row itself; anything else is seen elsewhere.
    if (row instanceof HTMLElement && !row.dataset.command?.startsWith("pad.copy"))
      menu.hidePopover();
  });
  setUpLanguage(page);
  showAvailable(page);
  page.on("state", () => showAvailable(page));
  stayAboveKeyboard();
}

/** Buttons of commands that not every pad or visitor has. @param {PadPage} page */
function showAvailable({ commands }) {
  for (const button of document.querySelectorAll("[data-if-available]"))
    if (button instanceof HTMLElement) button.hidden = !commands.has(button.dataset.command ?? "");
}

/** @param {PadPage} page */
function setUpLanguage(page) {
  const select = byId("interface-language", HTMLSelectElement);
  let chosen = false;
  select.addEventListener("change", () => {
    document.cookie = `language=${select.value}; Max-Age=${YEAR_SECONDS}; Path=/; SameSite=Lax`;
    chosen = true;
    if (page.state.unsent > 0) showToast(t("language.soon"));
    reloadWhenSaved();
  });
  page.on("state", reloadWhenSaved);

  /** Not under anybody's hands: first what is typed goes out. */
  function reloadWhenSaved() {
    if (chosen && page.state.unsent === 0) location.reload();
  }
}

/**
 * Where the browser lays its keyboard over the page rather than making the page smaller, the page
 * makes itself smaller.
 */
function stayAboveKeyboard() {
  const viewport = window.visualViewport;
  if (!viewport) return;
  const fit = () => {
    const covered = viewport.scale === 1 ? window.innerHeight - viewport.height : 0;
    document.body.style.setProperty("--covered", `${Math.max(0, Math.round(covered))}px`);
    if (covered > 0) window.scrollTo(0, 0);
  };
  viewport.addEventListener("resize", fit);
}
