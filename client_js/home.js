/**
 * The start page and the pages that say what went wrong: puts their parts together.
 */
import { chooseTheme, isDark, onThemeElsewhere } from "./appearance.js";
import { setUpErrorPage, setUpOfflinePage } from "./error_page.js";
import { icon } from "./icons.js";
import { loadLater } from "./later.js";
import { setUpRecentList } from "./recent_list.js";
import { openShortcuts } from "./shortcuts.js";
import { setUpStart } from "./start.js";

setUpTheme(document.getElementById("theme"));

if (document.getElementById("new-pad")) setUpStart();
if (document.getElementById("recent")) setUpRecentList();

document.getElementById("show-shortcuts")?.addEventListener("click", openShortcuts);

const demo = document.getElementById("demo");
if (demo) loadWhenSeen(demo);

const error = document.getElementById("error");
if (error) setUpErrorPage(error);
if (document.getElementById("offline")) setUpOfflinePage();
loadLater(
  () => import("./keep_pages.js"),
  ({ keepPages }) => keepPages(),
);

/** @param {HTMLElement | null} button  not every page has it */
function setUpTheme(button) {
  const draw = () => button?.replaceChildren(icon(isDark() ? "sun" : "moon"));
  button?.addEventListener("click", () => {
    chooseTheme(isDark() ? "light" : "dark");
    draw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  onThemeElsewhere(draw);
  draw();
}

/**
 * The editor is many times as large as this page: it comes when somebody sees its place, and after
 * all that the page itself has to do.
 * @param {HTMLElement} place
 */
function loadWhenSeen(place) {
  // Safari has no requestIdleCallback.
  const whenIdle = globalThis.requestIdleCallback ?? ((run) => setTimeout(run, 200));
  const seen = new IntersectionObserver((entries) => {
    if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
    seen.disconnect();
    whenIdle(async () => {
      const { startDemo } = await import("./demo.js");
      startDemo(place);
    });
  });
  seen.observe(place);
}
