/**
 * The honest state: pill, banners, footer figures, and what a screen reader is told.
 *
 * `PillModel` holds the rules of timing and wording and knows no page; `StatusView` writes what it
 * says.
 */
import { byId, element, setText } from "./dom.js";
import { icon } from "./icons.js";

/** A short wait is not worth a word; a word that is shown stays long enough to be read. */
const SAVING_AFTER_MS = 400;
const SAVING_AT_LEAST_MS = 600;
const RECONNECTING_AFTER_MS = 1_000;
const RESUMED_MS = 4_000;

/**
 * @typedef {object} Connection  what the session says, as far as it is shown
 * @property {string} phase
 * @property {number} revision
 * @property {number} unsent
 * @property {number | null} roundTripMs
 * @property {number | null} nextTryAt
 * @property {boolean} storedLocally
 * @property {string} role
 * @property {string | null} draft
 * @property {number} sentAfterReconnect
 *
 * @typedef {"connecting" | "saved" | "saving" | "reconnecting" | "offline" | "resumed" | "view" |
 *   "refused" | "replaced" | "gone"} PillKind
 */

/** @param {number} count @param {string} one @param {string} many */
export function counted(count, one, many) {
  return `${count.toLocaleString()} ${count === 1 ? one : many}`;
}

export class PillModel {
  /** @type {PillKind} */
  kind = "connecting";
  /** When the state that is not shown yet began. */
  pendingSince = 0;
  lostSince = 0;
  shownSince = 0;
  /** A lost connection was shown, so its return is told. */
  wasLost = false;
  /** When `update` should be called again at the latest. */
  wakeAt = Infinity;

  /** @param {Connection} state @param {number} now @returns {PillKind} */
  update(state, now) {
    this.wakeAt = Infinity;
    const next = this.next(state, now);
    if (next !== this.kind) {
      this.kind = next;
      this.shownSince = now;
      if (next === "reconnecting" || next === "offline") this.wasLost = true;
      if (next === "resumed") this.wakeAt = now + RESUMED_MS;
      if (next === "saving") this.wakeAt = now + SAVING_AT_LEAST_MS;
    }
    return this.kind;
  }

  /** @param {Connection} state @param {number} now @returns {PillKind} */
  next({ phase, unsent, draft, role }, now) {
    if (phase !== "reconnecting") this.lostSince = 0;
    if (unsent === 0) this.pendingSince = 0;
    if (phase === "gone" || phase === "replaced") return phase;
    if (phase === "refused" || draft !== null) return "refused";
    if (phase === "connecting") return "connecting";
    if (phase === "offline") return "offline";
    if (phase === "reconnecting") {
      this.lostSince ||= now;
      return this.kind === "offline" || this.after(this.lostSince + RECONNECTING_AFTER_MS, now)
        ? "reconnecting"
        : this.kind;
    }
    if (role === "read") return "view";
    return unsent > 0 ? this.whileUnsent(now) : this.whenSaved(now);
  }

  /** @param {number} now @returns {PillKind} */
  whileUnsent(now) {
    this.pendingSince ||= now;
    if (this.wasLost) return "saving";
    return this.kind === "saving" || this.after(this.pendingSince + SAVING_AFTER_MS, now)
      ? "saving"
      : this.settled(now);
  }

  /** @param {number} now @returns {PillKind} */
  whenSaved(now) {
    if (this.kind === "saving" && !this.after(this.shownSince + SAVING_AT_LEAST_MS, now))
      return "saving";
    if (this.wasLost) {
      this.wasLost = false;
      return "resumed";
    }
    return this.settled(now);
  }

  /** @param {number} now @returns {PillKind} */
  settled(now) {
    return this.kind === "resumed" && !this.after(this.shownSince + RESUMED_MS, now)
      ? "resumed"
      : "saved";
  }

  /**
   * Whether that time has come; if not, `update` wants to be called then.
   * @param {number} at
   * @param {number} now
   */
  after(at, now) {
    if (now < at) this.wakeAt = Math.min(this.wakeAt, at);
    return now >= at;
  }
}

/** @param {PillKind} kind @param {Connection} state */
export function pillWords(kind, { revision, unsent, sentAfterReconnect }) {
  const waiting = unsent > 0 ? ` · ${counted(unsent, "unsent edit", "unsent edits")}` : "";
  const sent =
    sentAfterReconnect > 0 ? ` · ${counted(sentAfterReconnect, "edit", "edits")} sent` : "";
  const words = {
    connecting: "Connecting…",
    saved: "Saved",
    saving: "Saving…",
    reconnecting: `Reconnecting${waiting}`,
    offline: `Offline${waiting}`,
    resumed: `Back online${sent}`,
    view: "View only",
    refused: "Not saved · copy your text",
    replaced: "Open elsewhere",
    gone: "Deleted",
  };
  return { words: words[kind], detail: kind === "saved" ? `r${revision}` : "" };
}

/** @param {Connection} state */
export function offlineWords({ unsent, storedLocally }) {
  const verb = unsent === 1 ? "is" : "are";
  const edits = unsent > 0 ? counted(unsent, "edit", "edits") : "New edits";
  if (!storedLocally) return `${edits} ${verb} kept in this tab. Do not close it.`;
  const go = unsent === 1 ? "goes" : "go";
  return `${edits} ${verb} kept in this browser and ${go} out as soon as the connection is back.`;
}

