/**
 * A text file becomes the text: the whole of it, after a question, or at the cursor. Loaded when the
 * page is at rest.
 *
 * The whole text is replaced as one edit of what differs only, so that the carets of others stay
 * where they are.
 */
import { ask } from "./dialog.js";
import { difference } from "./difference.js";
import { t } from "./strings.js";
import { lineCount, textOf } from "./text_file.js";
import { showToast } from "./toast.js";

/** What is not even read: far more than a server takes, and less than would fill the memory. */
const FILE_BYTES_MAX = 100_000_000;

/** @param {import("./editor.js").PadEditor} editor @param {File} file */
export async function importText(editor, file) {
  const bytes = file.size > FILE_BYTES_MAX ? null : await readBytes(file);
  const text = bytes && textOf(bytes);
  if (text === null) {
    showToast(t("import.notText"));
    return;
  }
  const { view } = editor;
  const old = view.state.doc.length === 0 ? "" : view.state.doc.toString();
  const answer = old === "" ? "replace" : await ask(question(lineCount(text), lineCount(old)));
  if (!editor.writable || answer === null) return;
  const changes = answer === "replace" ? difference(view.state.doc.toString(), text) : null;
  const edit = changes === null ? view.state.replaceSelection(text) : { changes };
  view.dispatch(edit, { userEvent: "input.import" });
  view.focus();
}

/** A folder can be dropped like a file, and cannot be read. @param {File} file */
async function readBytes(file) {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch {
    return null;
  }
}

/** @param {number} lines @param {number} old @returns {Parameters<typeof ask>[0]} */
function question(lines, old) {
  return {
    title: t("import.title"),
    words: `${t("import.lines", { count: lines, old })} ${t("import.undo")}`,
    choices: [
      { value: "replace", label: t("import.replace"), look: "primary" },
      { value: "insert", label: t("import.insert") },
    ],
  };
}
