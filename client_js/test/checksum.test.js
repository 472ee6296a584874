import assert from "node:assert/strict";
import { test } from "node:test";
import { EditorState } from "@codemirror/state";
import { add, BUSY_MS, EMPTY, IDLE_MS, setUpChecksum } from "../checksum.js";
import { World } from "./world.js";

/** A pad page of which a part sees enough. */
class FakePage {
  world = new World();
  state = { phase: "online", me: "me", revision: 3, unsent: 0, checksums: true };
  editor = {
    doc: EditorState.create({ doc: "" }).doc,
    view: { compositionStarted: false },
    held: { op: /** @type {any} */ (null) },
  };
  /** @type {object[]} */
  sent = [];
  connected = true;
  session = {
    environment: this.world.environment(),
    sendChecksum: (/** @type {object} */ sum) => {
      if (this.connected) this.sent.push({ revision: this.state.revision, ...sum });
      return this.connected;
    },
  };
  /** @type {Record<string, (value?: any) => void>} */
  listeners = {};

  /** @param {string} text */
  constructor(text) {
    this.show(text);
    setUpChecksum(/** @type {any} */ (this));
  }

  /** @param {string} event @param {(value?: any) => void} listener */
  on(event, listener) {
    this.listeners[event] = listener;
  }

  /** @param {string} text */
  show(text) {
    this.editor.doc = EditorState.create({ doc: text }).doc;
    this.listeners.update?.({ docChanged: true });
  }

  /** A frame has come. @param {number} revision */
  entries(revision) {
    this.state.revision = revision;
    this.listeners.entries();
  }

  /** @param {Partial<FakePage["state"]>} changed */
  become(changed) {
    Object.assign(this.state, changed);
    this.listeners.state();
  }

  /** @param {number} ms */
  pass(ms) {
    return this.world.pass(ms);
  }
}

test("what is at rest is sent once at a revision, also the one that was joined at", async () => {
  const page = new FakePage("hello 😀\n");
  await page.pass(IDLE_MS - 1);
  assert.deepEqual(page.sent, []);
  await page.pass(1);
  assert.deepEqual(page.sent, [{ revision: 3, ...add(EMPTY, "hello 😀\n") }]);

  await page.pass(10 * IDLE_MS);
  page.show("hello 😀\n");
  await page.pass(10 * IDLE_MS);
  assert.equal(page.sent.length, 1);

  page.entries(4);
  await page.pass(IDLE_MS);
  assert.equal(page.sent.length, 2);
});

test("whatever comes or is typed puts it off", async () => {
  const page = new FakePage("a");
  for (let count = 0; count < 5; count++) {
    await page.pass(IDLE_MS - 1);
    if (count % 2) page.entries(4 + count);
    else page.show("a".repeat(count));
  }
  assert.deepEqual(page.sent, []);
  await page.pass(IDLE_MS);
  assert.equal(page.sent.length, 1);
});

test("where somebody never rests it is sent between two edits, once a minute", async () => {
  const page = new FakePage("a");
  for (let second = 0; second < (5 * BUSY_MS) / 1_000; second++) {
    page.entries(10 + second);
    await page.pass(1_000);
  }
  assert.equal(page.sent.length, 5);
});

test("nothing is sent while edits are pending, a composition goes on, or text is held", async () => {
  const page = new FakePage("a");
  page.become({ unsent: 1 });
  await page.pass(3 * IDLE_MS);
  page.state.unsent = 0;
  page.editor.view.compositionStarted = true;
  await page.pass(3 * IDLE_MS);
  page.editor.view.compositionStarted = false;
  page.editor.held.op = ["x"];
  await page.pass(3 * IDLE_MS);
  assert.deepEqual(page.sent, []);

  page.editor.held.op = null;
  await page.pass(IDLE_MS);
  assert.equal(page.sent.length, 1);
});

test("nothing is sent without a connection, and again when there is one", async () => {
  const page = new FakePage("a");
  page.become({ phase: "offline" });
  await page.pass(3 * IDLE_MS);
  assert.deepEqual(page.sent, []);

  page.become({ phase: "online" });
  page.connected = false;
  await page.pass(IDLE_MS);
  page.connected = true;
  page.become({ phase: "reconnecting" });
  page.become({ phase: "online" });
  await page.pass(IDLE_MS);
  assert.equal(page.sent.length, 1);

  // The same session at the same revision has been compared.
  page.become({ phase: "reconnecting" });
  page.become({ phase: "online" });
  await page.pass(3 * IDLE_MS);
  assert.equal(page.sent.length, 1);
  page.become({ me: "another session" });
  await page.pass(IDLE_MS);
  assert.equal(page.sent.length, 2);
});

test("a server that knows no checksums is sent none", async () => {
  const page = new FakePage("a");
  page.become({ checksums: false });
  await page.pass(10 * IDLE_MS);
  assert.deepEqual(page.sent, []);
});

test("a long text is worked off in slices that cut no pair", async () => {
  // Every second slice would end inside an emoji.
  const text = `x${"😀".repeat(200_000)}\n`.repeat(2);
  const page = new FakePage(text);
  await page.pass(IDLE_MS);
  assert.deepEqual(page.sent, [{ revision: 3, ...add(EMPTY, text) }]);
});

test("a change between two slices gives it up", async () => {
  const text = "0123456789".repeat(100_000);
  const page = new FakePage(text);
  const { setTimer } = page.session.environment;
  let slices = 0;
  page.session.environment.setTimer = (/** @type {() => void} */ work, /** @type {number} */ ms) => {
    if (ms === 0 && ++slices === 3) page.show(`${text}!`);
    return setTimer(work, ms);
  };
  await page.pass(IDLE_MS);
  assert.equal(slices, 3);
  assert.deepEqual(page.sent, []);

  await page.pass(IDLE_MS);
  assert.deepEqual(page.sent, [{ revision: 3, ...add(EMPTY, `${text}!`) }]);
});
