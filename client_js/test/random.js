/**
 * Random texts and operations from a seed, made so that conflicts are likely: short texts, many
 * ties, inserts and deletes that touch in both orders, emoji.
 */
import { add, codePoints } from "../operation.js";

/** @typedef {import("../operation.js").Operation} Operation */

const LETTERS = ["a", "b", "ß", "中", "😀", "👩‍🚀", "\n"];

export class Random {
  /** @param {number} seed */
  constructor(seed) {
    this.state = seed >>> 0;
  }

  /** From 0 up to, not including, `limit` (mulberry32). @param {number} limit */
  below(limit) {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  /** @template T @param {T[]} list @returns {T} */
  pick(list) {
    return list[this.below(list.length)];
  }

  /** @param {number} lengthMax in letters */
  text(lengthMax) {
    return Array.from({ length: this.below(lengthMax + 1) }, () => this.pick(LETTERS)).join("");
  }

  /** An operation, never empty, that fits on `text`. @param {string} text @returns {Operation} */
  operation(text) {
    const length = codePoints(text);
    /** @type {Operation} */
    const op = [];
    let left = length;
    // Components come in any order, so both orders of an insert and a delete that touch are common.
    for (let count = 1 + this.below(5); count > 0; count--) {
      const kind = this.below(3);
      if (kind === 0) add(op, this.text(2) || "x");
      if (kind === 0 || left === 0) continue;
      const size = 1 + this.below(Math.min(left, 3));
      add(op, kind === 1 ? size : -size);
      left -= size;
    }
    const last = op.at(-1);
    if (typeof last === "number" && last > 0) op.pop();
    return op.length > 0 ? op : ["y"];
  }
}

/**
 * Runs `body` for many seeds; a failure names its seed.
 * @param {number} count @param {(random: Random) => void} body
 */
export function forSeeds(count, body) {
  for (let seed = 1; seed <= count; seed++) {
    try {
      body(new Random(seed));
    } catch (error) {
      if (error instanceof Error) error.message = `seed ${seed}: ${error.message}`;
      throw error;
    }
  }
}
