/**
 * The person's choice of light or dark, changed at once on this page and kept for the next.
 */
import { readStored, writeStored } from "./stored.js";

/** @typedef {"system" | "light" | "dark"} Theme */

/** The ground of the page, as in styles/tokens.css. */
const CANVAS = { light: "#FDFDFB", dark: "#141518" };

/** @returns {Theme} */
export function chosenTheme() {
  const chosen = readStored("deltapad.theme");
  return chosen === "light" || chosen === "dark" ? chosen : "system";
}

/** @param {Theme} theme */
export function chooseTheme(theme) {
  writeStored("deltapad.theme", theme === "system" ? null : theme);
  showTheme();
}

/** Shows what is chosen, also on what the browser draws around the page. */
export function showTheme() {
  const theme = chosenTheme();
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  for (const meta of document.querySelectorAll("meta[name=theme-color]")) {
    const system = meta.getAttribute("media")?.includes("dark") ? "dark" : "light";
    meta.setAttribute("content", CANVAS[theme === "system" ? system : theme]);
  }
}

/** Another tab has chosen, or another page of this one. @param {() => void} [changed] */
export function onThemeElsewhere(changed = () => {}) {
  const again = () => {
    showTheme();
    changed();
  };
  addEventListener("storage", ({ key }) => {
    // No key: all that was stored is gone.
    if (key === "deltapad.theme" || key === null) again();
  });
  // Gone back to: what happened meanwhile was told to nobody.
  addEventListener("pageshow", ({ persisted }) => persisted && again());
}

/** Whether the page is dark right now. */
export function isDark() {
  const chosen = chosenTheme();
  return chosen === "system"
    ? matchMedia("(prefers-color-scheme: dark)").matches
    : chosen === "dark";
}
