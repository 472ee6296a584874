// What is the same for every client on Yjs, whichever provider carries its updates.

import * as Y from "yjs";

export class YjsPad {
  onAcknowledged = () => {};
  onInserted = null;
  onClosed = () => {};
  doc = new Y.Doc();
  shared = this.doc.getText("text");
  /** Of the present connection. @type {import("./socket.mjs").Socket} */
  socket = null;

  constructor() {
    this.doc.on("update", (update, _origin, _doc, transaction) => {
      if (this.onInserted && !transaction.local) inserted(update).forEach(this.onInserted);
    });
  }

  get length() {
    return this.shared.length;
  }

  text() {
    return this.shared.toString();
  }

  bytes() {
    return this.socket.bytes();
  }

  insert(position, text) {
    this.shared.insert(position, text);
  }

  /** To be called with each socket that the provider makes. */
  watch(socket) {
    this.socket = socket;
    socket.on("close", () => this.onClosed());
  }

  /** @param {() => void} disconnect as the provider does it */
  closed(disconnect) {
    const closed = new Promise((done) => this.socket.on("close", done));
    disconnect();
    return closed;
  }
}

/**
 * The texts in an update. An event's own `delta` walks the whole text for it.
 *
 * @param {Uint8Array} update
 * @returns {string[]}
 */
const inserted = (update) =>
  Y.decodeUpdate(update).structs.flatMap(({ content }) => content?.str ?? []);
