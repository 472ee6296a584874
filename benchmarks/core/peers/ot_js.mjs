// ot.js: operations over UTF-16 units that cover the whole text; one server, one outstanding operation.

import ot from "ot";
import { composeAll, same, serve, sorted } from "./protocol.mjs";

const { Client, TextOperation } = ot;
const compose = (a, b) => a.compose(b);

/** Edits as operations; each says how long its text is. */
function operations(start, edits) {
  let length = start.length;
  return edits.map(([position, deleted, inserted]) => {
    const rest = length - position - deleted;
    length += inserted.length - deleted;
    return new TextOperation().retain(position).delete(deleted).insert(inserted).retain(rest);
  });
}

function fromComponents(components, text) {
  const operation = TextOperation.fromJSON(components);
  return operation.retain(text.length - operation.baseLength);
}

/** ot.js's own client machine, which writes down what it would apply. */
class Recorder extends Client {
  screen = [];
  sendOperation() {}
  applyOperation(operation) {
    this.screen.push(operation);
  }
}

serve({
  replay({ start, end, edits }) {
    const all = operations(start, edits);
    return {
      run() {
        let text = start;
        for (const operation of all) text = operation.apply(text);
        return text;
      },
      check: (text) => same(text, end),
    };
  },

  compose({ start, end, edits }) {
    const all = operations(start, edits);
    return { run: () => composeAll(all, compose), check: (operation) => same(operation.apply(start), end) };
  },

  transform({ text, pairs }) {
    const all = pairs.map(([a, b]) => [fromComponents(a, text), fromComponents(b, text)]);
    return {
      run: () => all.map(([a, b]) => TextOperation.transform(a, b)),
      check(results) {
        results.forEach(([a2, b2], i) => {
          const [a, b] = all[i];
          same(b2.apply(a.apply(text)), a2.apply(b.apply(text)));
        });
      },
    };
  },

  catch_up({ base, missed, pending, characters }) {
    const theirs = operations(base, missed);
    const own = operations(base, pending);
    const after = (text, list) => list.reduce((now, operation) => operation.apply(now), text);
    return {
      prepare() {
        const client = new Recorder(0);
        for (const operation of own) client.applyClient(operation);
        return client;
      },
      run(client) {
        for (const operation of theirs) client.applyServer(operation);
        return client;
      },
      check({ screen, state }) {
        const text = after(after(base, own), screen);
        same(text, after(after(base, theirs), [state.outstanding, state.buffer]));
        same(sorted(text), characters);
      },
    };
  },
});
