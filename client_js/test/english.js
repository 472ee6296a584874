/** The English texts, for tests that run without a page. */
import english from "../../strings/en.json" with { type: "json" };

/** @type {any} */ (globalThis).deltapadStrings = english;
