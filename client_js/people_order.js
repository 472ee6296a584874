/**
 * The order of people in the bar and in the list: you first, then by latest activity; and how many
 * avatars there is room for. Pure.
 */

/** By activity alone people would change places with every key, and nobody could be found. */
const REORDER_MS = 10_000;

export class PeopleOrder {
  /** @type {string[]} */
  #sessions = [];
  #sortedAt = -Infinity;

  /**
   * @template {{ session: string, me: boolean }} P
   * @param {P[]} people
   * @param {object} situation
   * @param {Map<string, number>} situation.activeAt  by session, milliseconds
   * @param {boolean} situation.frozen  the list is being read: who comes is put at its end
   * @param {number} situation.now
   * @returns {P[]}
   */
  sort(people, { activeAt, frozen, now }) {
    const known = new Set(this.#sessions);
    const same = people.length === known.size && people.every(({ session }) => known.has(session));
    if (!frozen && (!same || now - this.#sortedAt >= REORDER_MS)) {
      /** @param {P} person */
      const rank = ({ me, session }) => (me ? Infinity : (activeAt.get(session) ?? -Infinity));
      this.#sortedAt = now;
      this.#sessions = [...people]
        .sort((a, b) => (rank(a) === rank(b) ? 0 : rank(b) - rank(a)))
        .map(({ session }) => session);
    }
    const place = new Map(this.#sessions.map((session, index) => [session, index]));
    /** @param {P} person */
    const position = ({ me, session }) => (me ? -1 : (place.get(session) ?? place.size));
    return [...people].sort((a, b) => position(a) - position(b));
  }
}

/**
 * Who gets an avatar, and how many are only counted.
 * @template {{ me: boolean }} P
 * @param {P[]} people  in their order
 * @param {number} width  of the window, in pixels
 * @returns {{ shown: P[], more: number }}
 */
export function avatarPlan(people, width) {
  // On a phone there is room for two, and one knows oneself.
  if (width < 600) {
    const others = people.length > 2 ? people.filter(({ me }) => !me) : people;
    const shown = others.slice(0, 2);
    return { shown, more: people.length - shown.length };
  }
  const room = width >= 900 ? 5 : 3;
  const shown = people.slice(0, people.length <= room ? room : room - 1);
  return { shown, more: people.length - shown.length };
}
