/**
 * Who this browser is: its person key, the name and the colour that others see.
 *
 * The person key is a secret that stays here and goes to the server alone; names and colours are
 * for show.
 */
import { readStored, writeStored } from "./stored.js";

/** As the server counts them: code points after trimming. */
export const NAME_LENGTH_MAX = 40;
/** The same of a pad's title. */
export const TITLE_LENGTH_MAX = 80;

/** The indices of the colours, as the wire has them; their names are among the texts. */
export const COLORS = /** @type {const} */ ([
  "1",
  "2",
  "3",
  "4",
  "5",
  "6",
  "7",
  "8",
  "9",
  "10",
  "11",
  "12",
]);

// Control characters, line separators, marks that turn the writing direction, and halves of
// surrogate pairs.
const HARMFUL = /[\p{Cc}\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]|\p{Surrogate}/gu;

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/**
 * @typedef {object} Profile
 * @property {string} personKey
 * @property {string} name
 * @property {number} color  1 to 12, or 0 for "give me one"
 */

/** The profile of this browser, made at the first call. @returns {Profile} */
export function loadProfile() {
  let personKey = readStored("deltapad.person");
  if (!personKey || !/^[A-Za-z0-9_-]{22,64}$/.test(personKey)) {
    personKey = randomKey();
    writeStored("deltapad.person", personKey);
  }
  let name = cleanName(readStored("deltapad.name") ?? "");
  if (!name) {
    name = guestName(Math.random());
    writeStored("deltapad.name", name);
  }
  const color = Number(readStored("deltapad.color"));
  return {
    personKey,
    name,
    color: Number.isInteger(color) && color >= 1 && color <= 12 ? color : 0,
  };
}

/** @param {string} name */
export function saveName(name) {
  writeStored("deltapad.name", name);
}

/** @param {number} color */
export function saveColor(color) {
  writeStored("deltapad.color", String(color));
}

/**
 * A name as it may be shown, or null where nothing in it could be read out.
 * @param {string} raw @param {number} [lengthMax]  code points @returns {string | null}
 */
export function cleanName(raw, lengthMax = NAME_LENGTH_MAX) {
  const spaced = raw.replace(HARMFUL, " ").replace(/\s+/g, " ").trim();
  const name = [...spaced].slice(0, lengthMax).join("").trim();
  // The Hangul fillers are letters, but blank.
  return /[\p{L}\p{N}]/u.test(name.replace(/[\u115F\u1160\u3164\uFFA0]/g, "")) ? name : null;
}

/** @param {number} random  0 to 1 */
export function guestName(random) {
  return `Guest ${1000 + Math.floor(random * 9000)}`;
}

/**
 * Whether two have drawn the same guest name and it is on us, the later session id, to draw another.
 * @param {{me: boolean, name: string, person: string, session: string}[]} people
 */
export function isSecondOfTheName(people) {
  const own = people.find(({ me }) => me);
  if (own === undefined || !/^Guest \d{4}$/.test(own.name)) return false;
  return people.some(
    ({ name, person, session }) =>
      name === own.name && person !== own.person && session < own.session,
  );
}

/** The first letter as a person would count it. @param {string} name */
export function initial(name) {
  const [first] = graphemes.segment(name.replace(HARMFUL, " ").trim());
  return first ? first.segment.toLocaleUpperCase() : "·";
}

/** @param {string} text @param {number} max */
export function shorten(text, max) {
  const parts = Array.from(graphemes.segment(text), (part) => part.segment);
  return parts.length <= max
    ? text
    : `${parts
        .slice(0, max - 1)
        .join("")
        .trimEnd()}…`;
}

/** A new key: 132 random bits in the alphabet of the protocol. */
export function randomKey() {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  return Array.from(crypto.getRandomValues(new Uint8Array(22)), (byte) => alphabet[byte & 63]).join(
    "",
  );
}
