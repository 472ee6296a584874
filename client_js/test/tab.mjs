/**
 * a tab without a browser, on real sockets: what is to be done comes line by line, how it stands goes out
 *
 *     node client_js/test/tab.mjs ws://127.0.0.1:8080/ws/notes
 *     {"do": "edit", "op": ["text"]}   {"do": "wake"}
 */
import { createInterface } from "node:readline";
import { browserEnvironment } from "../connection.js";
import { PadSession } from "../session.js";
import { FakeEditor, World } from "./world.js";

// What the connection asks of a page, beside clock, timers and sockets, which Node has too.
globalThis.addEventListener ??= () => {};
globalThis.document ??= /** @type {any} */ ({ addEventListener: () => {} });
const world = new World();
/** @type {(() => void)[]} */
const wakers = [];
let sockets = 0;
const real = browserEnvironment();
const editor = new FakeEditor();
const session = new PadSession({
  pad: "notes",
  socketUrl: process.argv[2],
  profile: { personKey: "p".repeat(22), name: "Ada", color: 0 },
  editor,
  onChange: tell,
  environment: {
    ...real,
    connect: (url, protocol) => {
      sockets += 1;
      const socket = real.connect(url, protocol);
      // Node says nothing else of what could not be connected; browsers write it to the console.
      socket.onerror = () => {};
      return socket;
    },
    online: () => true,
    onWake: (listener) => wakers.push(listener),
    openStore: () => world.store(),
  },
});

function tell() {
  if (session === undefined) return;
  const { phase, revision, unsent, draft, desyncs, roundTripMs } = session.state;
  const state = { phase, revision, unsent, draft, desyncs, roundTripMs, sockets, text: editor.screen };
  process.stdout.write(`${JSON.stringify(state)}\n`);
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const step = JSON.parse(line);
  if (step.do === "edit") {
    editor.apply(step.op);
    session.edit(step.op);
  } else {
    for (const wake of wakers) wake();
  }
  tell();
}).on("close", () => process.exit(0));
session.open();
