/**
 * The ways in for a text file, dropped on the text or chosen, and a large paste, which says so. What
 * becomes of the file is loaded in a quiet moment: it may be dropped when there is no connection.
 */
import { EditorSelection } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { element } from "./dom.js";
import { loadLater, loadPart } from "./later.js";
import { closeMenu } from "./popover.js";
import { t } from "./strings.js";
import { showToast } from "./toast.js";

/** A longer paste takes the editor a moment; in UTF-16 units. */
const LARGE_PASTE = 100_000;

/** @typedef {import("./page.js").PadPage} PadPage */

const loadImport = () => import("./import_text.js");

/** @param {PadPage} page */
export function setUpImport(page) {
  const { editor, commands } = page;
  loadLater(loadImport);
  commands.add({
    id: "pad.import",
    title: t("import.command"),
    group: "pad",
    icon: "upload",
    available: () => editor.writable && !page.inHistory,
    run: (button) => {
      closeMenu(button);
      chooseFile((file) => importFile(editor, file));
    },
  });
  editor.extend(
    EditorView.domEventHandlers({
      drop(event, view) {
        const file = event.dataTransfer?.files[0];
        if (!file) return false;
        event.preventDefault();
        if (!editor.writable) return true;
        const position = view.posAtCoords({ x: event.clientX, y: event.clientY }, false);
        view.dispatch({ selection: EditorSelection.cursor(position) });
        importFile(editor, file);
        return true;
      },
      paste: pasteLarge,
    }),
  );
  // Beside the text a file must not take the place of the page.
  for (const type of ["dragover", "drop"])
    document.addEventListener(type, (event) => {
      const { dataTransfer } = /** @type {DragEvent} */ (event);
      if (dataTransfer?.types.includes("Files")) event.preventDefault();
    });
}

/** @param {(file: File) => void} chosen */
function chooseFile(chosen) {
  const field = /** @type {HTMLInputElement} */ (element("input"));
  field.type = "file";
  field.addEventListener("change", () => {
    const file = field.files?.[0];
    if (file) chosen(file);
  });
  field.click();
}

/** @param {import("./editor.js").PadEditor} editor @param {File} file */
async function importFile(editor, file) {
  const part = await loadPart(loadImport).catch(() => null);
  // Not in the cache, and no connection.
  if (part === null) showToast(t("search.needsConnection"));
  else await part.importText(editor, file);
}

/** @param {ClipboardEvent} event @param {EditorView} view */
function pasteLarge(event, view) {
  const text = event.clipboardData?.getData("text/plain") ?? "";
  if (text.length < LARGE_PASTE || view.state.readOnly) return false;
  event.preventDefault();
  showToast(t("editor.pasting", { size: Math.round(text.length / 1_000) }));
  // After the words are on the screen: what follows holds up the page for a moment.
  requestAnimationFrame(() =>
    setTimeout(() =>
      view.dispatch(view.state.replaceSelection(text), {
        userEvent: "input.paste",
        scrollIntoView: true,
      }),
    ),
  );
  return true;
}
