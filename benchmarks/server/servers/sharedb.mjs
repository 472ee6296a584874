// ShareDB over `ws`. node sharedb.mjs PORT DATA [postgres]
//
// With its own store in memory (no other makes it faster), or with PostgreSQL.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import WebSocketJSONStream from "@teamwork/websocket-json-stream";
import { type } from "ot-text-unicode";
import ShareDB from "sharedb";
import { WebSocketServer } from "ws";

const [, , port, data, store] = process.argv;
ShareDB.types.register(type);
const backend = new ShareDB(store === "postgres" ? { db: await postgres() } : {});
const server = new WebSocketServer({
  ...{ host: "127.0.0.1", port: Number(port), perMessageDeflate: false },
});
server.on("connection", (socket) => backend.listen(new WebSocketJSONStream(socket)));

/** A database, with the tables that the adapter's package has a file for. */
async function postgres() {
  const { default: pg } = await import("pg");
  const { default: PostgresDB } = await import("sharedb-postgres");
  const { startPostgres } = await import("./postgres.mjs");
  const address = await startPostgres(data);
  const client = new pg.Client(address);
  await client.connect();
  const { rows } = await client.query("SELECT to_regclass('ops') AS ops");
  if (!rows[0].ops) {
    const file = fileURLToPath(import.meta.resolve("sharedb-postgres/structure.sql"));
    await client.query(readFileSync(file, "utf8"));
  }
  await client.end();
  return new PostgresDB(address);
}
