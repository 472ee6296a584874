import assert from "node:assert/strict";
import { test } from "node:test";
import { Blocks, headingNames } from "../markdown_blocks.js";
import { Random } from "./random.js";

/** @param {string} text */
function blocksOf(text) {
  const blocks = new Blocks();
  blocks.update(text);
  return blocks;
}

/** @param {string} text */
const html = (text) => {
  const blocks = blocksOf(text);
  return blocks.list.map((block) => blocks.html(block)).join("");
};

test("after any edits the blocks are those of the text parsed anew", () => {
  const pieces = [
    ...["# One\n", "text\n", "\n", "- item\n", "  more\n", "    deep\n", "```\n", "> quote\n"],
    ...["| a | b |\n", "|---|---|\n", "===\n", "1. one\n", "[a] and [b]\n", "---\n"],
    ...["- [ ] task\n", "\ttab\n", "***\n", "\r\n"],
  ];
  const definitions = ["[a]: /x\n", "[b]:\n"];
  for (let seed = 0; seed < 60; seed += 1) {
    const random = new Random(seed);
    const all = seed % 3 === 0 ? [...pieces, ...definitions] : pieces;
    const lines = Array.from({ length: 150 }, () => random.pick(all));
    const blocks = blocksOf(lines.join(""));
    for (let edit = 0; edit < 12; edit += 1) {
      const some = Array.from({ length: random.below(3) }, () => random.pick(all));
      lines.splice(random.below(lines.length), random.below(3), ...some);
      blocks.update(lines.join(""));
      const anew = blocksOf(lines.join(""));
      /** @param {Blocks} made */
      const plain = (made) => made.list.map(({ source, line, heading }) => [source, line, heading]);
      assert.deepEqual(plain(blocks), plain(anew), `seed ${seed}`);
      /** @param {Blocks} made */
      const rendered = (made) => made.list.map((block) => made.html(block));
      assert.deepEqual(rendered(blocks), rendered(anew), `seed ${seed}`);
    }
  }
});

test("a block that did not change keeps its key, wherever it moves", () => {
  const blocks = blocksOf("# One\n\ntext\n\n- a\n- b\n");
  const before = blocks.list.map(({ key }) => key);
  blocks.update("# One\n\nnew\n\ntext\n\n- a\n- b\n");
  const after = blocks.list.map(({ key }) => key);
  assert.deepEqual(after, [before[0], "new", before[1], before[2]]);
  assert.deepEqual(blocks.list.map(({ line }) => line), [0, 2, 4, 6]);
});

test("a link by name changes when its definition does", () => {
  const blocks = blocksOf("[a]\n\nplain\n\n[a]: /one\n");
  const [link, plain] = blocks.list.map(({ key }) => key);
  blocks.update("[a]\n\nplain\n\n[a]: /two\n");
  assert.notEqual(blocks.list[0].key, link);
  assert.equal(blocks.list[1].key, plain);
  assert.match(blocks.html(blocks.list[0]), /href="\/two"/);
});

test("task items become boxes that know their line", () => {
  const made = html("- [x] done & dusted\n- [ ] to *do*\n- [y] no\n");
  assert.match(made, /data-line="0" aria-label="done &amp; dusted" checked=""/);
  assert.match(made, /data-line="1" aria-label="to do"/);
  assert.equal(made.match(/<input/g)?.length, 2);
});

test("pictures are links, also inside of links", () => {
  const made = html("![a cat](https://example.org/cat.png)");
  assert.match(made, /<a href="https:\/\/example.org\/cat.png".*<span class="elsewhere">a cat</);
  const linked = html("[![a cat](https://example.org/cat.png)](https://example.org)");
  assert.equal(linked.match(/<a /g)?.length, 1);
  assert.doesNotMatch(made + linked, /<img/);
});

test("headings get names, the second of the same words its number", () => {
  const { list } = blocksOf("# Hello, World!\n\n## Hello world\n\n### Überblick 日本\n\n# ***\n");
  const names = ["hello-world", "hello-world-1", "überblick-日本", "heading"];
  assert.deepEqual(headingNames(list), names);
});

test("a very long line is shown as it is written, the rest as ever", () => {
  const long = "**bold** [x](y) <b> ".repeat(3_000);
  const made = html(`**one**\n\n${long}\n\n**two**\n\n# ${long}\n`);
  assert.equal(made.match(/<strong>/g)?.length, 2);
  assert.equal(made.match(/\*\*bold\*\* \[x\]\(y\) &lt;b&gt;/g)?.length, 6_000);
  assert.match(made, /<h1[^>]*>\s*\*\*bold/);
  // Long by its lines alone, it is not.
  assert.equal(html("**bold** word\n".repeat(6_000)).match(/<strong>/g)?.length, 6_000);
});
