/**
 * Frames that no good server sends: gaps, repetitions, acknowledgements of what was not sent, another
 * epoch, what nobody knows. Whatever comes, what was typed is pending, acknowledged, or a draft.
 */
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Random } from "./random.js";
import { settle, Tab, World } from "./world.js";

const ROUNDS = 150;
const FRAMES = 12;

/** What a bad server may say next. @param {Random} random @param {any} tab */
function frame(random, tab) {
  const revision = tab.state.revision;
  const start = Math.max(0, revision + random.pick([0, 0, 0, 0, 0, 0, -1, -3, 1, 4]));
  const op = random.pick([["s"], [], ["t"]]);
  const sent = tab.sentOps.at(-1);
  const own = ["me", random.pick([sent?.seq ?? 1, (sent?.seq ?? 1) + 1, 77]), sent?.op ?? ["x"]];
  return random.pick([
    ...Array(6).fill({ type: "ops", from: start, ops: [["lin", 1, op]] }),
    ...Array(3).fill({ type: "ops", from: revision, ops: [own] }),
    { type: "ops", from: start, ops: [own] },
    { type: "ops", from: start, ops: [["lin", 1, op], own] },
    { type: "ops", from: start, ops: [] },
    { type: "delta", from: start, to: start + random.pick([0, 1, 5]), op },
    { type: "delta", from: start, to: Math.max(0, start - 1), op },
    { type: "presence", revision: start, people: [], left: ["nobody"] },
    { type: "pong", n: 99 },
    { type: "undo", n: 1 },
    { type: "error", code: "of_tomorrow", message: "", action: random.pick(["reconnect", "draft"]) },
  ]);
}

/** Operations that are none, or reach past the end. */
const NONE = [[-99], [99, "x"], [0], [1.5], [null], [{}], null, "x", 7, [["x"]]];

test("an operation that is none begins the session anew, with what was typed as a draft", async () => {
  const error = mock.method(console, "error", () => {});
  for (const op of NONE) {
    for (const type of ["ops", "delta"]) {
      const world = new World();
      const tab = new Tab(world);
      await tab.join("start", 5);
      tab.type("typed ");
      await settle();
      const what = type === "ops" ? { ops: [["lin", 1, op]] } : { to: 6, op };
      world.socket.say({ type, from: 5, ...what });
      await world.pass(1_000);
      await tab.welcome({ text: "fresh", revision: 50 });
assert.deepEqual(
        [tab.state.desyncs, tab.state.draft, tab.editor.screen],
        [1, "typed start", "fresh"],
        `${type} ${JSON.stringify(op)}`,
      );
    }
  }
  error.mock.restore();
});

/** Whether a letter that was typed is where a person finds it. @param {any} tab @param {string} letter */
function isKept(tab, letter) {
  return tab.editor.screen.includes(letter) || (tab.state.draft ?? "").includes(letter);
}

test("what was typed is on the screen or in the draft, whatever the server says", async () => {
  const random = new Random(11);
  const seen = { desyncs: 0, drafts: 0, acknowledged: 0, frames: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const world = new World();
    const tab = new Tab(world);
    await tab.join("start", 5);
    let letters = "";
    for (let number = 0; number < FRAMES; number++) {
      if (tab.state.phase !== "online") break;
      if (random.below(3) === 0) {
        const letter = String.fromCodePoint(0x4e00 + letters.length);
        letters += letter;
        tab.type(letter);
        await settle();
      }
      const { unsent, revision } = tab.state;
      world.socket.say(frame(random, tab));
      seen.frames += 1;
      assert.ok([...letters].every((letter) => isKept(tab, letter)), `round ${round}`);
      if (tab.state.desyncs > 0 || tab.state.draft !== null) break;
      assert.ok(tab.state.revision >= revision, "a revision never goes back");
      if (tab.state.unsent < unsent) seen.acknowledged += 1;
    }
    seen.desyncs += tab.state.desyncs;
    if (tab.state.draft !== null) {
      // It begins again, with the server's text on the screen.
      await world.pass(1_000);
      await tab.welcome({ text: "fresh", revision: 50 });
      assert.equal(tab.editor.screen, "fresh");
      assert.ok([...letters].every((letter) => isKept(tab, letter)), `round ${round}`);
      seen.drafts += 1;
    }
  }
  assert.ok(seen.desyncs >= 20 && seen.drafts >= 20 && seen.acknowledged >= 5, JSON.stringify(seen));
});
