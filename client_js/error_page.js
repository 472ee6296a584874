/**
 * The pages that say what went wrong: "Did you mean?", the wait after too many new pads, and trying
 * again by itself while the server restarts or the network is away.
 */
import { setUpDeletedPage } from "./deleted_page.js";
import { byId, element, setText } from "./dom.js";
import { nearestPad } from "./nearest_pad.js";
import { recentPads } from "./recent.js";
import { recentLink } from "./recent_list.js";
import { t } from "./strings.js";

/** Seconds between two tries; the last one is repeated. */
const TRY_AFTER_SECONDS = [1, 2, 4, 8, 15];

/** @param {HTMLElement} page */
export function setUpErrorPage(page) {
  const { status, retry, pad } = page.dataset;
  if (status === "404" && pad) suggest(pad);
  if (status === "429") countDown(byId("error-message", HTMLElement));
  if (status === "500") sayRevision();
  if (status === "410") setUpDeletedPage(page);
  // Not where a text that was sent stands to be copied.
  if (retry) whenBack(() => location.replace(retry));
}

/** What stands in place of a page that the network did not bring. */
export function setUpOfflinePage() {
  byId("offline-recent", HTMLElement).append(...recentPads().map(shortRow));
  whenBack(() => {
    // Asked for by its own address, it has nowhere to go.
    if (location.pathname !== "/offline") location.reload();
    else setText(byId("retry-state", HTMLElement), t("errors.back"));
  });
}

/** @param {string} id */
function suggest(id) {
  const place = byId("did-you-mean", HTMLElement);
  const pad = nearestPad(id, recentPads());
  const link = place.querySelector("a");
  if (!pad || !link) return;
  link.href = `/p/${pad.id}`;
  link.textContent = pad.id;
  place.hidden = false;
}

/** @param {HTMLElement} message */
function countDown(message) {
  const end = performance.now() + Number(message.dataset.seconds ?? 0) * 1_000;
  const button = document.getElementById("try-again");
  const show = () => {
    const seconds = Math.max(0, Math.ceil((end - performance.now()) / 1_000));
    setText(message, seconds > 0 ? t("errors.tooManyHelp", { retry_seconds: seconds }) : t("errors.tryNow"));
    if (button instanceof HTMLButtonElement) button.disabled = seconds > 0;
    if (seconds === 0) clearInterval(timer);
  };
  const timer = setInterval(show, 1_000);
  show();
}

/** What this browser last saw of the pad is certainly on the disk. */
function sayRevision() {
  const id = location.pathname.split("/").at(-1);
  const known = recentPads().find((pad) => pad.id === id);
  if (known)
    setText(
      byId("error-message", HTMLElement),
      t("errors.brokenAt", { revision: String(known.revision) }),
    );
}

/**
 * Asks whether the server is there, less and less often, and at once when the browser says that the
 * network is back or somebody looks.
 * @param {() => void} back
 */
function whenBack(back) {
  const words = byId("retry-state", HTMLElement);
  let tries = 0;
  let waits = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  const tick = () => {
    if (waits === 0) {
      attempt();
      return;
    }
    setText(words, t("errors.nextTry", { count: waits }));
    waits--;
    timer = setTimeout(tick, 1_000);
  };
  let asking = false;
  const attempt = async () => {
    // Or each answer would begin a countdown of its own.
    if (asking) return;
    clearTimeout(timer);
    setText(words, t("errors.trying"));
    asking = true;
    const healthy = await isHealthy();
    asking = false;
    if (healthy) {
      removeEventListener("online", attempt);
      document.removeEventListener("visibilitychange", attemptIfVisible);
      back();
      return;
    }
    waits = TRY_AFTER_SECONDS[Math.min(tries++, TRY_AFTER_SECONDS.length - 1)];
    tick();
  };
  const attemptIfVisible = () => {
    if (document.visibilityState === "visible") attempt();
  };
  addEventListener("online", attempt);
  document.addEventListener("visibilitychange", attemptIfVisible);
  waits = TRY_AFTER_SECONDS[tries++];
  tick();
}

async function isHealthy() {
  try {
    return (await fetch("/healthz", { cache: "no-store" })).ok;
  } catch {
    return false;
  }
}

/** @param {import("./recent.js").RecentPad} pad */
function shortRow(pad) {
  return element("li", "", recentLink(pad));
}
