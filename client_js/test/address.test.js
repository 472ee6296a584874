import assert from "node:assert/strict";
import { test } from "node:test";
import { slugOf, titleOfFile } from "../address.js";

test("the address has what is readable of a name, as the server makes it", () => {
  // The same cases as in tests/test_pages.py.
  const cases = [
    ["Autumn release", "autumn-release"],
    ["  The *kitchen* table!  ", "the-kitchen-table"],
    ["Q3 / Überblick", "q3-berblick"],
    ["../../etc/passwd", "etc-passwd"],
    ["x".repeat(200), "x".repeat(40)],
    [`${"x".repeat(39)} y`, "x".repeat(39)],
    ["日本語", ""],
    ["", ""],
  ];
  for (const [name, slug] of cases) assert.equal(slugOf(name), slug);
});

test("a file of text gives its name without the ending, code keeps it", () => {
  assert.equal(titleOfFile("Soup for twelve.md"), "Soup for twelve");
  assert.equal(titleOfFile("notes.TXT"), "notes");
  assert.equal(titleOfFile("transform.py"), "transform.py");
  assert.equal(titleOfFile(".md"), ".md");
  assert.equal(titleOfFile("README"), "README");
});
