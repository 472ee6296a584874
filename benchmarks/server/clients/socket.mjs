// A `ws` socket as the libraries take it, with a look at its bytes and its messages.

import WebSocket from "ws";

/** Nobody compresses: on loopback that would measure zlib. */
export class Socket extends WebSocket {
  /** @param {(socket: Socket) => void} [opened] told of each one that a library makes */
  static told(opened) {
    return class extends Socket {
      constructor(url, protocols) {
        super(url, protocols);
        opened(this);
      }
    };
  }

  constructor(url, protocols) {
    super(url, protocols, { perMessageDeflate: false });
    // A server that is killed is no error of this program.
    this.on("error", () => {});
    this.on("open", () => (this.wire = this._socket));
  }

  /** Bytes of this connection, its upgrade included. */
  bytes() {
    return [this.wire.bytesRead, this.wire.bytesWritten];
  }
}
