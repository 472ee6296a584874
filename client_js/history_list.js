/**
 * The versions to choose from, by day, the newest on top.
 */
import { byId, element } from "./dom.js";
import { QUIET_MS } from "./history_shape.js";
import { clockTime, dayHeading, dayKey } from "./history_times.js";
import { icon } from "./icons.js";
import { locale, t } from "./strings.js";

/** @typedef {import("./history_shape.js").Group} Group */

/** So many names in a row; of the others, there are dots. */
const NAMES_MAX = 3;
const DOTS_MAX = 5;

const listed = new Intl.ListFormat(locale, { type: "unit", style: "short" });

export class HistoryList {
  /** @type {Group[]} */
  #groups = [];
  #revision = 0;
  #head = 0;

  /** @param {(revision: number) => void} onChoose */
  constructor(onChoose) {
    this.list = byId("history-list", HTMLElement);
    this.list.addEventListener("click", (event) => {
      const row = event.target instanceof Element ? event.target.closest("button") : null;
      if (row instanceof HTMLElement) onChoose(Number(row.dataset.to));
    });
    byId("history-which", HTMLElement).addEventListener("change", () => this.#draw());
  }

  /** @param {Group[]} groups  the oldest first @param {number} head */
  setGroups(groups, head) {
    this.#groups = groups;
    this.#head = head;
    this.#draw();
  }

  /** The version that a revision belongs to is marked. @param {number} revision */
  show(revision) {
    this.#revision = revision;
    const current = this.#groups.find(({ from, to }) => from <= revision && revision <= to);
    const before = this.list.querySelector("[aria-current]");
    if (before instanceof HTMLElement && before.dataset.to === String(current?.to)) return;
    before?.removeAttribute("aria-current");
    const row = current && this.list.querySelector(`[data-to="${current.to}"]`);
    row?.setAttribute("aria-current", "true");
    row?.scrollIntoView({ block: "nearest" });
  }

  #draw() {
    const which = document.querySelector('[name="history-which"]:checked');
    const namedOnly = which instanceof HTMLInputElement && which.value === "named";
    const groups = namedOnly ? this.#groups.filter(({ name }) => name !== null) : this.#groups;
    const now = Date.now();
    /** @type {Element[]} */
    const made = [];
    let day = "";
    for (const group of groups.toReversed()) {
      const its = dayKey(group.toMs);
      if (its !== day) {
        made.push(element("h3", "", dayHeading(group.toMs, now)), element("ul"));
        day = its;
      }
      made.at(-1)?.append(element("li", "", this.#row(group)));
    }
    if (groups.length === 0 && namedOnly) made.push(element("p", "hint", t("history.noNames")));
    this.list.replaceChildren(...made);
    this.show(this.#revision);
  }

  /** @param {Group} group */
  #row(group) {
    const { from, to, name } = group;
    const row = element("button", "version figure", ...(name === null ? this.#span(group) : []));
    row.setAttribute("type", "button");
    row.dataset.to = String(to);
    if (name !== null) {
      const words = element("b", "name", name);
      words.dir = "auto";
      row.append(icon("flag"), words, element("span", "version-size", clockTime(group.toMs)));
    }
    const names = element("span", "name", namesOf(group));
    const who = element("span", "version-who", ...dotsOf(group), names);
    const range = from === to ? `r${to}` : `r${from} – r${to}`;
    row.append(who, element("span", "version-range", range));
    return row;
  }

  /** When, and how much. @param {Group} group */
  #span({ fromMs, toMs, to, inserted, deleted }) {
    const goesOn = to === this.#head && Date.now() - toMs < QUIET_MS;
    const end = goesOn ? t("history.now") : clockTime(toMs);
    const time = end === clockTime(fromMs) ? end : `${clockTime(fromMs)} – ${end}`;
    const size = element("span", "version-size");
    if (inserted > 0) size.append(element("span", "more", `+${inserted}`));
    if (deleted > 0) size.append(" ", element("span", "less", `−${deleted}`));
    return [element("b", "", time), size];
  }
}

/** @param {Group} group */
function namesOf({ authors }) {
  if (authors.length === 0) return t("history.nobody");
  const names = authors.slice(0, NAMES_MAX).map(({ name }) => name);
  const more = authors.length - names.length;
  return listed.format(more > 0 ? [...names, `+${more}`] : names);
}

/** @param {Group} group */
function dotsOf({ authors }) {
  return authors
    .slice(0, DOTS_MAX)
    .map(({ color }) => element("span", `version-dot person-${color}`));
}
