/**
 * The plain commands of the pad page: edit and format, copy and download, theme.
 */
import { chooseTheme, chosenTheme, onThemeElsewhere } from "./appearance.js";
import { copy } from "./clipboard.js";
import { byId } from "./dom.js";
import { downloadCopy } from "./export.js";
import { languageOf } from "./language.js";
import { loadPart } from "./later.js";
import { prefer, preference } from "./preferences.js";
import { keptWords } from "./status.js";
import { t } from "./strings.js";
import { showToast } from "./toast.js";

/** @typedef {import("./page.js").PadPage} PadPage */

/** Names in `formattingCommands`, which are also those of their icons where they have one. */
const EDITS = /** @type {const} */ ([
  { name: "undo", group: "edit", keys: "Mod-z", icon: "undo" },
  { name: "redo", group: "edit", keys: "Mod-Shift-z", icon: "redo" },
  { name: "bold", group: "format", keys: "Mod-b", icon: "bold" },
  { name: "italic", group: "format", keys: "Mod-i", icon: "italic" },
  { name: "heading", group: "format", keys: undefined, icon: "heading" },
  { name: "list", group: "format", keys: undefined, icon: "list" },
  { name: "task", group: "format", keys: undefined, icon: "task" },
  { name: "link", group: "format", keys: undefined, icon: "link" },
]);

const THEMES = /** @type {const} */ ([
  ["system", "commands.themeSystem"],
  ["light", "commands.themeLight"],
  ["dark", "commands.themeDark"],
]);

/** @param {PadPage} page */
export function setUpActions(page) {
  const { commands, editor } = page;
  commands.add(
    ...EDITS.map(({ name, group, keys, icon }) => ({
      id: `${group}.${name}`,
      title: t(`commands.${name}`),
      group,
      icon,
      keys,
      inEditor: true,
      available: () =>
        editor.writable && !page.inHistory && (group === "edit" || languageOf(page) === "markdown"),
      run: () => editor.run(name),
    })),
    ...THEMES.map(([theme, title]) => ({
      id: `theme.${theme}`,
      title: t(title),
      group: /** @type {const} */ ("view"),
      icon: theme === "light" ? /** @type {const} */ ("sun") : /** @type {const} */ ("moon"),
      checked: () => chosenTheme() === theme,
      run: () => {
        chooseTheme(theme);
        showChosenTheme();
      },
    })),
    {
      id: "view.cursors",
      title: t("commands.cursors"),
      group: "view",
      icon: "eye",
      checked: () => preference("cursors"),
      run: () => prefer("cursors", !preference("cursors")),
    },
  );
  addPadCommands(page);
  setUpTools();
  setUpDraft(page);
  byId("themes", HTMLElement).addEventListener("change", (event) => {
    commands.run(`theme.${/** @type {HTMLInputElement} */ (event.target).value}`);
  });
  showChosenTheme();
  onThemeElsewhere(showChosenTheme);
}

/** @param {PadPage} page */
function addPadCommands(page) {
  const link = () => location.origin + page.address;
  page.commands.add(
    {
      id: "pad.copyLink",
      title: t("commands.copyLink"),
      group: "pad",
      icon: "link",
      run: (button) => copy(link(), button),
    },
    {
      id: "pad.copyText",
      title: t("commands.copyText"),
      group: "pad",
      icon: "copy",
      run: (button) => copy(page.editor.text(), button),
    },
    {
      id: "pad.download",
      title: t("commands.download"),
      group: "pad",
      icon: "download",
      run: () => downloadCopy(page, page.editor.text()),
    },
    {
      id: "pad.new",
      title: t("commands.newPad"),
      group: "pad",
      icon: "plus",
      run: () => location.assign("/"),
    },
    {
      id: "pad.save",
      title: t("commands.save"),
      group: "pad",
      icon: "check",
      // Saving the page as a file is never what is meant here.
      keys: "Mod-s",
      run: () => {
        const { phase, unsent, revision } = page.state;
        if (phase !== "online") return showToast(keptWords(page.state));
        if (unsent > 0) return showToast(t("state.saving"));
        const name = { label: t("pad.nameVersion"), run: () => page.commands.run("history.name") };
        showToast(
          t("pad.allSaved", { revision: String(revision) }),
          page.commands.has("history.name") ? name : undefined,
        );
      },
    },
  );
}

/** What could not be merged: to copy, to download, to discard. @param {PadPage} page */
function setUpDraft(page) {
  const draft = () => page.state.draft ?? page.editor.text();
  byId("compare-draft", HTMLElement).addEventListener("click", async () => {
    const part = await loadPart(() => import("./compare.js")).catch(() => null);
    // Not in the cache, and no connection.
    if (part === null) showToast(t("search.needsConnection"));
    else part.openCompare(page);
  });
  const copyButton = byId("copy-draft", HTMLElement);
  copyButton.addEventListener("click", () => copy(draft(), copyButton));
  byId("download-draft", HTMLElement).addEventListener("click", () => downloadCopy(page, draft()));
  byId("discard-draft", HTMLElement).addEventListener("click", () => page.session.discardDraft());
}

/**
 * The buttons that stand in for keys must not take the focus: the keyboard of a phone would go
 * away.
 */
function setUpTools() {
  const tools = byId("tools", HTMLElement);
  tools.addEventListener("pointerdown", (event) => event.preventDefault());
  tools.addEventListener("mousedown", (event) => event.preventDefault());
}

function showChosenTheme() {
  const chosen = byId("themes", HTMLElement).querySelector(`[value="${chosenTheme()}"]`);
  if (chosen instanceof HTMLInputElement) chosen.checked = true;
}
