/**
 * Keyboard shortcuts by name: `Mod-Shift-h` is Ctrl Shift H, and Cmd Shift H on a Mac. The names
 * are those of CodeMirror's keymaps.
 */

import { t } from "./strings.js";

export const isMac = /Mac|iPhone|iPad/.test(globalThis.navigator?.platform ?? "");

/** Keys with a sign on them. @type {Record<string, string>} */
const SIGNS = {
  Enter: "↵",
  ArrowUp: "↑",
  ArrowDown: "↓",
  ArrowLeft: "←",
  ArrowRight: "→",
  ...(isMac && { Mod: "⌘", Ctrl: "⌃", Shift: "⇧", Alt: "⌥" }),
};

/** Keys with a word on them, in the person's language. @type {Record<string, import("./strings.js").Key>} */
const WORDS = {
  Mod: "keys.ctrl",
  Ctrl: "keys.ctrl",
  Shift: "keys.shift",
  Escape: "keys.escape",
  Home: "keys.home",
  End: "keys.end",
  PageUp: "keys.pageUp",
  PageDown: "keys.pageDown",
  Space: "keys.space",
};

/** Whether an event is the shortcut. @param {KeyboardEvent} event @param {string} shortcut */
export function isShortcut(event, shortcut) {
  const parts = shortcut.split("-");
  const key = parts.at(-1) ?? "";
  const wanted = new Set(parts.slice(0, -1));
  const mod = wanted.has("Mod");
  return (
    event.key.toLowerCase() === key.toLowerCase() &&
    event.ctrlKey === (wanted.has("Ctrl") || (mod && !isMac)) &&
    event.metaKey === (mod && isMac) &&
    event.shiftKey === wanted.has("Shift") &&
    event.altKey === wanted.has("Alt") &&
    !event.isComposing
  );
}

/** What is written on the keys, one text each. @param {string} shortcut @returns {string[]} */
export function keyLabels(shortcut) {
  return shortcut.split("-").map((part) => {
    if (part in SIGNS) return SIGNS[part];
    if (part in WORDS) return t(WORDS[part]);
    return part.length === 1 ? part.toUpperCase() : part;
  });
}
