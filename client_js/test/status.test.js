import assert from "node:assert/strict";
import { test } from "node:test";
import { draftWords, keptWords, PillModel, pillWords, storageWords } from "../status.js";

const online = {
  phase: "online",
  revision: 1284,
  unsent: 0,
  unsentSince: 0,
  unwritten: 0,
  roundTripMs: 18,
  nextTryAt: null,
  storage: "ok",
  storedLocally: true,
  role: "write",
  draft: null,
  draftEdits: 0,
  diverged: false,
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

test("who types without a pause is not told so, while each edit is acknowledged soon", () => {
  /** @type {[number, object][]} */
  const acknowledged = [];
  for (let at = 100; at < 3_000; at += 200)
    acknowledged.push([at, { unsent: 4, unsentSince: Math.max(0, at - 200) }]);
  assert.deepEqual(shown([[1, {}], ...acknowledged], 3_000), [[1, "saved"]]);
  const stopped = acknowledged.slice(0, 5);
  assert.deepEqual(shown([[1, {}], ...stopped], 3_000), [[1, "saved"], [1_100, "saving"]]);
});

test("what was unsent when the page came is never said to be saved", () => {
  assert.deepEqual(
    shown(
      [
        [1, { phase: "connecting", unsent: 2 }],
        [100, { phase: "online" }],
        [1_500, { unsent: 0 }],
      ],
      3_000,
    ),
    [
      [1, "connecting"],
      [100, "saving"],
      [1_500, "saved"],
    ],
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

test("a divergence is over: what is saved is called so, unless something is in the copy alone", () => {
  const over = { draft: "x", diverged: true };
  assert.deepEqual(shown([[1, over]], 9_000), [[1, "saved"]]);
  assert.deepEqual(shown([[1, { ...over, draftEdits: 1 }]], 9_000), [[1, "refused"]]);
});

test("a first try that fails is told at once, and so is that it has lasted", () => {
  const told = /** @type {[number, object][]} */ ([
    [1, { phase: "connecting" }],
    [20, { phase: "reconnecting" }],
    [10_020, { phase: "offline" }],
  ]);
  assert.deepEqual(shown(told, 12_000), [
    [1, "connecting"],
    [20, "reconnecting"],
    [10_020, "offline"],
  ]);
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
    keptWords({ ...online, unsent: 7 }),
    "7 edits are kept in this browser and go out as soon as the connection is back.",
  );
  assert.equal(
    keptWords({ ...online, unsent: 1 }),
    "1 edit is kept in this browser and goes out as soon as the connection is back.",
  );
  assert.equal(
    keptWords({ ...online, unsent: 7, storedLocally: false }),
    "7 edits are kept in this tab. Do not close it.",
  );
});

test("why there is a copy: the pad moved on, with how many edits, or the server refused", () => {
  const lost = { ...online, draft: "mine", draftEdits: 7 };
  assert.match(draftWords(lost), /moved on while you were away, and your 7 edits could not/);
  assert.match(draftWords({ ...lost, draftEdits: 1 }), /your 1 edit could not be merged\. It is/);
  assert.match(draftWords({ ...lost, draftEdits: 0 }), /^Your last edits could not be merged/);
  assert.match(draftWords({ ...lost, diverged: true }), /^This page and the server did not agree/);
});

test("a server that cannot save: told at once, then saving, saved again for 4 s, saved", () => {
  for (const storage of ["full", "read_only", "failing"]) {
    const told = /** @type {[number, object][]} */ ([
      [1, {}],
      [50, { unsent: 1 }],
      [100, { storage }],
      [200, { storage: "ok" }],
      [300, { unsent: 0 }],
    ]);
    assert.deepEqual(shown(told, 9_000), [
      [1, "saved"],
      [100, "unsaved"],
      [200, "saving"],
      [800, "savedAgain"],
      [4_800, "saved"],
    ]);
  }
});

test("a server that cannot save: a lost connection, a refusal and a reader come first", () => {
  const full = { ...online, storage: "full" };
  const kinds = [{ phase: "offline" }, { draft: "x" }, { role: "read" }].map((change) =>
    new PillModel().update({ ...full, ...change }, 1),
  );
  assert.deepEqual(kinds, ["offline", "refused", "view"]);
});

test("a server that cannot save, in words", () => {
  const words = (/** @type {object} */ change) =>
    pillWords("unsaved", { ...online, storage: "full", ...change }).words;
  assert.equal(words({}), "Cannot save now");
  assert.equal(words({ unsent: 1 }), "Not saved yet · 1 edit");
  assert.equal(words({ unsent: 12 }), "Not saved yet · 12 edits");
  assert.deepEqual(
    ["full", "read_only", "failing", "melted"].map((storage) => storageWords({ ...online, storage }).what),
    [
      "The server’s disk is full.",
      "The server’s disk cannot be written.",
      "The server cannot save right now.",
      "The server cannot save right now.",
    ],
  );
  assert.match(storageWords({ ...online, storage: "full" }).kept, /on this device/);
  assert.match(
    storageWords({ ...online, storage: "full", storedLocally: false }).kept,
    /Do not close it/,
  );
});
