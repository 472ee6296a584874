/**
 * The command to find and replace. What it opens is loaded in a quiet moment, before it is asked
 * for: letters that are meant for its field must not end up in the text.
 */
import { loadLater, loadPart } from "./later.js";
import { closeMenu } from "./popover.js";
import { t } from "./strings.js";
import { showToast } from "./toast.js";

/** @param {import("./page.js").PadPage} page */
export function setUpFind(page) {
  const { commands, editor } = page;
  const load = () => import("./search_panel.js");
  loadLater(load);
  commands.add({
    id: "edit.find",
    title: t("search.find"),
    group: "edit",
    icon: "search",
    keys: "Mod-f",
    // In an old text, and in what is only read, the browser finds.
    available: () => !page.inHistory && document.body.dataset.view !== "read",
    run: async (button) => {
      closeMenu(button);
      editor.view.contentDOM.blur();
      try {
        const { openSearch } = await loadPart(load);
        openSearch(editor);
      } catch {
        editor.focus();
        showToast(t("search.needsConnection"));
      }
    },
  });
}
