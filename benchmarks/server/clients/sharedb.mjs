// ShareDB, by its own client, with the type that counts in code points.

import ShareDB from "sharedb/lib/client/index.js";
import { type } from "ot-text-unicode";
import { serve } from "./workload.mjs";
import { Socket } from "./socket.mjs";

ShareDB.types.register(type);

class Pad {
  onAcknowledged = () => {};
  onInserted = null;
  onClosed = () => {};
  #socket = null;

  constructor(url) {
    this.url = url;
    this.connection = new ShareDB.Connection(this.#connect());
  }

  get length() {
    return this.doc.data?.length ?? 0;
  }

  text() {
    return this.doc.data;
  }

  bytes() {
    return this.#socket.bytes();
  }

  insert(position, text) {
    const done = (error) => {
      if (error) throw error;
      this.onAcknowledged();
    };
    // The adapter for PostgreSQL cannot read an empty text again: the first one makes the document.
    if (!this.doc.type) this.doc.create(text, type.uri, done);
    else this.doc.submitOp(position ? [position, text] : [text], done);
  }

  async subscribe(pad) {
    this.doc = this.connection.get("pads", pad);
    await called((done) => this.doc.subscribe(done));
    this.doc.on("op", (op, source) => {
      if (!source) op.forEach((part) => typeof part === "string" && this.onInserted?.(part));
    });
    return this;
  }

  offline() {
    const closed = new Promise((done) => this.#socket.on("close", done));
    this.#socket.close();
    return closed;
  }

  online() {
    this.connection.bindToSocket(this.#connect());
  }

  #connect() {
    this.#socket = new Socket(this.url);
    this.#socket.on("close", () => this.onClosed());
    return this.#socket;
  }
}

const called = (call) =>
  new Promise((done, failed) => call((error) => (error ? failed(error) : done())));

await serve((port, pad) => new Pad(`ws://127.0.0.1:${port}`).subscribe(pad));
