/**
 * What a screen reader is told of people who come and go: batched, and not of everybody who
 * reloads.
 */
import { RELOAD_MS } from "./flags.js";
import { t } from "./strings.js";

/** Joins and leaves are told together, not one by one. */
const TOGETHER_MS = 2_000;

/** In a crowd people come and go all the time. */
const CROWD = 20;
const CROWD_MS = 30_000;

/** @typedef {{ session: string, name: string, me: boolean }} Person */

/**
 * What is said when people come and go; empty for nothing.
 * @param {string[]} joined
 * @param {string[]} left
 * @param {number} total
 */
export function announcement(joined, left, total) {
  const sentences = [];
  if (joined.length === 1) sentences.push(t("people.joined", { name: joined[0] }));
  if (joined.length > 1) sentences.push(t("people.joinedMany", { count: joined.length }));
  if (left.length === 1) sentences.push(t("people.left", { name: left[0] }));
  if (left.length > 1) sentences.push(t("people.leftMany", { count: left.length }));
  if (joined.length > 0 || left.length > 1)
    sentences.push(t("people.sayHere", { count: total }));
  return sentences.join(" ");
}

export class Announcer {
  /**
   * Those whom the listener knows of, by session; null before the first list.
   * @type {Map<string, string> | null}
   */
  known = null;
  /** @type {Map<string, number>} */
  goneSince = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer = undefined;
  /** What the timer was set to, in milliseconds. */
  wait = 0;

  /**
   * @param {object} options
   * @param {() => Person[]} options.people
   * @param {() => boolean} options.connected
   * @param {(words: string) => void} options.say
   */
  constructor({ people, connected, say }) {
    this.people = people;
    this.connected = connected;
    this.say = say;
  }

  /** Somebody may have come or gone. */
  update() {
    const people = this.people();
    if (people.length === 0 || !this.connected()) return;
    // Who is here at the start is in the list; nobody has come.
    this.known ??= new Map(people.map(({ session, name }) => [session, name]));
    const wait = people.length > CROWD ? CROWD_MS : TOGETHER_MS;
    // What was to be said soon waits longer when it has become a crowd meanwhile.
    if (this.timer !== undefined && wait <= this.wait) return;
    clearTimeout(this.timer);
    this.wait = wait;
    this.timer = setTimeout(() => this.tell(), wait);
  }

  tell() {
    this.timer = undefined;
    if (this.known === null || !this.connected()) return;
    const people = this.people();
    const { known } = this;
    const joined = people.filter(({ session, me }) => !me && !known.has(session));
    const left = this.takeLeft(new Set(people.map(({ session }) => session)), Date.now());
    for (const { session, name } of people) known.set(session, name);
    const names = joined.map(({ name }) => name);
    const words = announcement(names, left, people.length);
    if (words) this.say(words);
    // Somebody is gone, but not for long enough yet.
    if (this.goneSince.size > 0) this.update();
  }

  /**
   * The names of those who are gone for good, who are then forgotten.
   * @param {Set<string>} present
   * @param {number} now
   */
  takeLeft(present, now) {
    const left = [];
    for (const [session, name] of this.known ?? []) {
      if (present.has(session)) {
        this.goneSince.delete(session);
        continue;
      }
      const since = this.goneSince.get(session) ?? now;
      this.goneSince.set(session, since);
      if (now - since < RELOAD_MS) continue;
      left.push(name);
      this.known?.delete(session);
      this.goneSince.delete(session);
    }
    return left;
  }
}
