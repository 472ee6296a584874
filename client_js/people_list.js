/**
 * The list of people: who is here, where, and a button to follow each of them; from some number
 * on with a field to find somebody.
 */
import { avatar, paintAvatar } from "./avatars.js";
import { byId, element, setText } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./strings.js";

/** A list of this length is looked over faster than searched. */
const FILTER_FROM = 9;

/** @typedef {import("./presence.js").PersonHere} PersonHere */
/** @typedef {import("./avatars.js").Marks} Marks */

/**
 * @typedef {object} Row
 * @property {HTMLElement} dom
 * @property {HTMLElement} avatar
 * @property {HTMLElement} name
 * @property {HTMLElement} place
 * @property {HTMLButtonElement} button  follows; on one's own row it opens name and colour
 */

export class PeopleList {
  /**
   * @param {object} options
   * @param {(session: string) => void} options.toggleFollow
   * @param {() => void} options.editProfile
   */
  constructor({ toggleFollow, editProfile }) {
    this.toggleFollow = toggleFollow;
    this.editProfile = editProfile;
    this.list = byId("people-list", HTMLElement);
    this.filter = byId("people-filter", HTMLInputElement);
    /** @type {Map<string, Row>} by session */
    this.rows = new Map();
    this.filter.addEventListener("input", () => this.#applyFilter());
    this.filter.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.filter.value === "") return;
      event.preventDefault();
      event.stopPropagation();
      this.clearFilter();
    });
  }

  clearFilter() {
    this.filter.value = "";
    this.#applyFilter();
  }

  /**
   * @param {PersonHere[]} people  in their order
   * @param {(person: PersonHere) => Marks & { leads: boolean, follows: boolean }} marksOf  whether
   *   they can be followed, and whether they follow oneself
   */
  show(people, marksOf) {
    const here = new Set(people.map(({ session }) => session));
    for (const [session, { dom }] of this.rows) {
      if (here.has(session)) continue;
      dom.remove();
      this.rows.delete(session);
    }
    let next = this.list.firstElementChild;
    for (const person of people) {
      const row = this.rows.get(person.session) ?? this.#addRow(person);
      paintRow(row, person, marksOf(person));
      // A row that stays where it is keeps the focus that is in it.
      if (row.dom === next) next = next.nextElementSibling;
      else this.list.insertBefore(row.dom, next);
    }
    setText(byId("people-title", HTMLElement), t("people.here", { count: people.length }));
    byId("people-alone", HTMLElement).hidden = people.length > 1;
    byId("people-find", HTMLElement).hidden = people.length < FILTER_FROM;
    if (people.length < FILTER_FROM) this.filter.value = "";
    this.#applyFilter();
  }

  /** @param {(session: string) => string} placeOf  in words */
  showPlaces(placeOf) {
    for (const [session, { place }] of this.rows) setText(place, placeOf(session));
  }

  /** @param {PersonHere} person @returns {Row} */
  #addRow({ session, me, name, color }) {
    const button = document.createElement("button");
    button.type = "button";
    if (me) {
      button.className = "icon-button edit-profile";
      button.append(icon("pencil"));
      button.setAttribute("aria-label", t("people.editProfile"));
      button.addEventListener("click", () => this.editProfile());
    } else {
      button.className = "button small follow";
      button.addEventListener("click", () => this.toggleFollow(session));
    }
    const sign = avatar({ name, color, me }, {});
    const nameNode = element("span", "name");
    nameNode.dir = "auto";
    const nameLine = element("div", "name-line", nameNode);
    if (me) nameLine.append(element("span", "you", t("people.you")));
    const place = element("div", "place figure");
    const dom = element("li", "person-row", sign, element("div", "who", nameLine, place), button);
    const row = { dom, avatar: sign, name: nameNode, place, button };
    this.rows.set(session, row);
    return row;
  }

  #applyFilter() {
    const wanted = this.filter.value.trim().toLocaleLowerCase();
    let found = 0;
    for (const { dom, name } of this.rows.values()) {
      const fits = (name.textContent ?? "").toLocaleLowerCase().includes(wanted);
      dom.hidden = !fits;
      if (fits) found += 1;
    }
    byId("people-nobody", HTMLElement).hidden = found > 0 || this.rows.size === 0;
  }
}

/**
 * @param {Row} row @param {PersonHere} person
 * @param {Marks & { leads: boolean, follows: boolean }} marks
 */
function paintRow(row, person, { idle, followed, leads, follows }) {
  const { dom, button } = row;
  paintAvatar(row.avatar, person, { idle });
  setText(row.name, person.name);
  dom.className = `person-row person-${person.color}${followed ? " followed" : ""}`;
  if (person.me) return;
  button.hidden = !leads;
  button.disabled = follows;
  button.title = follows ? t("follow.followsYou", { name: person.name }) : "";
  setText(button, followed ? t("follow.following") : t("follow.follow"));
  const { name } = person;
  // With the words that it shows: who says them to the computer means this button.
  const label = followed ? t("follow.badge", { name }) : t("follow.followName", { name });
  button.setAttribute("aria-label", label);
  button.setAttribute("aria-pressed", String(followed ?? false));
}
