import assert from "node:assert/strict";
import { test } from "node:test";
import { isRightToLeft } from "../direction.js";

test("the first letter decides", () => {
  assert.ok(isRightToLeft("שלום world"));
  assert.ok(isRightToLeft("- [ ] 12. مرحبا"));
  assert.ok(!isRightToLeft("world שלום"));
  assert.ok(!isRightToLeft("12 😀 —"));
});
