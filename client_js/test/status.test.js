import assert from "node:assert/strict";
import { test } from "node:test";
import { offlineWords, PillModel, pillWords } from "../status.js";

const online = {
  phase: "online",
  revision: 1284,
  unsent: 0,
  roundTripMs: 18,
  nextTryAt: null,
  storedLocally: true,
  role: "write",
  draft: null,
  sentAfterReconnect: 0,
};

/** What the pill shows when the states are told at their times, waking up when it asks to. */
/** @param {[number, object][]} told @param {number} end */
function shown(told, end) {
  const model = new PillModel();
  /** @type {[number, string][]} */
  const seen = [];
  let state = online;
  for (let now = 1; now <= end; now += 1) {
    const change = told.find(([at]) => at === now);
    if (change) state = { ...state, ...change[1] };
    if (!change && now < model.wakeAt) continue;
    const kind = model.update(state, now);
    if (seen.at(-1)?.[1] !== kind) seen.push([now, kind]);
  }
  return seen;
}

test("an edit that is acknowledged soon is not worth a word", () => {
  assert.deepEqual(
    shown(
      [
        [1, {}],
        [100, { unsent: 1 }],
        [450, { unsent: 0 }],
      ],
      3_000,
    ),
    [[1, "saved"]],
  );
});

test("saving is shown after 400 ms, and then for at least 600 ms", () => {
  assert.deepEqual(
    shown(
      [
        [1, {}],
        [100, { unsent: 1 }],
        [550, { unsent: 0 }],
      ],
      3_000,
    ),
    [
      [1, "saved"],
      [500, "saving"],
      [1_100, "saved"],
    ],
  );
});

test("a lost connection is told after a second", () => {
  assert.deepEqual(
    shown(
      [
        [1, {}],
        [100, { phase: "reconnecting" }],
        [900, { phase: "online" }],
      ],
      3_000,
    ),
    [[1, "saved"]],
  );
  assert.deepEqual(
    shown(
      [
        [1, {}],
        [100, { phase: "reconnecting" }],
      ],
      3_000,
    ),
    [
      [1, "saved"],
      [1_100, "reconnecting"],
    ],
  );
});

test("the way back: saving until nothing waits, then back online for 4 s, then saved", () => {
  const told = /** @type {[number, object][]} */ ([
    [1, {}],
    [100, { phase: "offline", unsent: 7 }],
    [200, { phase: "online" }],
    [300, { unsent: 0, sentAfterReconnect: 7 }],
  ]);
  assert.deepEqual(shown(told, 9_000), [
    [1, "saved"],
    [100, "offline"],
    [200, "saving"],
    [800, "resumed"],
    [4_800, "saved"],
  ]);
});

test("a refusal stays", () => {
  assert.deepEqual(
    shown(
      [
        [1, { draft: "x" }],
        [50, { unsent: 1 }],
        [90, { unsent: 0 }],
      ],
      9_000,
    ),
    [[1, "refused"]],
  );
});

test("the words, with singular and plural", () => {
  assert.deepEqual(pillWords("saved", online), { words: "Saved", detail: "r1284" });
  assert.equal(
    pillWords("reconnecting", { ...online, unsent: 3 }).words,
    "Reconnecting · 3 unsent edits",
  );
  assert.equal(pillWords("reconnecting", online).words, "Reconnecting");
  assert.equal(pillWords("offline", { ...online, unsent: 1 }).words, "Offline · 1 unsent edit");
  assert.equal(
    pillWords("resumed", { ...online, sentAfterReconnect: 7 }).words,
    "Back online · 7 edits sent",
  );
  assert.equal(pillWords("refused", online).words, "Not saved · copy your text");
});

test("the banner says where the edits are", () => {
  assert.equal(
    offlineWords({ ...online, unsent: 7 }),
    "7 edits are kept in this browser and go out as soon as the connection is back.",
  );
  assert.equal(
    offlineWords({ ...online, unsent: 1 }),
    "1 edit is kept in this browser and goes out as soon as the connection is back.",
  );
  assert.equal(
    offlineWords({ ...online, unsent: 7, storedLocally: false }),
    "7 edits are kept in this tab. Do not close it.",
  );
});
