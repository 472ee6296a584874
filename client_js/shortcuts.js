/**
 * The sheet of keyboard shortcuts. Its rows are in the page (templates/shortcuts.json); a Mac gets
 * the names that its keys have.
 */
import { openDialog } from "./dialog.js";
import { byId, element } from "./dom.js";
import { isMac, keyLabels } from "./keys.js";
import { t } from "./strings.js";

/** @param {import("./page.js").PadPage} page */
export function setUpShortcuts(page) {
  page.commands.add({
    id: "help.shortcuts",
    title: t("shortcuts.title"),
    group: "view",
    icon: "keyboard",
    run: openShortcuts,
  });
}

/** Also for the start page, which has no commands. */
export function openShortcuts() {
  const sheet = byId("shortcuts", HTMLDialogElement);
  if (isMac) nameKeysOfMac(sheet);
  openDialog(sheet);
}

/** @param {HTMLElement} sheet */
function nameKeysOfMac(sheet) {
  for (const keys of sheet.querySelectorAll("[data-keys]")) {
    if (!(keys instanceof HTMLElement)) continue;
    const shortcuts = keys.dataset.keys?.split(" ") ?? [];
    keys.replaceChildren(
      ...shortcuts.map((shortcut) =>
        element("span", "", ...keyLabels(shortcut).map((key) => element("kbd", "keycap", key))),
      ),
    );
  }
}
