import assert from "node:assert/strict";
import { test } from "node:test";
import {
  apply,
  caretAfter,
  codePoints,
  compose,
  composeAll,
  invert,
  OperationError,
  split,
  transform,
  transformPosition,
  validate,
} from "../operation.js";
import { forSeeds } from "./random.js";

/** @typedef {import("../operation.js").Operation} Operation */

test("validate returns what keeps the rules of form", () => {
  for (const op of [[], ["a"], [-1], [1, "a", -2, "😀"], ["a", -1, "b", 3, -1]]) {
    assert.equal(validate(op), op);
  }
});

/** @type {[unknown, string, RegExp][]} */
const REFUSED = [
  ["a", "bad_operation", /array/],
  [null, "bad_operation", /array/],
  [{ 0: "a", length: 1 }, "bad_operation", /array/],
  [[0, "a"], "bad_operation", /component 0 is 0/],
  [[1, ""], "bad_operation", /component 1 inserts nothing/],
  [[1.5, "a"], "bad_operation", /component 0 is neither/],
  [[NaN], "bad_operation", /neither/],
  [[2 ** 53, "a"], "bad_operation", /neither/],
  [[true], "bad_operation", /neither/],
  [[["a"]], "bad_operation", /neither/],
  [["a", null], "bad_operation", /component 1 is neither/],
  [["a", "b"], "bad_operation", /components 0 and 1 both insert/],
  [[1, 2, "a"], "bad_operation", /both retain/],
  [["a", -1, -2], "bad_operation", /components 1 and 2 both delete/],
  [["a", 1], "bad_operation", /last component retains/],
  [["\ud83d"], "lone_surrogate", /component 0/],
  [[1, "a\ude00b"], "lone_surrogate", /component 1/],
];

test("validate names what is wrong, and where", () => {
  for (const [value, code, message] of REFUSED) {
    assert.throws(() => validate(value), (error) => {
      assert.ok(error instanceof OperationError);
      assert.equal(error.code, code);
      assert.match(error.message, message);
      return true;
    });
  }
});

test("an operation past the end is refused by apply and invert, never clipped", () => {
  for (const [text, op] of /** @type {[string, Operation][]} */ ([
    ["abc", [4, "x"]],
    ["abc", [-4]],
    ["😀", [2, "x"]],
    ["😀😀", [1, -2]],
    ["", [-1]],
  ])) {
    assert.throws(() => apply(text, op), { code: "op_past_end" });
    assert.throws(() => invert(op, text), { code: "op_past_end" });
  }
  assert.throws(() => apply("a😀", [3, "x"]), /covers 3 code points of a text that has 2/);
});

test("lengths are code points", () => {
  assert.equal(codePoints("a😀中"), 3);
  assert.equal(apply("a😀b😀", [2, -1, "x"]), "a😀x😀");
  assert.deepEqual(invert([1, -1, "xy"], "a😀b"), [1, "😀", -2]);
  assert.equal(transformPosition(1, ["😀"]), 2);
  assert.equal(caretAfter([3, "😀😀"]), 5);
});

test("the order of an insert and a delete that touch has meaning, and is kept", () => {
  assert.deepEqual(transform(["x"], [-1, "z"]), [["x"], [1, -1, "z"]]);
  assert.deepEqual(compose([-1], ["z"]), ["z", -1]);
  assert.deepEqual(compose([-1, "z"], [1, "y"]), [-1, "zy"]);
  assert.deepEqual(compose(["z", -1], [1, "y"]), ["zy", -1]);
});

test("composing nothing, and with nothing", () => {
  assert.deepEqual(composeAll([]), []);
  assert.deepEqual(composeAll([["a"]]), ["a"]);
  assert.deepEqual(composeAll([["a"], [1, "b"], [2, "c"]]), ["abc"]);
  assert.deepEqual(compose([], [1, "a"]), [1, "a"]);
  assert.deepEqual(compose([1, "a"], []), [1, "a"]);
  assert.deepEqual(compose(["a"], [-1]), []);
});

