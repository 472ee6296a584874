/**
 * Keeps the list of recent pads up to date with the pad that is open, but not with every letter.
 */
import { excerptOf, recentPads, rememberPad } from "./recent.js";

const AFTER_MS = 2_000;

/** What the excerpt is made from, in UTF-16 units: the beginning is enough. */
const EXCERPT_SOURCE_LENGTH = 2_000;

/** @param {import("./page.js").PadPage} page */
export function rememberVisits(page) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let remembered = -1;
  page.on("state", () => {
    if (page.readOnly || page.state.revision === remembered || timer !== undefined) return;
    // At once when it opens: the link may be nowhere else.
    if (remembered === -1) remember();
    else timer = setTimeout(remember, AFTER_MS);
  });
  // Whoever leaves does not wait.
  const leave = () => timer !== undefined && remember();
  addEventListener("pagehide", leave);
  document.addEventListener("visibilitychange", () => document.hidden && leave());

  function remember() {
    clearTimeout(timer);
    timer = undefined;
    const { phase, revision, title } = page.state;
    if (phase !== "online") return;
    remembered = revision;
    const excerpt = excerptOf(page.editor.doc.sliceString(0, EXCERPT_SOURCE_LENGTH), title);
    const known = recentPads().find(({ id }) => id === page.id);
    const changedAt = known && known.revision === revision ? known.changedAt : Date.now();
    rememberPad({ id: page.id, title, excerpt, revision, changedAt });
  }
}
