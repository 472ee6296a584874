/**
 * The honest state: pill, banners, footer figures, and what a screen reader is told.
 *
 * `PillModel` holds the rules of timing and wording and knows no page; `StatusView` writes what it
 * says.
 */
import { byId, element, setText } from "./dom.js";
import { setFigure } from "./figures.js";
import { icon } from "./icons.js";
import { t } from "./strings.js";

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
 * @property {number} unsentSince
 * @property {number} unwritten
 * @property {number | null} roundTripMs
 * @property {number | null} nextTryAt
 * @property {string} storage
 * @property {boolean} storedLocally
 * @property {string} role
 * @property {string | null} draft
 * @property {number} draftEdits
 * @property {boolean} diverged
 * @property {number} sentAfterReconnect
 *
 * @typedef {"connecting" | "saved" | "saving" | "unsaved" | "savedAgain" | "reconnecting" |
 *   "offline" | "resumed" | "view" | "refused" | "replaced" | "outdated" | "gone" | "unlinked"} PillKind
 */

/** The server does not let this page go on. @type {Set<string>} */
export const ENDED = new Set(["replaced", "outdated", "gone", "unlinked"]);

/** @type {Set<PillKind>} */
const SAID_SAVED = new Set(["saved", "resumed", "savedAgain"]);

export class PillModel {
  /** @type {PillKind} */
  kind = "connecting";
  /** When the state that is not shown yet began. */
  pendingSince = 0;
  lostSince = 0;
  shownSince = 0;
  /** A lost connection was shown, so its return is told. */
  wasLost = false;
  /** That the server cannot save was shown, so that it can again is told. */
  wasUnsaved = false;
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
      if (next === "unsaved") this.wasUnsaved = true;
      if (next === "resumed" || next === "savedAgain") this.wakeAt = now + RESUMED_MS;
      if (next === "saving") this.wakeAt = now + SAVING_AT_LEAST_MS;
    }
    return this.kind;
  }

  /** @param {Connection} state @param {number} now @returns {PillKind} */
  next({ phase, unsent, unsentSince, draft, draftEdits, diverged, role, storage }, now) {
    if (phase !== "reconnecting") this.lostSince = 0;
    if (unsent === 0) this.pendingSince = 0;
    if (ENDED.has(phase)) return /** @type {PillKind} */ (phase);
    // After a divergence all that was typed may be saved: then only the banner tells of the copy.
    const lost = draft !== null && !(diverged && draftEdits === 0);
    if (phase === "refused" || lost) return "refused";
    if (phase === "connecting") return "connecting";
    if (phase === "offline") return "offline";
    if (phase === "reconnecting") {
      this.lostSince ||= now;
      // A hiccup is passed over, unless nothing good is being said that it would contradict.
      const atOnce = this.kind === "offline" || this.kind === "connecting";
      return atOnce || this.after(this.lostSince + RECONNECTING_AFTER_MS, now)
        ? "reconnecting"
        : this.kind;
    }
    if (role === "read") return "view";
    if (storage !== "ok") return "unsaved";
    return unsent > 0 ? this.whileUnsent(unsentSince, now) : this.whenSaved(now);
  }

  /** @param {number} unsentSince @param {number} now @returns {PillKind} */
  whileUnsent(unsentSince, now) {
    // Who types without a pause has always something unsent, but not for long.
    this.pendingSince = Math.max(this.pendingSince || now, unsentSince);
    // Only what was said to be saved may be for that moment longer: not a text that comes from this
    // browser's disk, or back from a lost connection.
    return SAID_SAVED.has(this.kind) && !this.after(this.pendingSince + SAVING_AFTER_MS, now)
      ? this.settled(now)
      : "saving";
  }

  /** @param {number} now @returns {PillKind} */
  whenSaved(now) {
    if (this.kind === "saving" && !this.after(this.shownSince + SAVING_AT_LEAST_MS, now))
      return "saving";
    if (this.wasLost || this.wasUnsaved) {
      const kind = this.wasLost ? "resumed" : "savedAgain";
      this.wasLost = this.wasUnsaved = false;
      return kind;
    }
    return this.settled(now);
  }

  /** @param {number} now @returns {PillKind} */
  settled(now) {
    const good = this.kind === "resumed" || this.kind === "savedAgain";
    return good && !this.after(this.shownSince + RESUMED_MS, now) ? this.kind : "saved";
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
  const words = {
    connecting: t("state.connecting"),
    saved: t("state.saved"),
    saving: t("state.saving"),
    unsaved: unsent > 0 ? t("state.unsavedEdits", { count: unsent }) : t("state.unsaved"),
    savedAgain: t("state.savedAgain"),
    reconnecting:
      unsent > 0 ? t("state.reconnectingUnsent", { count: unsent }) : t("state.reconnecting"),
    offline: unsent > 0 ? t("state.offlineUnsent", { count: unsent }) : t("state.offline"),
    resumed:
      sentAfterReconnect > 0
        ? t("state.resumedSent", { count: sentAfterReconnect })
        : t("state.resumed"),
    view: t("state.view"),
    refused: t("state.refused"),
    replaced: t("state.replaced"),
    outdated: t("state.outdated"),
    gone: t("state.gone"),
    unlinked: t("state.unlinked"),
  };
  return { words: words[kind], detail: kind === "saved" ? `r${revision}` : "" };
}