test("a position keeps its neighbour", () => {
  assert.equal(transformPosition(2, [2, "xy"]), 2);
  assert.equal(transformPosition(2, [2, "xy"], "right"), 4);
  assert.equal(transformPosition(2, [1, -3]), 1);
  assert.equal(transformPosition(2, [-2, "x"]), 0);
  assert.equal(transformPosition(2, [-2, "x"], "right"), 1);
  assert.equal(transformPosition(5, []), 5);
});

test("the caret of the author is behind the last thing done", () => {
  assert.equal(caretAfter([]), null);
  assert.equal(caretAfter([2, -3]), 2);
  assert.equal(caretAfter(["abc", 2, -1]), 5);
});

test("split cuts to the limits", () => {
  assert.deepEqual(split(["abc", -2], 2, 10), [["ab"], [2, "c", -2]]);
  assert.deepEqual(split([1, -1, "😀😀😀"], 2, 10), [[1, -1, "😀😀"], [3, "😀"]]);
  assert.deepEqual(split(["a", 1, "b", 1, "c"], 10, 3), [["a", 1, "b"], [4, "c"]]);
  assert.deepEqual(split(["a", 1, -1, "c"], 10, 3), [["a"], [2, -1, "c"]]);
  assert.deepEqual(split(["abc"], 3, 3), [["abc"], null]);
});

test("apply, then apply, is apply of the composition; composing is associative", () => {
  forSeeds(5_000, (random) => {
    const text = random.text(6);
    const a = random.operation(text);
    const afterA = apply(text, a);
    const b = random.operation(afterA);
    const afterB = apply(afterA, b);
    const c = random.operation(afterB);
    assert.equal(apply(text, compose(a, b)), afterB);
    validate(compose(a, b));
    assert.deepEqual(compose(compose(a, b), c), compose(a, compose(b, c)));
    assert.deepEqual(composeAll([a, b, c]), compose(a, compose(b, c)));
  });
});

test("both ways around a diamond give one text (TP1)", () => {
  forSeeds(5_000, (random) => {
    const text = random.text(6);
    const [logOp, op] = [random.operation(text), random.operation(text)];
    const [logMoved, moved] = transform(logOp, op);
    validate(logMoved);
    validate(moved);
    assert.equal(apply(apply(text, logOp), moved), apply(apply(text, op), logMoved));
  });
});

test("transforming distributes over composing (the catch-up law)", () => {
  forSeeds(20_000, (random) => {
    const text = random.text(5);
    const [a, b] = [random.operation(text), random.operation(text)];
    const c = random.operation(apply(text, b));
    assert.deepEqual(transform(compose(b, c), a)[1], transform(c, transform(b, a)[1])[1]);
  });
});

test("the inverse takes it back", () => {
  forSeeds(3_000, (random) => {
    const text = random.text(8);
    const op = random.operation(text);
    assert.equal(apply(apply(text, op), invert(op, text)), text);
  });
});

test("the parts of a split compose to the whole, and the first keeps the limits", () => {
  forSeeds(5_000, (random) => {
    const op = random.operation(random.text(8));
    const [inserted, components] = [1 + random.below(4), 3 + random.below(3)];
    const [first, rest] = split(op, inserted, components);
    assert.deepEqual(compose(first, rest ?? []), op);
    assert.ok(first.length > 0 && first.length <= components);
    const strings = first.filter((component) => typeof component === "string");
    assert.ok(codePoints(strings.join("")) <= inserted);
    validate(first);
    if (rest) validate(rest);
  });
});

test("a large operation on a large text with emoji takes no time", () => {
  const text = "word 😀 ".repeat(40_000);
  /** @type {Operation} */
  const op = [];
  for (let index = 0; index < 4_000; index++) op.push(50, index % 2 ? "x😀" : -3);
  op.push("end");
  const start = performance.now();
  const after = apply(text, op);
  assert.equal(apply(after, invert(op, text)), text);
  compose(["😀".repeat(60_000)], op);
  transform(op, op);
  // Some 20 ms; going back to the start for each component would take minutes.
  assert.ok(performance.now() - start < 2_000);
});
