/**
 * The command to open the palette, which is loaded in a quiet moment, before it is asked for:
 * letters that are meant for its field must not end up in the text.
 */
import { loadLater, loadPart } from "./later.js";
import { t } from "./strings.js";
import { showToast } from "./toast.js";

/** @param {import("./page.js").PadPage} page */
export function setUpPalette({ commands, editor }) {
  const load = () => import("./palette.js");
  loadLater(load);
  commands.add({
    id: "palette.open",
    title: t("commands.palette"),
    group: "view",
    icon: "search",
    keys: "Mod-k",
    run: async () => {
      const typing = editor.view.hasFocus;
      editor.view.contentDOM.blur();
      try {
        const { openPalette } = await loadPart(load);
        if (typing) editor.focus();
        openPalette(commands);
      } catch {
        if (typing) editor.focus();
        showToast(t("search.needsConnection"));
      }
    },
  });
}
