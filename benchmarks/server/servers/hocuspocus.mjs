// Hocuspocus on SQLite. node hocuspocus.mjs PORT DATA
//
// Its own SQLite extension is these lines on better-sqlite3, which has to be compiled; Node brings a SQLite,
// and the extension's own base takes it. Schema and statements are the extension's.

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Database } from "@hocuspocus/extension-database";
import { Server } from "@hocuspocus/server";

const [, , port, data] = process.argv;
const sqlite = new DatabaseSync(join(data, "pads.sqlite"));
sqlite.exec(
  `CREATE TABLE IF NOT EXISTS "documents" ("name" varchar(255) NOT NULL, "data" blob NOT NULL, UNIQUE(name))`,
);
const select = sqlite.prepare(`SELECT data FROM "documents" WHERE name = ? ORDER BY rowid DESC`);
const upsert = sqlite.prepare(
  `INSERT INTO "documents" ("name", "data") VALUES (?1, ?2) ON CONFLICT(name) DO UPDATE SET data = ?2`,
);
const database = new Database({
  fetch: async ({ documentName }) => select.get(documentName)?.data ?? null,
  store: async ({ documentName, state }) => void upsert.run(documentName, state),
});
const server = new Server({
  ...{ address: "127.0.0.1", port: Number(port), quiet: true },
  extensions: [database],
});
await server.listen();
