/**
 * What closing the tab would lose: said while there is such a thing, and asked about before it is
 * gone.
 */
import { byId, setText } from "./dom.js";
import { t } from "./strings.js";

/** What is acknowledged sooner is not worth a banner. */
const SAID_AFTER_MS = 2_000;

/** @typedef {import("./session_state.js").SessionState} SessionState */

/** @param {import("./page.js").PadPage} page */
export function setUpClosing(page) {
  const banner = byId("closing-banner", HTMLElement);
  /** When there began to be something to lose; Infinity if there is nothing. */
  let since = Infinity;
  let asked = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const update = () => {
    const { phase, unsent, unsentSince, storedLocally } = page.state;
    // Offline another banner says where the edits are.
    const lost = storedLocally || phase === "offline" ? 0 : unsent;
    const now = performance.now();
    // Who types without a pause has always something unsent, but not for long.
    since = lost > 0 ? Math.max(Math.min(since, now), unsentSince) : Infinity;
    const wait = since + SAID_AFTER_MS - now;
    const said = wait <= 0;
    clearTimeout(timer);
    if (lost > 0 && !said) timer = setTimeout(update, wait);
    const words = said ? t("banner.closing", { count: lost }) : "";
    setText(byId("closing-words", HTMLElement), words);
    if (said && banner.hidden) setText(byId("live-state", HTMLElement), words);
    banner.hidden = !said;
    // Asked when it is plain what for, since some browsers pass the question on to the person.
    if (phase === "offline" && unsent > 0 && storedLocally && !asked) {
      asked = true;
      navigator.storage?.persist?.().catch(() => {});
    }
  };
  page.on("state", update);
  addEventListener("beforeunload", (event) => {
    page.session.keepNow();
    if (wouldLose(page.state)) event.preventDefault();
  });
  addEventListener("pagehide", () => page.session.keepNow());
}

/** Whether anything is in this tab alone. @param {SessionState} state */
function wouldLose({ unsent, unwritten, draft, storedLocally }) {
  return storedLocally ? unwritten > 0 : unsent > 0 || draft !== null;
}
