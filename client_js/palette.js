/**
 * The command palette: every command of the page, found by some of its letters.
 *
 * A combobox: the focus stays in the field, the arrows choose in the list.
 */
import { openDialog } from "./dialog.js";
import { byId, element, setText } from "./dom.js";
import { fuzzySort } from "./fuzzy.js";
import { icon } from "./icons.js";
import { keyLabels } from "./keys.js";
import { readStored, writeStored } from "./stored.js";
import { t } from "./strings.js";

/** @typedef {import("./commands.js").Command} Command */
/** @typedef {{ command: Command, ranges: [number, number][] }} Found */
/** @typedef {{ title: string, found: Found[] }} Section  of the list */

/** As many as fit on the screen without scrolling. */
const LAST_USED_MAX = 6;

/** How far PgUp and PgDn go, in rows. */
const PAGE_ROWS = 8;

/** The order when nothing is asked for. @type {import("./commands.js").Group[]} */
const GROUPS = ["edit", "format", "view", "people", "pad"];

/** @type {Palette | undefined} */
let palette;

/** @param {import("./commands.js").Commands} commands */
export function openPalette(commands) {
  palette ??= new Palette(commands);
  palette.open();
}

class Palette {
  /** Those in the list, in its order. @type {Command[]} */
  #shown = [];
  #chosen = 0;

