/**
 * The list of recent pads on the start page: what this browser remembers is there at once, what the
 * server knows of each pad (who is in it, its newest revision) comes after.
 */
import { avatar } from "./avatars.js";
import { copy } from "./clipboard.js";
import { byId, element, setText } from "./dom.js";
import { icon } from "./icons.js";
import { askAll } from "./pad_status.js";
import { changedText, clearRecent, forgetPad, recentPads, rememberPad } from "./recent.js";
import { attachRowMenu, setUpRowMenu } from "./row_menu.js";
import { t } from "./strings.js";
import { setUpToast, showToast } from "./toast.js";

/** @typedef {import("./recent.js").RecentPad} RecentPad */
/** @typedef {import("./pad_status.js").Answer} Answer */

/** Avatars in a row; the server names no more people than five. */
const PEOPLE_MAX = 4;

/** What the server said last, so that a list drawn anew shows it at once. @type {Map<string, Answer>} */
const answers = new Map();

export function setUpRecentList() {
  const list = byId("recent", HTMLElement);
  setUpToast();
  setUpRowMenu({ copyLink, remove: removeRow });
  byId("clear", HTMLElement).addEventListener("click", clearList);
  showList(list);
  refresh(list);
  // Another tab may have opened a pad while this page stood in the background.
  const again = () => {
    if (document.visibilityState !== "visible") return;
    showList(list);
    refresh(list);
  };
  document.addEventListener("visibilitychange", again);
  addEventListener("pageshow", ({ persisted }) => persisted && again());
  addEventListener("storage", again);
}

/** @param {HTMLElement} list */
function showList(list) {
  const pads = recentPads();
  const look = JSON.stringify(pads);
  // Whoever is in the list with the keyboard stays where they are.
  if (list.dataset.look === look) return;
  list.dataset.look = look;
  list.replaceChildren(...pads.map(recentRow));
  list.classList.toggle("filled", pads.length > 0);
  byId("recent-empty", HTMLElement).hidden = pads.length > 0;
  byId("clear", HTMLElement).hidden = pads.length === 0;
}

/** @param {HTMLElement} list */
function refresh(list) {
  askAll(
    recentPads().map(({ id }) => id),
    (id, answer) => {
      answers.set(id, answer);
      const pad = recentPads().find((candidate) => candidate.id === id);
      const row = list.querySelector(`[data-id="${id}"]`);
      // The row may have gone meanwhile; a menu that is open keeps its button.
      if (row instanceof HTMLElement && pad) showAnswer(row, pad);
    },
  );
}

/** A pad by its title and its first words. @param {RecentPad} pad */
export function recentLink(pad) {
  const title = element("span", "name", pad.title);
  title.dir = "auto";
  const excerpt = element("span", "excerpt", pad.excerpt);
  excerpt.dir = "auto";
  const link = /** @type {HTMLAnchorElement} */ (element("a", "recent-link", title, excerpt));
  link.href = `/p/${pad.id}`;
  return link;
}

/** @param {RecentPad} pad */
function recentRow(pad) {
  const more = element("button", "icon-button", icon("more"));
  const button = /** @type {HTMLButtonElement} */ (more);
  button.type = "button";
  attachRowMenu(button, pad);

  const row = element(
    "li",
    "recent-row",
    recentLink(pad),
    element("span", "people-here"),
    element("span", "changed figure"),
    element("span", "revision figure"),
    button,
  );
  row.dataset.id = pad.id;
  showAnswer(row, pad);
  return row;
}

/** @param {HTMLElement} row @param {RecentPad} pad */
function showAnswer(row, pad) {
  const answer = answers.get(pad.id);
  const status = answer?.status;
  const gone = answer?.state === "gone";
  row.classList.toggle("gone", gone);
  const title = status?.title ?? pad.title;
  setText(cell(row, ".name"), title);
  cell(row, "button").setAttribute("aria-label", t("home.rowMenuOf", { title }));
  showPeople(cell(row, ".people-here"), answer);
  const changedAt = status?.changed_ms ?? pad.changedAt;
  setText(cell(row, ".changed"), gone ? "" : changedText(changedAt, Date.now()));
  setText(cell(row, ".revision"), gone ? "" : `r${status?.revision ?? pad.revision}`);
}

/** @param {HTMLElement} row @param {string} selector */
function cell(row, selector) {
  return /** @type {HTMLElement} */ (row.querySelector(selector));
}

/** @param {HTMLElement} place @param {Answer | undefined} answer */
function showPeople(place, answer) {
  if (!answer?.status) {
    const gone = answer?.state === "gone";
    place.replaceChildren(gone ? t("home.gone") : answer ? t("home.unreachable") : "");
    return;
  }
  const { people, count } = answer.status;
  if (count === 0) {
    place.replaceChildren(t("home.nobody"));
    return;
  }
  const shown = count <= PEOPLE_MAX ? people : people.slice(0, PEOPLE_MAX - 1);
  const names = people.map(({ name }) => name).join(", ");
  const words = element("span", "visually-hidden", t("home.people", { count, names }));
  place.replaceChildren(words, ...signs(shown, count));
}

/**
 * The avatars of some people, and "+3" for those who have none.
 * @param {{ name: string, color: number }[]} people @param {number} count  of all
 */
export function signs(people, count) {
  const made = people.map(({ name, color }) => avatar({ name, color, me: false }, {}));
  const more = count - people.length;
  if (more > 0) {
    const rest = element("span", "avatar more figure", `+${more}`);
    rest.setAttribute("aria-hidden", "true");
    made.push(rest);
  }
  return made;
}

/** @param {RecentPad} pad */
function copyLink(pad) {
  copy(`${location.origin}/p/${pad.id}`);
}

/** @param {RecentPad} pad */
function removeRow(pad) {
  const before = recentPads();
  const place = before.findIndex(({ id }) => id === pad.id);
  forgetPad(pad.id);
  withUndo(t("home.removed", { title: pad.title }), before);
  const buttons = byId("recent", HTMLElement).querySelectorAll("button");
  const next = buttons[Math.min(place, buttons.length - 1)] ?? byId("recent-title", HTMLElement);
  next.focus();
}

function clearList() {
  const before = recentPads();
  clearRecent();
  withUndo(t("home.cleared"), before);
  byId("recent-title", HTMLElement).focus();
}

/** @param {string} words @param {RecentPad[]} before */
function withUndo(words, before) {
  const list = byId("recent", HTMLElement);
  showList(list);
  showToast(words, {
    label: t("home.undo"),
    run: () => {
      const known = new Set(before.map(({ id }) => id));
      // Behind what was opened in another tab since.
      const opened = recentPads().filter(({ id }) => !known.has(id));
      for (const pad of [...opened, ...before].reverse()) rememberPad(pad);
      showList(list);
      byId("recent-title", HTMLElement).focus();
    },
  });
}
