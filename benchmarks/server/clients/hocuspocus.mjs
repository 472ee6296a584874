// Hocuspocus, by its own provider, which counts what the server has not confirmed yet.

import { HocuspocusProvider, HocuspocusProviderWebsocket } from "@hocuspocus/provider";
import { serve } from "./workload.mjs";
import { Socket } from "./socket.mjs";
import { YjsPad } from "./yjs_pad.mjs";

class Pad extends YjsPad {
  constructor(url, pad) {
    super();
    this.websocket = new HocuspocusProviderWebsocket({
      url,
      WebSocketPolyfill: Socket.told((socket) => this.watch(socket)),
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

  offline() {
    return this.closed(() => this.websocket.disconnect());
  }

  online() {
    this.websocket.connect();
  }
}

await serve((port, pad) => new Pad(`ws://127.0.0.1:${port}`, pad).ready);
