/**
 * The home page and the error pages: recent pads, the theme button, "Did you mean?".
 */
import { chooseTheme, isDark } from "./appearance.js";
import { element } from "./dom.js";
import { icon } from "./icons.js";
import { changedText, clearRecent, forgetPad, nearestPad, recentPads } from "./recent.js";

const list = document.getElementById("recent");
if (list) {
  showRecent(list);
  document.getElementById("clear")?.addEventListener("click", () => {
    clearRecent();
    showRecent(list);
  });
  // Another tab may have opened a pad while this page stood in the background.
  addEventListener("pageshow", () => showRecent(list));
  addEventListener("storage", () => showRecent(list));
}

const themeButton = document.getElementById("theme");
if (themeButton) {
  const draw = () => themeButton.replaceChildren(icon(isDark() ? "sun" : "moon"));
  themeButton.addEventListener("click", () => {
    chooseTheme(isDark() ? "light" : "dark");
    draw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
  themeButton.hidden = false;
}

const suggestion = document.getElementById("did-you-mean");
if (suggestion) {
  const pad = nearestPad(suggestion.dataset.pad ?? "", recentPads());
  const link = suggestion.querySelector("a");
  if (pad && link) {
    link.href = `/p/${pad.id}`;
    link.textContent = pad.id;
    suggestion.hidden = false;
  }
}

/** @param {HTMLElement} target */
function showRecent(target) {
  const pads = recentPads();
  target.replaceChildren(...pads.map((pad) => recentRow(pad, target)));
  const empty = document.getElementById("recent-empty");
  if (empty) empty.hidden = pads.length > 0;
  const clear = document.getElementById("clear");
  if (clear) clear.hidden = pads.length === 0;
}

/** @param {import("./recent.js").RecentPad} pad @param {HTMLElement} target */
function recentRow(pad, target) {
  const link = document.createElement("a");
  link.href = `/p/${pad.id}`;
  const title = element("span", "name", pad.title);
  title.dir = "auto";
  link.append(title, element("span", "excerpt", pad.excerpt));

  const forget = element("button", "icon-button", icon("close"));
  forget.setAttribute("type", "button");
  forget.setAttribute("aria-label", `Remove ${pad.title} from this list`);
  forget.addEventListener("click", () => {
    forgetPad(pad.id);
    showRecent(target);
  });

  const changed = element("span", "figure", changedText(pad.changedAt, Date.now()));
  return element(
    "li",
    "recent-row",
    link,
    changed,
    element("span", "revision figure", `r${pad.revision}`),
    forget,
  );
}
