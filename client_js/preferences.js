/**
 * How this person likes it, kept in this browser: changed at once in the page and its other tabs.
 */
import { readStored, writeStored } from "./stored.js";

/** The defaults; also all that there are. */
const DEFAULTS = {
  /** Long lines go on in the next row. */
  wrap: true,
  /** Other people's carets and selections. */
  cursors: true,
  /** The list of people is beside the text, where there is room. */
  peoplePinned: false,
  /** A quiet mark where edits of several people met. */
  mergedMarks: true,
  /** @type {"auto" | "prose" | "code"} the look of the text, whatever its language */
  look: "auto",
  /** Tab moves the focus, as everywhere else, rather than indenting. */
  tabMovesFocus: false,
  /** In the history: who wrote what, what was changed last, and quiet time cut short. */
  historyAuthors: true,
  historyChanges: true,
  skipQuiet: true,
};

/** @typedef {typeof DEFAULTS} Preferences */
/** @typedef {keyof Preferences} Name */

/** @type {Map<Name, Set<() => void>>} */
const listeners = new Map();

/** @template {Name} N @param {N} name @returns {Preferences[N]} */
export function preference(name) {
  const stored = readStored(`deltapad.${name}`);
  if (stored === null) return DEFAULTS[name];
  const value = typeof DEFAULTS[name] === "boolean" ? stored === "true" : stored;
  return /** @type {Preferences[N]} */ (value);
}

/** @template {Name} N @param {N} name @param {Preferences[N]} value */
export function prefer(name, value) {
  writeStored(`deltapad.${name}`, value === DEFAULTS[name] ? null : String(value));
  tell(name);
}

/** @param {Name} name @param {() => void} changed */
export function onPreference(name, changed) {
  const known = listeners.get(name) ?? new Set();
  listeners.set(name, known.add(changed));
}

/** @param {Name} name */
function tell(name) {
  for (const changed of listeners.get(name) ?? []) changed();
}

globalThis.addEventListener?.("storage", ({ key }) => {
  for (const name of listeners.keys()) if (key === `deltapad.${name}`) tell(name);
});
