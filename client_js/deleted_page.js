/**
 * The page of a pad that was deleted: when, in words, and what this browser still has of its text,
 * to be downloaded.
 */
import { downloadText } from "./clipboard.js";
import { byId, element, setText } from "./dom.js";
import { loadPart } from "./later.js";
import { recentPads } from "./recent.js";
import { locale, t } from "./strings.js";

/** @param {HTMLElement} page */
export async function setUpDeletedPage(page) {
  const when = new Date(Number(page.dataset.gone));
  const date = when.toLocaleDateString(locale, { day: "numeric", month: "long", year: yearOf(when) });
  setText(byId("error-message", HTMLElement), t("errors.deletedHelp", { date }));
  // The local copies have the name that the address ends with, by either link.
  const pad = location.pathname.split("/").at(-1) ?? "";
  const buttons = (await keptTexts(pad)).map((text) => button(pad, text));
  buttons[0]?.classList.add("primary");
  page.querySelector(".actions")?.prepend(...buttons);
}

/** @param {Date} when */
function yearOf(when) {
  return when.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
}

/** @param {string} pad @returns {Promise<string[]>} */
async function keptTexts(pad) {
  try {
    const { OfflineStore } = await loadPart(() => import("./offline.js"));
    return await (await OfflineStore.open()).texts(pad);
  } catch {
    // A browser that keeps nothing has nothing to offer.
    return [];
  }
}

/** @param {string} pad @param {string} text */
function button(pad, text) {
  const title = recentPads().find(({ id }) => id === pad)?.title ?? pad;
  const made = element("button", "button", t("banner.downloadDraft"));
  made.addEventListener("click", () => downloadText(`${title}.txt`, text));
  return made;
}
