/**
 * Who is here: avatars in the bar, the list with everybody's place, one's own name and colour.
 */
import { Announcer } from "./announcements.js";
import { byId, element, setText } from "./dom.js";
import { icon } from "./icons.js";
import { attachPopover } from "./popover.js";
import {
  cleanName,
  COLOR_NAMES,
  initial,
  NAME_LENGTH_MAX,
  saveColor,
  saveName,
} from "./profile.js";
import { counted } from "./status.js";

const IDLE_CHECK_MS = 30_000;

/** How often places in the open list follow the carets. */
const PLACES_MS = 500;

/**
 * @typedef {object} Person
 * @property {string} session
 * @property {string} person
 * @property {string} name
 * @property {number} color
 * @property {boolean} me
 *
 * @typedef {import("./editor.js").Place} Place
 */

/**
 * How many avatars are shown, and how many only counted.
 * @param {number} total
 * @param {number} limit
 */
export function avatarPlan(total, limit) {
  return total <= limit ? { shown: total, more: 0 } : { shown: limit - 1, more: total - limit + 1 };
}

/** @param {Place | undefined} place */
export function placeText(place) {
  if (!place) return "Reading along";
  const { line, selected, outside, typing, idleMs } = place;
  const minutes = Math.floor(idleMs / 60_000);
  if (minutes >= 5) return `Idle for ${minutes} min`;
  if (selected > 0) {
    return `Selected ${counted(selected, "character", "characters")} at line ${line}`;
  }
  if (typing) return `Typing at line ${line}`;
  return outside ? `Line ${line}, ${outside} your view` : `Line ${line}`;
}

export class PeopleView {
  /**
   * @param {object} options
   * @param {() => Person[]} options.people  of the session, in no special order
   * @param {() => boolean} options.connected
   * @param {import("./editor.js").PadEditor} options.editor
   * @param {{ name: string, color: number }} options.profile
   * @param {(changed: { name?: string, color?: number }) => void} options.setProfile
   */
  constructor({ people, connected, editor, profile, setProfile }) {
    this.people = people;
    this.editor = editor;
    this.profile = profile;
    this.setProfile = setProfile;
    /** The order on screen: it changes only while the list is closed. @type {string[]} */
    this.order = [];
    this.announcer = new Announcer({ people, connected, say: sayOfPeople });
    /** What the bar shows, so that it is drawn anew only when that changes. */
    this.shownAvatars = "";
    this.shownList = "";
    this.list = byId("people-list", HTMLElement);
    this.popover = byId("people", HTMLElement);
    this.setUpName();
    this.setUpSwatches();
    this.setUpPopover();
    this.showPlaceholders();
  }

  get open() {
    return this.popover.matches(":popover-open");
  }

  /** People came, went or changed. */
  update() {
    const people = this.sorted();
    const me = people.find((person) => person.me);
    if (me) this.showOwnColor(me.color);
    if (people.length > 0) this.showAvatars(people);
    if (this.open) this.showList(people);
    this.announcer.update();
  }

  /** You first, then by latest activity. @returns {Person[]} */
  sorted() {
    const people = this.people();
    const places = this.editor.places();
    /** @param {Person} person */
    const rank = (person) => (person.me ? -1 : (places.get(person.session)?.idleMs ?? Infinity));
    if (!this.open) {
      this.order = [...people].sort((a, b) => rank(a) - rank(b) || 0).map(({ session }) => session);
    }
    /** @param {Person} person */
    const position = (person) =>
      this.order.includes(person.session) ? this.order.indexOf(person.session) : Infinity;
    return [...people].sort((a, b) => position(a) - position(b) || 0);
  }

  // --- the bar

  showPlaceholders() {
    const circles = [1, 2].map(() => element("span", "avatar placeholder"));
    byId("avatars", HTMLElement).replaceChildren(...circles);
  }

  /** @param {Person[]} people */
  showAvatars(people) {
    const limit = innerWidth >= 900 ? 5 : 3;
    const { shown, more } = avatarPlan(people.length, limit);
    const look = people
      .slice(0, shown)
      .map((person) => [person.name, person.color, person.me, this.isIdle(person)]);
    const signature = JSON.stringify([look, more]);
    if (signature === this.shownAvatars) return;
    this.shownAvatars = signature;
    const stack = people
      .slice(0, shown)
      .map((person) => this.avatar(person, `${person.name}${person.me ? " (you)" : ""}`));
    if (more > 0) stack.push(element("span", "avatar more figure", `+${more}`));
    byId("avatars", HTMLElement).replaceChildren(...stack);
    setText(byId("people-count", HTMLElement), people.length.toLocaleString());
    const title = `${counted(people.length, "person", "people")} here`;
    byId("people-button", HTMLElement).setAttribute("aria-label", title);
    setText(byId("people-title", HTMLElement), title);
  }

