/**
 * What others changed since I left: notes how far I have seen the text, and offers the rest when I
 * come back.
 *
 * Seen is what the page showed while it was visible, focused and online. Somebody comes back by
 * opening the pad, by looking at it again, or by getting the connection back. A machine that slept
 * takes a dead connection for a living one at first: nothing has been seen before the server is heard.
 */
import { loadPart } from "./later.js";
import { noteSeen, seenOf } from "./seen.js";

/** Whoever looks away for less than this still knows where they were. */
const AWAY_MS = 3 * 60_000;

/** Opening a pad again this soon is a reload. */
const RELOAD_MS = 5_000;

/** By then what was new on the server is on the screen. */
const SETTLE_MS = 1_000;

/** How often what is seen is noted while the text changes. */
const NOTE_MS = 2_000;

/** @param {import("./page.js").PadPage} page */
export function setUpSince(page) {
  /** When I was last seen here in this page; 0 before the first time. */
  let hereAt = 0;
  /** @type {"away" | "returning" | "here"} */
  let presence = "away";
  /** There is an offer that I have neither taken nor refused: then I have not seen it. */
  let offered = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let noteTimer;
  /** How much the server had said when I was last seen here, or came back. */
  let heard = 0;

  const isHere = () =>
    page.editor.ready &&
    page.state.phase === "online" &&
    document.visibilityState === "visible" &&
    document.hasFocus();

  function look() {
    if (!isHere()) return leave();
    if (presence === "away") {
      presence = "returning";
      ({ heard } = page.session);
      setTimeout(settle, SETTLE_MS);
    } else if (presence === "here" && heard !== page.session.heard) {
      ({ heard } = page.session);
      hereAt = Date.now();
      noteTimer ??= setTimeout(note, NOTE_MS);
    }
  }

  function leave() {
    if (presence === "here") note();
    presence = "away";
  }

  function settle() {
    if (presence !== "returning") return;
    if (heard === page.session.heard) {
      setTimeout(settle, SETTLE_MS);
      return;
    }
    presence = "here";
    const seen = seenOf(page.id);
    const [lastAt, limit] = hereAt === 0 ? [seen?.at ?? 0, RELOAD_MS] : [hereAt, AWAY_MS];
    const away = Date.now() - lastAt >= limit;
    const { epoch } = page.session;
    const mayAsk = page.state.role !== "read" || page.state.viewHistory;
    const missed = seen !== null && seen.epoch === epoch && seen.revision < page.state.revision;
    if (missed && away && mayAsk && !offered) offer(seen.revision);
    else note();
    hereAt = Date.now();
  }

  function note() {
    clearTimeout(noteTimer);
    noteTimer = undefined;
    if (offered) return;
    const { epoch } = page.session;
    if (epoch === null) return;
    noteSeen({ id: page.id, epoch, revision: page.state.revision, at: Date.now() });
  }

  /** @param {number} revision  the last one that I have seen */
  async function offer(revision) {
    offered = true;
    try {
      const { offerChanges } = await loadPart(() => import("./since_view.js"));
      await offerChanges(page, revision);
    } catch {
      // What could not be offered has not been seen: it is offered at another visit.
      return;
    }
    offered = false;
    if (presence === "here") note();
  }

  page.on("state", look);
  for (const type of ["focus", "blur"]) addEventListener(type, look);
  document.addEventListener("visibilitychange", look);
}
