// diamond-types: a CRDT in Rust, here as WebAssembly in Node; positions in code points.

import { readFileSync } from "node:fs";
import diamond from "diamond-types-node";
import { same, serve, sorted } from "./protocol.mjs";

const { Doc } = diamond;

function write(doc, edits) {
  for (const [position, deleted, inserted] of edits) {
    if (deleted) doc.del(position, deleted);
    if (inserted) doc.ins(position, inserted);
  }
  return doc;
}

function written(start, edits) {
  const doc = new Doc("author");
  if (start) doc.ins(0, start);
  return write(doc, edits);
}

serve({
  replay: ({ start, end, edits }) => ({
    run: () => written(start, edits),
    check(doc) {
      same(doc.get(), end);
      doc.free();
    },
  }),

  catch_up({ base, missed, pending, characters }) {
    const start = written(base, []).toBytes();
    return {
      prepare() {
        const server = write(Doc.fromBytes(start, "server"), missed);
        const client = Doc.fromBytes(start, "client");
        const patch = server.getPatchSince(client.getLocalVersion());
        return { client: write(client, pending), server, patch };
      },
      run(state) {
        state.client.mergeBytes(state.patch);
        return state;
      },
      check({ client, server }) {
        server.mergeBytes(client.toBytes());
        same(client.get(), server.get());
        same(sorted(client.get()), characters);
        client.free();
        server.free();
      },
    };
  },

  save_memory_history: ({ start, edits }) => ({ save: () => written(start, edits).toBytes() }),

  memory_history: ({ end }, saved) => ({
    open() {
      const doc = Doc.fromBytes(readFileSync(saved), "reader");
      doc.get();
      return doc;
    },
    check: (doc) => same(doc.get(), end),
  }),
});
