/**
 * The avatars in the top bar, and the count beside them.
 */
import { byId, element, setText } from "./dom.js";
import { avatarPlan } from "./people_order.js";
import { initial } from "./profile.js";
import { t } from "./strings.js";

/** @typedef {import("./presence.js").PersonHere} PersonHere */
/** @typedef {{ idle?: boolean, followed?: boolean }} Marks */

/**
 * The sign of a person: a letter on their colour. What it says is said beside it in words.
 * @param {{ name: string, color: number, me: boolean }} person @param {Marks} marks
 */
export function avatar(person, marks) {
  const made = element("span");
  paintAvatar(made, person, marks);
  made.setAttribute("aria-hidden", "true");
  return made;
}

/** @param {HTMLElement} node @param {{ name: string, color: number, me: boolean }} person @param {Marks} marks */
export function paintAvatar(node, { name, color, me }, { idle = false, followed = false }) {
  const set = { idle, followed, me };
  const on = Object.entries(set).flatMap(([mark, is]) => (is ? [mark] : []));
  node.className = ["avatar", `person-${color}`, ...on].join(" ");
  setText(node, initial(name));
}

export class Avatars {
  /**
   * @param {object} options
   * @param {(session: string) => string} options.placeOf  in words
   */
  constructor({ placeOf }) {
    this.placeOf = placeOf;
    this.stack = byId("avatars", HTMLElement);
    /** What is shown, so that it is drawn anew only when that changes. */
    this.shown = "";
    this.stack.replaceChildren(...[1, 2].map(() => element("span", "avatar placeholder")));
    // Places change all the time; they are looked up when somebody asks.
    this.stack.addEventListener("pointerover", (event) => this.#showPlace(event.target));
  }

  /**
   * @param {PersonHere[]} people  in their order
   * @param {(person: PersonHere) => Marks} marksOf
   * @param {string} count  the words beside them
   */
  show(people, marksOf, count) {
    const { shown, more } = avatarPlan(people, innerWidth);
    const looks = shown.map((person) => ({ person, marks: marksOf(person) }));
    const signature = JSON.stringify([
      ...looks.map(({ person: { session, name, color, me }, marks }) => [
        ...[session, name, color, me, marks],
      ]),
      more,
    ]);
    setText(byId("people-count", HTMLElement), count);
    if (signature === this.shown) return;
    this.shown = signature;
    this.stack.replaceChildren(
      ...looks.map(({ person, marks }) => {
        const made = avatar(person, marks);
        made.dataset.session = person.session;
        made.dataset.name = person.me ? t("people.youLong", { name: person.name }) : person.name;
        return made;
      }),
    );
    if (more > 0) this.stack.append(element("span", "avatar more figure", `+${more}`));
  }

  /** @param {EventTarget | null} target */
  #showPlace(target) {
    if (!(target instanceof HTMLElement)) return;
    const { session, name } = target.dataset;
    if (session === undefined || name === undefined) return;
    target.title = t("people.nameAndPlace", { name, place: this.placeOf(session) });
  }
}
