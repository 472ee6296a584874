// CodeMirror: change sets over UTF-16 units on a tree of lines; catching up as @codemirror/collab does it.

import { readFileSync } from "node:fs";
import { ChangeSet, Text } from "@codemirror/state";
import { composeAll, same, serve, sorted } from "./protocol.mjs";

const lines = (text) => Text.of(text.split("\n"));

function changeSets(start, edits) {
  let length = start.length;
  return edits.map(([from, deleted, insert]) => {
    const set = ChangeSet.of({ from, to: from + deleted, insert: insert && lines(insert) }, length);
    length = set.newLength;
    return set;
  });
}

function fromComponents(components, length) {
  const changes = [];
  let from = 0;
  for (const component of components) {
    if (typeof component === "string") changes.push({ from, insert: lines(component) });
    else if (component > 0) from += component;
    else {
      changes.push({ from, to: from - component });
      from -= component;
    }
  }
  return ChangeSet.of(changes, length);
}

const after = (text, sets) => sets.reduce((now, set) => set.apply(now), text);

serve({
  replay({ start, end, edits }) {
    const all = changeSets(start, edits);
    return { run: () => after(lines(start), all), check: (text) => same(text.toString(), end) };
  },

  compose({ start, end, edits }) {
    const all = changeSets(start, edits);
    return {
      run: () => composeAll(all, (a, b) => a.compose(b)),
      check: (set) => same(set.apply(lines(start)).toString(), end),
    };
  },

  transform({ text, pairs }) {
    const all = pairs.map((pair) => pair.map((op) => fromComponents(op, text.length)));
    const document = lines(text);
    return {
      run: () => all.map(([a, b]) => [a.map(b, true), b.map(a)]),
      check(results) {
        results.forEach(([a2, b2], i) => {
          const [a, b] = all[i];
          same(after(document, [a, b2]).toString(), after(document, [b, a2]).toString());
        });
      },
    };
  },

  // receiveUpdates of @codemirror/collab: all that came is composed, and every unconfirmed change
  // is mapped across it in turn.
  catch_up({ base, missed, pending, characters }) {
    const theirs = changeSets(base, missed);
    const own = changeSets(base, pending);
    return {
      run() {
        let changes = theirs[0];
        for (let i = 1; i < theirs.length; i++) changes = changes.compose(theirs[i]);
        const moved = own.map((set) => {
          const result = set.map(changes);
          changes = changes.map(set, true);
          return result;
        });
        return { moved, changes };
      },
      check({ moved, changes }) {
        const text = after(lines(base), [...own, changes]).toString();
        same(text, after(lines(base), [...theirs, ...moved]).toString());
        same(sorted(text), characters);
      },
    };
  },

  save_memory: ({ end }) => ({ save: () => Buffer.from(end) }),

  memory: ({ end }, saved) => ({
    open: () => lines(readFileSync(saved, "utf8")),
    check: (text) => same(text.toString(), end),
  }),
});
