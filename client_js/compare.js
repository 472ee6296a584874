/**
 * The copy of a text that could not be merged, beside the pad as it is now. Loaded when it is asked
 * for.
 */
import { unifiedMergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { closeButton, openDialog } from "./dialog.js";
import { element } from "./dom.js";
import { t } from "./strings.js";

/** Lines that are the same are shown only this near to a change. */
const CONTEXT_LINES = 3;

/** @param {import("./page.js").PadPage} page */
export function openCompare(page) {
  const { draft } = page.state;
  // It may be discarded by now, or shown already.
  if (draft === null || document.querySelector("dialog:modal") !== null) return;
  const nonce = document.querySelector('meta[name="csp-nonce"]')?.getAttribute("content") ?? "";
  const title = element("h2", "dialog-title", t("compare.title"));
  title.id = "compare-title";
  const parent = element("div", "compare-text");
  const dialog = /** @type {HTMLDialogElement} */ (
    element(
      "dialog",
      "dialog compare",
      element("div", "grip"),
      title,
      closeButton(),
      element("p", "dialog-words", t("compare.words")),
      parent,
    )
  );
  dialog.setAttribute("aria-labelledby", title.id);
  document.body.append(dialog);
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: draft,
      extensions: [
        EditorView.cspNonce.of(nonce),
        EditorState.readOnly.of(true),
        EditorState.lineSeparator.of("\n"),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ "aria-label": t("compare.title") }),
        EditorState.phrases.of({ "$ unchanged lines": t("compare.unchanged") }),
        unifiedMergeView({
          original: page.editor.text(),
          mergeControls: false,
          gutter: false,
          collapseUnchanged: { margin: CONTEXT_LINES },
        }),
      ],
    }),
  });
  openDialog(dialog, {
    closed: () => {
      view.destroy();
      dialog.remove();
    },
  });
}
