/**
 * where a session shows its text: what it asks of an editor, and one that nobody looks at
 */

import { apply } from "./operation.js";

/** @typedef {import("./operation.js").Operation} Operation */
/** @typedef {import("./messages.js").Selection} Selection */
/**
 * @typedef {object} Editor  what shows the text; positions in code points
 * @property {(text: string) => void} reset
 * @property {(op: Operation) => void} apply
 * @property {() => string} text
 * @property {() => Selection[]} selections
 * @property {(carets: () => import("./presence.js").Caret[]) => void} setCarets  they have moved; to
 *   be asked for when they are drawn
 */

/** An editor for a session that nobody looks at. @returns {Editor} */
export function screenless() {
  let screen = "";
  return {
    reset(text) {
      screen = text;
    },
    apply(op) {
      screen = apply(screen, op);
    },
    text: () => screen,
    selections: () => [],
    setCarets() {},
  };
}
