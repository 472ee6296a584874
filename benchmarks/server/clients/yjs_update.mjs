// What an update of Yjs brings. An event's own `delta` walks the whole text for it.

import * as Y from "yjs";

/** The texts in an update. @param {Uint8Array} update @returns {string[]} */
export const inserted = (update) =>
  Y.decodeUpdate(update).structs.flatMap(({ content }) => content?.str ?? []);
