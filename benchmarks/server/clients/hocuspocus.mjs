// Hocuspocus, by its own provider, which counts what the server has not confirmed yet.

import { HocuspocusProvider, HocuspocusProviderWebsocket } from "@hocuspocus/provider";
import * as Y from "yjs";
import { serve } from "./workload.mjs";
import { Socket } from "./socket.mjs";
import { inserted } from "./yjs_update.mjs";

class Pad {
  onAcknowledged = () => {};
  onInserted = null;
  onClosed = () => {};
  #socket = null;

  constructor(url, pad) {
    this.doc = new Y.Doc();
    this.shared = this.doc.getText("text");
    this.doc.on("update", (update, _origin, _doc, transaction) => {
      if (this.onInserted && !transaction.local) inserted(update).forEach(this.onInserted);
    });
    this.websocket = new HocuspocusProviderWebsocket({
      url,
      WebSocketPolyfill: Socket.told((socket) => {
        this.#socket = socket;
        socket.on("close", () => this.onClosed());
      }),
    });
    this.ready = new Promise((done) => {
      this.provider = new HocuspocusProvider({
        ...{ websocketProvider: this.websocket, name: pad, document: this.doc },
        onSynced: () => done(this),
        onUnsyncedChanges: ({ number }) => {
          if (number === 0) this.onAcknowledged();
        },
      });
      this.provider.attach();
    });
  }

  get length() {
    return this.shared.length;
  }

  text() {
    return this.shared.toString();
  }

  bytes() {
    return this.#socket.bytes();
  }

  insert(position, text) {
    this.shared.insert(position, text);
  }

  offline() {
    const closed = new Promise((done) => this.#socket.on("close", done));
    this.websocket.disconnect();
    return closed;
  }

  online() {
    this.websocket.connect();
  }
}

await serve((port, pad) => new Pad(`ws://127.0.0.1:${port}`, pad).ready);
