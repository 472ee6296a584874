/**
 * who is here, and where: the people of one pad as one session hears of them. Pure.
 *
 * Positions are kept in the text at the session's revision. Presence frames say where somebody is; between
 * them carets move with the operations: an author's goes behind what was typed, the others keep their place.
 */

import { caretAfter, composeAll, transformPosition } from "./operation.js";

/** @typedef {import("./messages.js").Person} Person */
/** @typedef {import("./messages.js").Selection} Selection */
/** @typedef {import("./operation.js").Operation} Operation */
/** @typedef {Required<Person> & {me: boolean}} PersonHere */
/** @typedef {{session: string, name: string, color: number, selections: Selection[],
 *    typedAt: number}} Caret */

export class Roster {
  /** @type {Map<string, Person>} */
  #people = new Map();
  /** When each session's last operation came, in milliseconds. @type {Map<string, number>} */
  #typedAt = new Map();

  /**
   * @param {import("./messages.js").PeopleMessage} message
   */
  receive({ people, left = [], everybody = false }) {
    if (everybody) this.#people.clear();
    for (const person of people) this.#people.set(person.session, person);
    for (const session of left) this.#people.delete(session);
    for (const session of this.#typedAt.keys())
      if (!this.#people.has(session)) this.#typedAt.delete(session);
  }

  /**
   * Entries have come; move everybody's carets through them.
   * @param {[string, number, Operation][]} entries
   * @param {Operation} whole  all of them composed
   * @param {number} now  milliseconds
   */
  follow(entries, whole, now) {
    /** @type {Map<string, number>} */
    const lastOf = new Map();
    entries.forEach(([session], index) => lastOf.set(session, index));
    // Who has just come may type before it is told that they are here.
    for (const session of lastOf.keys()) this.#typedAt.set(session, now);
    for (const person of this.#people.values()) {
      const last = lastOf.get(person.session);
      const caret = last === undefined ? null : caretAfter(entries[last][2]);
      if (last === undefined || caret === null) {
        this.#move(person, whole);
      } else {
        const rest = composeAll(entries.slice(last + 1).map(([, , op]) => op));
        const position = transformPosition(caret, rest);
        this.#people.set(person.session, { ...person, selections: [[position, position]] });
      }
    }
  }

  /**
   * A delta has come; nobody knows who typed what in it.
   * @param {Operation} op
   */
  followDelta(op) {
    for (const person of this.#people.values()) this.#move(person, op);
  }

  /**
   * @param {string} me  own public session id
   * @returns {PersonHere[]}
   */
  list(me) {
    /** @type {Pick<PersonHere, "role" | "following" | "history">} */
    const usual = { role: "write", following: null, history: null };
    return [...this.#people.values()].map((person) => ({
      ...usual,
      ...person,
      me: person.session === me,
    }));
  }

  /**
   * The carets of the others on the screen.
   * @param {string} me
   * @param {(position: number) => number} toLocal
   * @returns {Caret[]}
   */
  carets(me, toLocal) {
    return [...this.#people.values()]
      .filter(({ session }) => session !== me)
      .map(({ session, name, color, selections }) => ({
        session,
        name,
        color,
        selections: selections.map(([anchor, head]) => [toLocal(anchor), toLocal(head)]),
        typedAt: this.#typedAt.get(session) ?? -Infinity,
      }));
  }

  /**
   * @param {Person} person
   * @param {Operation} op
   */
  #move(person, op) {
    /** @type {Selection[]} */
    const selections = person.selections.map(([anchor, head]) => [
      transformPosition(anchor, op),
      transformPosition(head, op),
    ]);
    this.#people.set(person.session, { ...person, selections });
  }
}
