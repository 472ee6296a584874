// ShareDB over `ws`, with its own store in memory; no other makes it faster. node sharedb.mjs PORT DATA

import WebSocketJSONStream from "@teamwork/websocket-json-stream";
import { type } from "ot-text-unicode";
import ShareDB from "sharedb";
import { WebSocketServer } from "ws";

ShareDB.types.register(type);
const backend = new ShareDB();
const server = new WebSocketServer({
  ...{ host: "127.0.0.1", port: Number(process.argv[2]), perMessageDeflate: false },
});
server.on("connection", (socket) => backend.listen(new WebSocketJSONStream(socket)));
