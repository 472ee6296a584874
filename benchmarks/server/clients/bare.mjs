// No editor at all: a frame of 60 bytes to the server, which gives it to everybody as it is. What came is
// kept as the keys in it, in order of the alphabet: there is no order to agree on.

import { START } from "./pads.mjs";
import { Socket } from "./socket.mjs";
import { serve } from "./workload.mjs";

class Pad {
  onAcknowledged = () => {};
  onInserted = null;
  onClosed = () => {};
  // The server keeps nothing for who comes later: the first text is not sent at all.
  length = START.length;
  #keys = [];
  #name = crypto.randomUUID().slice(0, 8);

  constructor(url) {
    this.socket = new Socket(url);
    this.socket.on("close", () => this.onClosed());
    this.socket.on("message", (data) => {
      // A line each: some servers send several as one frame.
      for (const line of data.toString().split("\n")) this.#receive(JSON.parse(line));
    });
    this.ready = new Promise((done) => this.socket.on("open", () => done(this)));
  }

  text() {
    return this.#keys.sort().join("");
  }

  insert(position, key) {
    if (key === START) setTimeout(this.onAcknowledged);
    else this.#send(position, key);
  }

  #send(position, key) {
    this.socket.send(JSON.stringify({ type: "op", session: this.#name, op: [position, key] }));
  }

  #receive({ session, op: [, key] }) {
    this.length += key.length;
    this.#keys.push(key);
    if (session === this.#name) this.onAcknowledged();
    else this.onInserted?.(key);
  }
}

await serve((port, pad) => new Pad(`ws://127.0.0.1:${port}/${pad}`).ready);