/** @type {Record<PillKind, { look: string, sign: () => Node }>} */
const LOOKS = {
  connecting: { look: "", sign: () => icon("spinner", "spin") },
  saved: { look: "", sign: () => element("span", "dot") },
  saving: { look: "", sign: () => element("span", "dot open") },
  reconnecting: { look: "warn", sign: () => icon("spinner", "spin") },
  offline: { look: "warn", sign: () => icon("cloudOff") },
  resumed: { look: "good", sign: () => icon("check") },
  view: { look: "", sign: () => element("span", "dot") },
  refused: { look: "danger", sign: () => icon("warning") },
  replaced: { look: "warn", sign: () => icon("warning") },
  gone: { look: "danger", sign: () => icon("warning") },
};

const REFUSED_WORDS = {
  refused: "Your last edits could not be merged. They are kept here as a copy.",
  replaced: "This pad was opened again in another place, and goes on there. Reload to use it here.",
  gone: "This pad was deleted. What you see is a copy.",
};

export class StatusView {
  /** @param {{ state: () => Connection, tryNow: () => void }} session */
  constructor(session) {
    this.session = session;
    this.model = new PillModel();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.pill = byId("state", HTMLElement);
    this.live = byId("live-state", HTMLElement);
    byId("try-now", HTMLButtonElement).addEventListener("click", () => session.tryNow());
    byId("reload", HTMLButtonElement).addEventListener("click", () => location.reload());
  }

  update() {
    const state = this.session.state();
    const now = Date.now();
    const before = this.model.kind;
    const kind = this.model.update(state, now);
    this.showPill(kind, state);
    this.showBanners(kind, state, now);
    if (kind !== before) this.announce(kind, state);
    // A draft does not end the conversation: the pad goes on beside it.
    const goesOn = kind === "refused" && state.phase === "online";
    const connected = goesOn || ["saved", "saving", "resumed", "view"].includes(kind);
    const trip = state.roundTripMs === null ? "" : `${Math.round(state.roundTripMs)} ms`;
    setFigure("connection", connected ? trip : kind === "connecting" ? "" : "No connection");

    clearTimeout(this.timer);
    const nextSecond = kind === "offline" ? now + 1_000 : Infinity;
    const wakeAt = Math.min(this.model.wakeAt, nextSecond);
    if (wakeAt < Infinity)
      this.timer = setTimeout(() => this.update(), Math.max(0, wakeAt - now) + 5);
  }

  /** @param {PillKind} kind @param {Connection} state */
  showPill(kind, state) {
    const { words, detail } = pillWords(kind, state);
    if (this.pill.dataset.kind !== kind || !this.pill.querySelector(".sign")?.firstChild) {
      this.pill.dataset.kind = kind;
      this.pill.className = `pill ${LOOKS[kind].look}`.trim();
      const sign = element("span", "sign", LOOKS[kind].sign());
      this.pill.replaceChildren(sign, element("span", "words"), " ", element("span", "detail"));
    }
    const [wordsNode, detailNode] = [this.pill.children[1], this.pill.children[2]];
    setText(wordsNode, words);
    setText(detailNode, detail);
    const trip =
      state.roundTripMs === null ? "" : `, ${Math.round(state.roundTripMs)} ms round trip`;
    this.pill.title =
      kind === "saved" ? `All changes are saved. Revision ${state.revision}${trip}.` : words;
  }

  /** @param {PillKind} kind @param {Connection} state @param {number} now */
  showBanners(kind, state, now) {
    byId("offline-banner", HTMLElement).hidden = kind !== "offline";
    setText(byId("offline-title", HTMLElement), "You are offline. Keep writing.");
    setText(byId("offline-words", HTMLElement), offlineWords(state));
    const seconds = state.nextTryAt === null ? 0 : Math.ceil((state.nextTryAt - now) / 1_000);
    setText(byId("next-try", HTMLElement), seconds > 0 ? `Next try in ${seconds} s` : "");

    const refused = kind === "refused" || kind === "replaced" || kind === "gone";
    if (refused) setText(byId("refused-words", HTMLElement), REFUSED_WORDS[kind]);
    byId("discard-draft", HTMLElement).hidden = state.phase !== "online";
    byId("reload", HTMLElement).hidden =
      kind !== "replaced" && !(kind === "refused" && state.phase === "refused");
    byId("refused-banner", HTMLElement).hidden = !refused;
  }

  /** @param {PillKind} kind @param {Connection} state */
  announce(kind, state) {
    if (kind === "reconnecting") setText(this.live, "Reconnecting.");
    if (kind === "offline")
      setText(this.live, `Offline. ${offlineWords(state).replace(/ and go(es)? out.*/, ".")}`);
    if (kind === "resumed") setText(this.live, "Back online. All changes saved.");
  }
}

/**
 * The figures stand in the footer, and on a phone in the menu.
 * @param {string} name
 * @param {string} text
 */
export function setFigure(name, text) {
  for (const node of document.querySelectorAll(`[data-figure="${name}"]`)) setText(node, text);
}
