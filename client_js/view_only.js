/**
 * What a visitor by the view-only link meets who types: one word, once, and a caret that stays.
 */
import { EditorView } from "@codemirror/view";
import { t } from "./strings.js";
import { showToast } from "./toast.js";

/** @param {import("./page.js").PadPage} page */
export function setUpViewOnly(page) {
  const isReader = () => page.state.role === "read";
  let said = false;
  const sayOnce = () => {
    if (said || !isReader()) return false;
    said = true;
    showToast(t("pad.viewOnly"));
    return false;
  };
  page.editor.extend([
    EditorView.domEventHandlers({ beforeinput: sayOnce, paste: sayOnce, cut: sayOnce, drop: sayOnce }),
    // A caret to read and select by, but no keyboard over half the screen of a phone.
    EditorView.contentAttributes.of(() => (isReader() ? { inputmode: "none" } : null)),
  ]);
  page.on("state", () => {
    document.body.dataset.role = page.state.role;
  });
}