/** @param {Connection} state */
export function keptWords({ unsent, unwritten, storedLocally }) {
  // Only what is on the disk is kept: the newest letter is not, for a moment.
  const count = storedLocally ? unsent - unwritten : unsent;
  if (count === 0) return storedLocally ? t("banner.keptNew") : t("banner.keptTabNew");
  return storedLocally ? t("banner.kept", { count }) : t("banner.keptTab", { count });
}

/** What the server's disk does to what is typed. @param {Connection} state */
export function storageWords({ storage, storedLocally }) {
  const why = { full: t("banner.full"), read_only: t("banner.readOnly") };
  const what = storage === "full" || storage === "read_only" ? why[storage] : t("banner.failing");
  return { what, kept: storedLocally ? t("banner.keptLater") : t("banner.keptLaterTab") };
}

/** Why there is a copy of the text. @param {Connection} state */
export function draftWords({ draft, draftEdits, diverged }) {
  if (draft !== null && diverged) return t("banner.diverged");
  return draft !== null && draftEdits > 0
    ? t("banner.movedOn", { count: draftEdits })
    : t("banner.refused");
}

/** Why it does not go on. @param {PillKind} kind @param {Connection} state */
function endWords(kind, state) {
  const { unsent } = state;
  if (kind === "replaced") return t("banner.replaced");
  if (kind === "gone") return t("banner.gone");
  if (kind === "unlinked") return t("banner.unlinked");
  if (kind !== "outdated") return draftWords(state);
  return unsent > 0 ? t("banner.outdatedUnsent", { count: unsent }) : t("banner.outdated");
}

/** @param {Connection} state */
function offlineAnnouncement({ unsent, unwritten, storedLocally }) {
  if (!storedLocally) return t("state.sayOfflineTab");
  const count = unsent - unwritten;
  return count > 0 ? t("state.sayOfflineUnsent", { count }) : t("state.sayOffline");
}

