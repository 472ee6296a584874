// The bare limit in Node: each frame to everybody of its pad, unread. node bare_ws.mjs PORT DATA

import { WebSocketServer } from "ws";

const pads = new Map();
const server = new WebSocketServer({
  ...{ host: "127.0.0.1", port: Number(process.argv[2]), perMessageDeflate: false },
});

server.on("connection", (socket, request) => {
  const sockets = pads.get(request.url) ?? new Set();
  pads.set(request.url, sockets.add(socket));
  socket.on("message", (data) => {
    for (const one of sockets) one.send(data, { binary: false });
  });
  socket.on("close", () => sockets.delete(socket));
});
