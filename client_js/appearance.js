/**
 * The person's choice of light or dark, changed at once on this page and kept for the next.
 */
import { readStored, writeStored } from "./stored.js";

/** @typedef {"system" | "light" | "dark"} Theme */

/** @returns {Theme} */
export function chosenTheme() {
  const chosen = readStored("deltapad.theme");
  return chosen === "light" || chosen === "dark" ? chosen : "system";
}

/** @param {Theme} theme */
export function chooseTheme(theme) {
  writeStored("deltapad.theme", theme === "system" ? null : theme);
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

/** Whether the page is dark right now. */
export function isDark() {
  const chosen = chosenTheme();
  return chosen === "system"
    ? matchMedia("(prefers-color-scheme: dark)").matches
    : chosen === "dark";
}