/** @type {Record<PillKind, { look: string, sign: () => Node }>} */
const LOOKS = {
  connecting: { look: "", sign: () => icon("spinner", "spin") },
  saved: { look: "", sign: () => element("span", "dot") },
  saving: { look: "", sign: () => element("span", "dot open") },
  unsaved: { look: "warn", sign: () => icon("warning") },
  savedAgain: { look: "good", sign: () => icon("check") },
  reconnecting: { look: "warn", sign: () => icon("spinner", "spin") },
  offline: { look: "warn", sign: () => icon("cloud-off") },
  resumed: { look: "good", sign: () => icon("check") },
  view: { look: "", sign: () => icon("eye") },
  refused: { look: "danger", sign: () => icon("warning") },
  replaced: { look: "warn", sign: () => icon("warning") },
  outdated: { look: "warn", sign: () => icon("warning") },
  gone: { look: "danger", sign: () => icon("warning") },
  unlinked: { look: "warn", sign: () => icon("warning") },
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
    /** Whether one could write here before. */
    this.wrote = false;
    /** Whether there was a copy of a text that was not the server's. */
    this.diverged = false;
    byId("try-now", HTMLButtonElement).addEventListener("click", () => session.tryNow());
    byId("reload", HTMLButtonElement).addEventListener("click", () => location.reload());
  }

  update() {
    const state = this.session.state();
    const now = performance.now();
    const before = this.model.kind;
    const kind = this.model.update(state, now);
    const news = kind !== before || state.diverged !== this.diverged;
    this.diverged = state.diverged;
    this.showPill(kind, state);
    this.showBanners(kind, state, now);
    if (news) this.announce(kind, state);
    // A draft does not end the conversation: the pad goes on beside it.
    const goesOn = kind === "refused" && state.phase === "online";
    const connected =
      goesOn || ["saved", "saving", "unsaved", "savedAgain", "resumed", "view"].includes(kind);
    const trip = state.roundTripMs === null ? "" : t("pad.trip", { count: Math.round(state.roundTripMs) });
    const lost = kind === "connecting" ? "" : t("pad.noConnection");
    setFigure("connection", connected ? trip : lost);

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
    // For programs: the word "Saved" stays a moment after a key.
    this.pill.dataset.unsent = String(state.unsent);
    const [wordsNode, detailNode] = [this.pill.children[1], this.pill.children[2]];
    setText(wordsNode, words);
    setText(detailNode, detail);
    this.pill.title = kind === "saved" ? savedWords(state) : words;
  }

  /** @param {PillKind} kind @param {Connection} state @param {number} now */
  showBanners(kind, state, now) {
    byId("offline-banner", HTMLElement).hidden = kind !== "offline";
    setText(byId("offline-words", HTMLElement), keptWords(state));
    const seconds = state.nextTryAt === null ? 0 : Math.ceil((state.nextTryAt - now) / 1_000);
    setText(byId("next-try", HTMLElement), seconds > 0 ? t("banner.nextTry", { count: seconds }) : "");

    const { what, kept } = storageWords(state);
    byId("storage-banner", HTMLElement).hidden = kind !== "unsaved";
    setText(byId("storage-what", HTMLElement), what);
    setText(byId("storage-kept", HTMLElement), kept);

    const refused = state.draft !== null || kind === "refused" || ENDED.has(kind);
    if (refused) setText(byId("refused-words", HTMLElement), endWords(kind, state));
    byId("compare-draft", HTMLElement).hidden = state.draft === null || state.phase !== "online";
    byId("discard-draft", HTMLElement).hidden = state.phase !== "online";
    byId("reload", HTMLElement).hidden =
      kind !== "replaced" && kind !== "outdated" && !(kind === "refused" && state.phase === "refused");
    byId("refused-banner", HTMLElement).hidden = !refused;
  }

  /** @param {PillKind} kind @param {Connection} state */
  announce(kind, state) {
    if (kind === "reconnecting") setText(this.live, t("state.sayReconnecting"));
    if (kind === "offline") setText(this.live, offlineAnnouncement(state));
    if (kind === "resumed") setText(this.live, t("state.sayResumed"));
    if (kind === "savedAgain") setText(this.live, `${t("state.savedAgain")}.`);
    if (kind === "unsaved") setText(this.live, Object.values(storageWords(state)).join(" "));
    const alert = byId("live-alert", HTMLElement);
    if (kind === "refused") setText(alert, `${t("state.refused")}. ${draftWords(state)}`);
    else if (ENDED.has(kind)) setText(alert, endWords(kind, state));
    else if (state.diverged) setText(alert, draftWords(state));
    else if (kind === "view" && this.wrote) setText(alert, t("state.sayView"));
    else if (kind !== "reconnecting" && kind !== "offline") setText(alert, "");
    if (kind === "saved") this.wrote = true;
  }
}

/** @param {Connection} state */
function savedWords({ revision, roundTripMs }) {
  const values = { revision: String(revision) };
  return roundTripMs === null
    ? t("state.savedLong", values)
    : t("state.savedTrip", { ...values, trip: Math.round(roundTripMs) });
}
