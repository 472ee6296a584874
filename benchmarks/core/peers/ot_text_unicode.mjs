// ot-text-unicode: the text type of ShareDB; operations over code points. For replay with jumprope as its text:
// without it each edit counts the code points of the whole text, which takes half a minute in all.

import Rope from "jumprope";
import textUnicode from "ot-text-unicode";
import { composeAll, same, serve, sorted } from "./protocol.mjs";

const { makeType, type } = textUnicode;

const component = (value) => (value < 0 ? { d: -value } : value);
const operation = ([position, deleted, inserted]) =>
  [position, deleted ? { d: deleted } : "", inserted].filter((value) => value);

/** As the package's own README plugs in a rope. The rope counts UTF-16 units, and is given such positions. */
const ropeType = makeType({
  create: (text) => new Rope(text),
  toString: (rope) => rope.toString(),
  slice: (rope, start, end) => rope.substring(start, end - start),
  builder(rope) {
    let position = 0;
    return {
      skip(count) {
        position += count;
      },
      append(text) {
        rope.insert(position, text);
        position += text.length;
      },
      del(count) {
        rope.del(position, count);
      },
      build: () => rope,
    };
  },
});

/** Both ways, as ShareDB's transformX does it. */
const transformBoth = (left, right) => [type.transform(left, right, "left"), type.transform(right, left, "right")];

serve({
  replay({ start, end, edits }) {
    const all = edits.map(operation);
    return {
      run() {
        let rope = ropeType.create(start);
        for (const op of all) rope = ropeType.apply(rope, op);
        return rope;
      },
      check: (rope) => same(rope.toString(), end),
    };
  },

  compose({ start, end, edits }) {
    const all = edits.map(operation);
    return { run: () => composeAll(all, type.compose), check: (op) => same(type.apply(start, op), end) };
  },

  transform({ text, pairs }) {
    const all = pairs.map((pair) => pair.map((op) => op.map(component)));
    return {
      run: () => all.map(([a, b]) => transformBoth(a, b)),
      check(results) {
        results.forEach(([a2, b2], i) => {
          const [a, b] = all[i];
          same(type.apply(type.apply(text, a), b2), type.apply(type.apply(text, b), a2));
        });
      },
    };
  },

  // ShareDB's way: one operation in flight, the rest composed behind it, and each missed operation is
  // transformed across both.
  catch_up({ base, missed, pending, characters }) {
    const theirs = missed.map(operation);
    const own = pending.map(operation);
    const after = (text, list) => list.reduce((now, op) => type.apply(now, op), text);
    const composed = composeAll(own.slice(1), type.compose);
    return {
      run() {
        let [inFlight, waiting] = [own[0], composed];
        const screen = theirs.map((op) => {
          [op, inFlight] = transformBoth(op, inFlight);
          [op, waiting] = transformBoth(op, waiting);
          return op;
        });
        return { screen, moved: [inFlight, waiting] };
      },
      check({ screen, moved }) {
        const text = after(after(base, own), screen);
        same(text, after(after(base, theirs), moved));
        same(sorted(text), characters);
      },
    };
  },
});
