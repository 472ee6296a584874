// y-websocket's own provider, for every server that speaks its protocol.
//
// The protocol has no acknowledgement. These servers send an update to all, its author too, and its
// return is the only sign that the server has it: that counts here.

import { createDecoder, readVarUint, readVarUint8Array } from "lib0/decoding";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { serve } from "./workload.mjs";
import { Socket } from "./socket.mjs";
import { YjsPad } from "./yjs_pad.mjs";

const SYNC = 0;
const UPDATE = 2;

class Pad extends YjsPad {
  #acknowledged = 0;

  constructor(url, pad) {
    super();
    this.provider = new WebsocketProvider(url, pad, this.doc, {
      disableBc: true,
      WebSocketPolyfill: Socket.told((socket) => this.watch(socket)),
    });
  }

  offline() {
    return this.closed(() => this.provider.disconnect());
  }

  online() {
    this.provider.connect();
  }

  synced() {
    return new Promise((done) => this.provider.once("sync", () => done(this)));
  }

  watch(socket) {
    super.watch(socket);
    // Behind the provider's own listener, which it adds after this.
    socket.once("open", () => socket.on("message", (data) => this.#look(new Uint8Array(data))));
  }

  #look(frame) {
    const decoder = createDecoder(frame);
    if (readVarUint(decoder) !== SYNC || readVarUint(decoder) !== UPDATE) return;
    const update = readVarUint8Array(decoder);
    // An update begins with how many clients it is of; then their structs, the client, the clock.
    // Of one client is nearly every one, and these need not be read to the end.
    const head = createDecoder(update);
    if (readVarUint(head) === 1 && readVarUint(head) && readVarUint(head) !== this.doc.clientID) {
      return;
    }
    const end = Y.parseUpdateMeta(update).to.get(this.doc.clientID) ?? 0;
    if (end <= this.#acknowledged) return;
    this.#acknowledged = end;
    this.onAcknowledged();
  }
}

await serve((port, pad) => new Pad(`ws://127.0.0.1:${port}`, pad).synced());
