/**
 * The rules of following: whom one ends up with, and when the view has to move. Pure.
 */

/** @typedef {{ session: string, following: string | null }} Follower */

/**
 * Whom somebody follows, whom that one follows, and so on; it ends before anybody comes twice.
 * @param {Follower[]} people @param {string} start
 * @returns {string[]} sessions, `start` is the first
 */
export function chainFrom(people, start) {
  const following = new Map(people.map((person) => [person.session, person.following]));
  const chain = [start];
  for (;;) {
    const next = following.get(chain[chain.length - 1]);
    if (!next || !following.has(next) || chain.includes(next)) return chain;
    chain.push(next);
  }
}

/**
 * Everybody who follows somebody, if through others.
 * @param {Follower[]} people @param {string} followed
 */
export function followersOf(people, followed) {
  const found = new Set([followed]);
  for (let size = 0; size < found.size;) {
    size = found.size;
    for (const { session, following } of people)
      if (following !== null && found.has(following)) found.add(session);
  }
  found.delete(followed);
  return found;
}

/**
 * Following a follower follows the followed.
 * @param {Follower[]} people @param {string} me @param {string} wanted
 * @returns {string | null} null if that one follows me: it would be a circle
 */
export function leaderFor(people, me, wanted) {
  const chain = chainFrom(people, wanted);
  return chain.includes(me) ? null : chain[chain.length - 1];
}

/**
 * Two who begin to follow each other at once make a circle before they hear of each other: of
 * those in it, the one with the last session in order gives up.
 * @param {Follower[]} people @param {string} me @param {string} leader
 */
export function mustGiveUp(people, me, leader) {
  const chain = chainFrom(people, leader);
  const end = chain.indexOf(me);
  return end >= 0 && chain.slice(0, end).every((session) => session < me);
}

/**
 * Where the text has to be scrolled to, so that a caret comes to the middle: only if it has left
 * the middle third. All in pixels.
 * @param {object} situation
 * @param {number} situation.caret  below the top of the text
 * @param {number} situation.scrolled
 * @param {number} situation.height  of the view
 * @param {number} situation.most  how far it can be scrolled
 * @returns {number | null} null to stay
 */
export function scrollGoal({ caret, scrolled, height, most }) {
  const inView = caret - scrolled;
  if (inView >= height / 3 && inView <= (height * 2) / 3) return null;
  const goal = Math.round(Math.max(0, Math.min(most, caret - height / 2)));
  return Math.abs(goal - scrolled) < 1 ? null : goal;
}
