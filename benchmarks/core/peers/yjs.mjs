// Yjs: a CRDT; a document is its history. Each edit is a transaction, as in an editor.

import { readFileSync } from "node:fs";
import * as Y from "yjs";
import { same, serve, sorted } from "./protocol.mjs";

function edit(text, [position, deleted, inserted]) {
  if (deleted) text.delete(position, deleted);
  if (inserted) text.insert(position, inserted);
}

function written(start, edits) {
  const doc = new Y.Doc();
  const text = doc.getText();
  if (start) text.insert(0, start);
  for (const one of edits) doc.transact(() => edit(text, one));
  return doc;
}

function loaded(update) {
  const doc = new Y.Doc();
  Y.applyUpdate(doc, update);
  return doc;
}

const textOf = (doc) => doc.getText().toString();

/** Everybody's transactions through one server document, which hands on updates as the graph says. */
function live({ numAgents, txns }) {
  const server = new Y.Doc();
  const docs = Array.from({ length: numAgents }, () => new Y.Doc());
  // Two inserts of the public trace meet at one place. Yjs orders such by client id, and these are
  // the ids with which it ends as the trace does.
  docs.forEach((doc, agent) => (doc.clientID = agent + 1));
  const updates = docs.map(() => []);
  docs.forEach((doc, agent) =>
    doc.on("update", (update, origin) => {
      if (origin === "server") return;
      updates[agent].push(update);
      Y.applyUpdate(server, update);
    }),
  );
  const seen = docs.map(() => new Array(numAgents).fill(0));
  // What an author sees at once arrives as one batch, as it does with a server that sends frames.
  const deliver = (agent, upTo) =>
    docs[agent].transact(() => {
      for (let other = 0; other < numAgents; other++) {
        if (other === agent) continue;
        while (seen[agent][other] < upTo[other]) {
          Y.applyUpdate(docs[agent], updates[other][seen[agent][other]++], "server");
        }
      }
    }, "server");
  for (const { agent, sees, patches } of txns) {
    deliver(agent, sees);
    const text = docs[agent].getText();
    docs[agent].transact(() => patches.forEach((patch) => edit(text, patch)));
  }
  const all = updates.map((list) => list.length);
  docs.forEach((_, agent) => deliver(agent, all));
  return [server, ...docs];
}

serve({
  replay: ({ start, end, edits }) => ({
    run: () => written(start, edits),
    check: (doc) => same(textOf(doc), end),
  }),

  catch_up({ base, missed, pending, characters }) {
    const start = Y.encodeStateAsUpdate(written(base, []));
    return {
      prepare() {
        const [client, server] = [loaded(start), loaded(start)];
        for (const one of pending) edit(client.getText(), one);
        for (const one of missed) edit(server.getText(), one);
        const update = Y.encodeStateAsUpdate(server, Y.encodeStateVector(client));
        return { client, server, update };
      },
      run(state) {
        Y.applyUpdate(state.client, state.update);
        return state;
      },
      check({ client, server }) {
        Y.applyUpdate(server, Y.encodeStateAsUpdate(client));
        same(textOf(client), textOf(server));
        same(sorted(textOf(client)), characters);
      },
    };
  },

  live: (input) => ({
    run: () => live(input),
    check: (docs) => docs.forEach((doc) => same(textOf(doc), input.endContent)),
  }),

  save_memory_history: ({ start, edits }) => ({ save: () => Y.encodeStateAsUpdate(written(start, edits)) }),

  memory_history: ({ end }, saved) => ({
    open() {
      const doc = loaded(readFileSync(saved));
      textOf(doc);
      return doc;
    },
    check: (doc) => same(textOf(doc), end),
  }),
});
