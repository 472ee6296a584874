// The whole-text demo's client: sends its text at each key, and shows whatever text comes.

import { serve } from "./workload.mjs";
import { Socket } from "./socket.mjs";

class Pad {
  onAcknowledged = () => {};
  onInserted = null;
  onClosed = () => {};
  #text = "";
  #name = crypto.randomUUID();

  constructor(url) {
    this.socket = new Socket(url);
    this.socket.on("close", () => this.onClosed());
    this.socket.on("message", (data) => {
      const { from, key, text } = JSON.parse(data);
      this.#text = text;
      if (from === this.#name) this.onAcknowledged();
      else this.onInserted?.(key);
    });
    this.ready = new Promise((done) => this.socket.once("message", () => done(this)));
  }

  get length() {
    return this.#text.length;
  }

  text() {
    return this.#text;
  }

  insert(position, key) {
    this.#text = this.#text.slice(0, position) + key + this.#text.slice(position);
    this.socket.send(JSON.stringify({ from: this.#name, key, text: this.#text }));
  }
}

await serve((port, pad) => new Pad(`ws://127.0.0.1:${port}/${pad}`).ready);
