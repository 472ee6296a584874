// y-websocket's own server. node y_websocket.mjs PORT DATA [leveldb]
//
// With leveldb it keeps pads as earlier versions did by themselves: each update as it comes.

import { setPersistence, setupWSConnection } from "@y/websocket-server/utils";
import { LeveldbPersistence } from "y-leveldb";
import { WebSocketServer } from "ws";
import * as Y from "yjs";

const [, , port, data, store] = process.argv;
if (store === "leveldb") {
  const level = new LeveldbPersistence(data);
  setPersistence({
    provider: level,
    bindState: async (name, doc) => {
      const kept = await level.getYDoc(name);
      level.storeUpdate(name, Y.encodeStateAsUpdate(doc));
      Y.applyUpdate(doc, Y.encodeStateAsUpdate(kept));
      doc.on("update", (update) => level.storeUpdate(name, update));
    },
    writeState: async () => {},
  });
}

const server = new WebSocketServer({
  ...{ host: "127.0.0.1", port: Number(port), perMessageDeflate: false },
});
server.on("connection", setupWSConnection);
