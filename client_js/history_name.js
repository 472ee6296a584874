/**
 * Asks for the name of a revision.
 */
import { openDialog } from "./dialog.js";
import { byId, setText } from "./dom.js";
import { t } from "./strings.js";
import { showToast } from "./toast.js";

/** @typedef {(name: string) => Promise<void>} Save  throws if it cannot be done */

/** The one that the open dialog is for. @type {{ revision: number, save: Save } | null} */
let asked = null;

/**
 * @param {number} revision @param {string} known  the name that it has @param {Save} save
 */
export function nameRevision(revision, known, save) {
  const dialog = byId("history-name-dialog", HTMLDialogElement);
  const field = byId("history-name-field", HTMLInputElement);
  const title = t("history.nameTitle", { revision: String(revision) });
  setText(byId("history-name-title", HTMLElement), title);
  byId("history-name-error", HTMLElement).hidden = true;
  field.value = known;
  if (asked === null) byId("history-name-form", HTMLElement).addEventListener("submit", submitted);
  asked = { revision, save };
  openDialog(dialog, { focus: field });
}

/** @param {Event} event */
async function submitted(event) {
  event.preventDefault();
  const question = /** @type {NonNullable<typeof asked>} */ (asked);
  const { revision, save } = question;
  const name = byId("history-name-field", HTMLInputElement).value.trim();
  try {
    await save(name);
  } catch {
    byId("history-name-error", HTMLElement).hidden = asked !== question;
    return;
  }
  // It may be open for another revision by now.
  if (asked === question) byId("history-name-dialog", HTMLDialogElement).close();
  const values = { revision: String(revision), name };
  showToast(t(name === "" ? "history.unnamed" : "history.namedDone", values));
}
