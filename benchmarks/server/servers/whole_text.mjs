// What a first demo does: every key sends the whole text, the last one wins. node whole_text.mjs PORT DATA

import { WebSocketServer } from "ws";

const pads = new Map();
const server = new WebSocketServer({
  ...{ host: "127.0.0.1", port: Number(process.argv[2]), perMessageDeflate: false },
});

server.on("connection", (socket, request) => {
  const pad = pads.get(request.url) ?? { last: JSON.stringify({ text: "" }), sockets: new Set() };
  pads.set(request.url, pad);
  pad.sockets.add(socket);
  socket.send(pad.last);
  socket.on("message", (data) => {
    pad.last = data.toString();
    for (const one of pad.sockets) one.send(pad.last);
  });
  socket.on("close", () => pad.sockets.delete(socket));
});