  /** @param {Person} person */
  isIdle(person) {
    return !person.me && this.editor.isIdle(person.session);
  }

  /** @param {Person} person @param {string} [title] */
  avatar(person, title = "") {
    const marks = `${this.isIdle(person) ? " idle" : ""}${person.me ? " me" : ""}`;
    const className = `avatar person-${person.color}${marks}`;
    const made = element("span", className, initial(person.name));
    if (title) made.title = title;
    made.setAttribute("aria-hidden", "true");
    return made;
  }

  // --- the list

  setUpPopover() {
    const button = byId("people-button", HTMLElement);
    /** @type {ReturnType<typeof setInterval> | undefined} */
    let timer;
    attachPopover(this.popover, button, () => {
      this.showList(this.sorted());
      timer = setInterval(() => (this.open ? this.showPlaces() : clearInterval(timer)), PLACES_MS);
    });
    this.popover.addEventListener("beforetoggle", (event) => {
      if (event.newState === "open") this.showName();
    });
    addEventListener("resize", () => this.update());
    // People become idle by doing nothing.
    setInterval(() => this.update(), IDLE_CHECK_MS);
    const cursors = byId("cursors", HTMLInputElement);
    cursors.addEventListener("change", () => this.editor.showCursors(cursors.checked));
  }

  /** @param {Person[]} people */
  showList(people) {
    const look = people.map(({ session, name, color, me }) => [session, name, color, me]);
    const signature = JSON.stringify(look);
    if (signature !== this.shownList) {
      this.shownList = signature;
      this.list.replaceChildren(...people.map((person) => this.row(person)));
    }
    byId("people-alone", HTMLElement).hidden = people.length > 1;
    this.showPlaces();
  }

  /** @param {Person} person */
  row(person) {
    const name = element("span", "name", person.name);
    name.dir = "auto";
    const nameLine = element("div", "name-line", name);
    if (person.me) nameLine.append(element("span", "you", "(you)"));
    const who = element("div", "who", nameLine, element("div", "place figure"));
    const row = element("li", "person-row", this.avatar(person), who);
    row.dataset.session = person.session;
    if (person.me) row.dataset.me = "";
    return row;
  }

  showPlaces() {
    const places = this.editor.places();
    for (const row of /** @type {NodeListOf<HTMLElement>} */ (this.list.querySelectorAll("li"))) {
      const place = row.querySelector(".place");
      const mine = "me" in row.dataset;
      const words = mine
        ? `Line ${this.editor.caret().line}`
        : placeText(places.get(row.dataset.session ?? ""));
      if (place) setText(place, words);
    }
  }

  // --- one's own name and colour

  setUpName() {
    const field = byId("your-name", HTMLInputElement);
    field.addEventListener("input", () => this.showNameCount());
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || field.value === this.profile.name) return;
      // The first Esc takes the change back, the next one closes the popover.
      event.preventDefault();
      event.stopPropagation();
      this.showName();
    });
    byId("name-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      const name = cleanName(field.value);
      byId("name-error", HTMLElement).hidden = name !== null;
      field.setAttribute("aria-invalid", String(name === null));
      if (name === null) return;
      saveName(name);
      this.changeProfile({ name });
      this.showName();
    });
    this.showName();
  }

  showName() {
    byId("your-name", HTMLInputElement).value = this.profile.name;
    byId("name-error", HTMLElement).hidden = true;
    this.showNameCount();
  }

  showNameCount() {
    const length = [...byId("your-name", HTMLInputElement).value.trim()].length;
    setText(byId("name-count", HTMLElement), `${length}/${NAME_LENGTH_MAX}`);
  }

  setUpSwatches() {
    const swatches = COLOR_NAMES.map((name, index) => {
      const input = document.createElement("input");
      Object.assign(input, { type: "radio", name: "color", value: String(index + 1) });
      input.setAttribute("aria-label", name);
      const swatch = element("label", `swatch person-${index + 1}`, input, icon("check"));
      swatch.title = name;
      return swatch;
    });
    const group = byId("swatches", HTMLElement);
    group.append(...swatches);
    group.addEventListener("change", (event) => {
      const color = Number(/** @type {HTMLInputElement} */ (event.target).value);
      saveColor(color);
      this.changeProfile({ color });
    });
  }

  /** @param {number} color */
  showOwnColor(color) {
    const input = this.popover.querySelector(`input[name="color"][value="${color}"]`);
    if (input instanceof HTMLInputElement) input.checked = true;
  }

  /**
   * @param {{ name?: string, color?: number }} changed  the other may have been given by the server
   */
  changeProfile(changed) {
    this.profile = { ...this.profile, ...changed };
    this.setProfile(changed);
    this.update();
  }
}

/** @param {string} words */
function sayOfPeople(words) {
  setText(byId("live-people", HTMLElement), words);
}