  /** @param {import("./commands.js").Commands} commands */
  constructor(commands) {
    this.commands = commands;
    this.dialog = byId("palette", HTMLDialogElement);
    this.query = byId("palette-query", HTMLInputElement);
    this.rows = byId("palette-list", HTMLElement);
    this.none = byId("palette-none", HTMLElement);
    this.count = byId("palette-count", HTMLElement);
    this.query.addEventListener("input", () => this.#show());
    this.dialog.addEventListener("keydown", (event) => this.#keydown(event));
    this.rows.addEventListener("pointermove", (event) => this.#choose(rowOf(event)));
    this.rows.addEventListener("click", (event) => this.#run(rowOf(event)));
    // A press in the list must not take the focus from the field.
    this.rows.addEventListener("pointerdown", (event) => event.preventDefault());
  }

  open() {
    this.query.value = "";
    openDialog(this.dialog, { focus: this.query });
    this.#show();
  }

  #show() {
    const all = this.commands.list().filter(({ id }) => id !== "palette.open");
    const query = this.query.value.trim();
    const sections = query === "" ? unasked(all) : asked(query, all);
    this.#shown = sections.flatMap(({ found }) => found.map(({ command }) => command));
    this.rows.replaceChildren(...this.#rowsOf(sections));
    this.none.hidden = this.#shown.length > 0;
    const values = { shown: Math.min(this.#shown.length, all.length), count: all.length };
    setText(this.count, query === "" ? t("palette.all", values) : t("palette.count", values));
    this.rows.scrollTop = 0;
    this.#choose(0);
  }

  /** @param {Section[]} sections */
  #rowsOf(sections) {
    let at = 0;
    return sections.map(({ title, found }, index) => {
      const label = element("div", "palette-group", title);
      label.id = `palette-group-${index}`;
      const group = element("div", "", label, ...found.map((item) => rowFor(item, at++)));
      group.setAttribute("role", "group");
      group.setAttribute("aria-labelledby", label.id);
      return group;
    });
  }

  /** @param {number} at  in the list; anything else leaves it as it is */
  #choose(at) {
    const row = document.getElementById(`palette-${at}`);
    if (row === null) {
      if (this.#shown.length === 0) this.query.removeAttribute("aria-activedescendant");
      return;
    }
    this.rows.querySelector("[aria-selected=true]")?.setAttribute("aria-selected", "false");
    row.setAttribute("aria-selected", "true");
    this.query.setAttribute("aria-activedescendant", row.id);
    this.#chosen = at;
  }

  /** @param {KeyboardEvent} event */
  #keydown(event) {
    if (event.isComposing) return;
    const to = this.#goal(event.key);
    if (to !== null) {
      this.#choose(to);
      const first = to === 0 ? this.rows : document.getElementById(`palette-${to}`);
      if (first === this.rows) this.rows.scrollTop = 0;
      else first?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter" && event.target === this.query) {
      this.#run(this.#chosen);
    } else if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) {
      this.dialog.close();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  /** Where a key leads in the list. @param {string} key */
  #goal(key) {
    const last = this.#shown.length - 1;
    if (last < 0) return null;
    switch (key) {
      case "ArrowDown":
        return this.#chosen === last ? 0 : this.#chosen + 1;
      case "ArrowUp":
        return this.#chosen === 0 ? last : this.#chosen - 1;
      case "PageDown":
        return Math.min(last, this.#chosen + PAGE_ROWS);
      case "PageUp":
        return Math.max(0, this.#chosen - PAGE_ROWS);
      default:
        return null;
    }
  }

  /** @param {number} at */
  #run(at) {
    const command = this.#shown[at];
    if (command === undefined) return;
    rememberUse(command.id);
    // First the focus goes back to where it was: the command may be about just that.
    this.dialog.close();
    command.run();
  }
}

/** The last used, then all by group. @param {Command[]} all @returns {Section[]} */
function unasked(all) {
  const last = lastUsed().flatMap((id) => all.find((command) => command.id === id) ?? []);
  const sections = GROUPS.map((group) => ({
    title: groupTitle(group),
    found: all.filter((command) => command.group === group).map(plain),
  }));
  return [{ title: t("palette.lastUsed"), found: last.map(plain) }, ...sections].filter(
    ({ found }) => found.length > 0,
  );
}

/** What matches, the group of the best first. @param {string} query @param {Command[]} all @returns {Section[]} */
function asked(query, all) {
  /** @type {Map<string, Found[]>} */
  const groups = new Map();
  for (const { item, match } of fuzzySort(query, all, ({ title }) => title)) {
    const found = groups.get(item.group) ?? [];
    groups.set(item.group, found);
    found.push({ command: item, ranges: match.ranges });
  }
  return [...groups].map(([group, found]) => ({
    title: groupTitle(/** @type {import("./commands.js").Group} */ (group)),
    found,
  }));
}

/** @param {Command} command @returns {Found} */
function plain(command) {
  return { command, ranges: [] };
}

/** @param {import("./commands.js").Group} group */
export function groupTitle(group) {
  const titles = {
    edit: t("commands.groupEdit"),
    format: t("commands.groupFormat"),
    view: t("commands.groupView"),
    people: t("commands.groupPeople"),
    pad: t("commands.groupPad"),
  };
  return titles[group];
}

/** @param {Found} found @param {number} at */
function rowFor({ command, ranges }, at) {
  const row = element("div", "palette-row");
  row.id = `palette-${at}`;
  row.dataset.at = String(at);
  row.setAttribute("role", "option");
  row.setAttribute("aria-selected", "false");
  row.append(command.icon ? icon(command.icon) : element("span", "icon"));
  const title = element("span", "palette-title", ...marked(command.title, ranges));
  title.dir = "auto";
  row.append(title);
  if (command.checked?.()) {
    row.append(icon("check"));
    row.setAttribute("aria-checked", "true");
  }
  if (command.keys) row.append(keycaps(command.keys));
  return row;
}

/** @param {string} keys */
function keycaps(keys) {
  const caps = element("span", "keys");
  for (const label of keyLabels(keys)) caps.append(element("kbd", "keycap", label));
  return caps;
}

/** The letters that match, bold. @param {string} text @param {[number, number][]} ranges */
function marked(text, ranges) {
  /** @type {(string | Node)[]} */
  const parts = [];
  let end = 0;
  for (const [from, to] of ranges) {
    parts.push(text.slice(end, from), element("b", "", text.slice(from, to)));
    end = to;
  }
  return [...parts, text.slice(end)];
}

/** @param {Event} event */
function rowOf(event) {
  const row = event.target instanceof Element ? event.target.closest("[data-at]") : null;
  return row instanceof HTMLElement ? Number(row.dataset.at) : -1;
}

/** @returns {string[]} */
function lastUsed() {
  return readStored("deltapad.lastCommands")?.split(" ") ?? [];
}

/** @param {string} id */
function rememberUse(id) {
  const ids = [id, ...lastUsed().filter((other) => other !== id)].slice(0, LAST_USED_MAX);
  writeStored("deltapad.lastCommands", ids.join(" "));
}
