// deltapad, by the client that browsers run: its state machine, with a string as the text under it. (In the
// browser that is an editor; the peers are measured without theirs too.)

import { Client } from "../../../client_js/client.js";
import { serve } from "./workload.mjs";
import { Socket } from "./socket.mjs";

class Pad {
  onAcknowledged = () => {};
  onInserted = null;
  onClosed = () => {};
  #machine = new Client();
  #text = "";
  #welcome = null;
  #epoch = null;
  #socket = null;
  #key = crypto.randomUUID();
  #person = crypto.randomUUID();

  constructor(url) {
    this.url = url;
  }

  get length() {
    return this.#text.length;
  }

  text() {
    return this.#text;
  }

  bytes() {
    return this.#socket.bytes();
  }

  insert(position, text) {
    this.#text = this.#text.slice(0, position) + text + this.#text.slice(position);
    this.#machine.edit(position ? [position, text] : [text]);
    this.#send(this.#welcome && this.#machine.send(this.#welcome.limits));
  }

  offline() {
    const closed = new Promise((done) => this.#socket.on("close", done));
    this.#welcome = null;
    this.#socket.close();
    return closed;
  }

  online() {
    const socket = new Socket(this.url, "deltapad.1");
    this.#socket = socket;
    const revision = this.#epoch === null ? null : this.#machine.revision;
    socket.on("open", () =>
      socket.send(
        JSON.stringify({
          ...{ type: "hello", session: this.#key, person: this.#person, name: "Load", color: 0 },
          ...{ epoch: this.#epoch, revision },
        }),
      ),
    );
    socket.on("close", () => this.onClosed());
    return new Promise((done) =>
      socket.on("message", (data) => {
        const message = JSON.parse(data);
        this.#receive(message);
        if (message.type === "welcome") done(this);
      }),
    );
  }

  #send(message) {
    if (message) this.#socket.send(JSON.stringify(message));
  }

  #receive(message) {
    if (message.type === "welcome") {
      this.#welcome = message;
      this.#epoch = message.epoch;
      if (message.text !== undefined) {
        this.#text = message.text;
        this.#machine = new Client({ revision: message.revision, lastSeq: message.committed[0] });
      }
      this.#send(this.#machine.resend() ?? this.#machine.send(message.limits));
    } else if (message.type === "ops" || message.type === "delta") {
      const { op, acknowledged } = this.#machine.receive(message, this.#welcome.session);
      if (op) this.#apply(op);
      if (acknowledged !== null) {
        this.onAcknowledged();
        this.#send(this.#machine.send(this.#welcome.limits));
      }
    } else if (message.type === "error") {
      throw new Error(`${message.code}: ${message.message}`);
    }
  }

  #apply(op) {
    const parts = [];
    let position = 0;
    for (const part of op) {
      if (typeof part === "string") {
        parts.push(part);
        this.onInserted?.(part);
      } else if (part > 0) {
        parts.push(this.#text.slice(position, position + part));
        position += part;
      } else {
        position -= part;
      }
    }
    parts.push(this.#text.slice(position));
    this.#text = parts.join("");
  }
}

const open = (port, pad) => new Pad(`ws://127.0.0.1:${port}/ws/${pad}`).online();

const create = (port, pad) => {
  const body = new URLSearchParams({ id: pad });
  return fetch(`http://127.0.0.1:${port}/p`, { method: "POST", body, redirect: "manual" });
};

await serve(open, create);
