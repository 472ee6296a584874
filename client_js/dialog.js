/**
 * Modal dialogs, all the same way: the native element, which keeps the focus inside and gives it
 * back; a click beside it closes, and so does what is marked with `data-close`.
 *
 * On a phone they are sheets at the bottom (styles/dialogs.css).
 */
import { element } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./strings.js";

/** Those that listen to clicks already. @type {WeakSet<HTMLDialogElement>} */
const known = new WeakSet();

/**
 * Opens a dialog of the page.
 * @param {HTMLDialogElement} dialog
 * @param {{ focus?: HTMLElement | null, closed?: () => void }} [options]  `focus` is the first field
 */
export function openDialog(dialog, { focus, closed } = {}) {
  if (dialog.open) return;
  const opener = openerOf(document.activeElement);
  if (!known.has(dialog)) listen(dialog);
  known.add(dialog);
  dialog.addEventListener(
    "close",
    () => {
      // The browser has given the focus back already, unless the opener is gone; and what was done
      // in the dialog may have moved it on.
      if (document.activeElement === document.body) opener?.focus();
      closed?.();
    },
    { once: true },
  );
  dialog.returnValue = "";
  dialog.showModal();
  focus?.focus();
  if (focus instanceof HTMLInputElement) focus.select();
}

/**
 * @typedef {object} Choice  a button of a question
 * @property {string} value  what `ask` resolves with
 * @property {string} label
 * @property {"primary" | "danger" | ""} [look]
 */

/**
 * Asks, and waits for the answer. The first choice has the focus; there is always "Cancel".
 * @param {{ title: string, words: string | Node, choices: Choice[] }} question
 * @returns {Promise<string | null>} the value of the choice, null for none
 */
export function ask({ title, words, choices }) {
  const heading = element("h2", "dialog-title", title);
  heading.id = "question-title";
  const body = element("div", "dialog-words", words);
  body.id = "question-words";
  const buttons = choices.map(({ value, label, look = "" }) =>
    button(label, value, `button ${look}`.trim()),
  );
  const cancel = button(t("dialog.cancel"), "", "button quiet");
  const row = element("div", "dialog-buttons", cancel, ...buttons.toReversed());
  const dialog = /** @type {HTMLDialogElement} */ (
    element("dialog", "dialog question", element("div", "grip"), heading, body, row)
  );
  dialog.setAttribute("aria-labelledby", heading.id);
  dialog.setAttribute("aria-describedby", body.id);
  document.body.append(dialog);
  return new Promise((resolve) => {
    openDialog(dialog, {
      focus: buttons[0] ?? cancel,
      closed: () => {
        dialog.remove();
        resolve(dialog.returnValue || null);
      },
    });
  });
}

/** The cross at the top right. */
export function closeButton() {
  const made = button("", "", "icon-button dialog-close");
  made.setAttribute("aria-label", t("dialog.close"));
  made.append(icon("close"));
  return made;
}

/** @param {string} label @param {string} value @param {string} className */
function button(label, value, className) {
  const made = /** @type {HTMLButtonElement} */ (element("button", className, label));
  made.type = "button";
  made.dataset.close = value;
  return made;
}

/** @param {HTMLDialogElement} dialog */
function listen(dialog) {
  // From the press on: a selection of text that ends beside the dialog is no click there.
  dialog.addEventListener("pointerdown", (event) => {
    if (event.target === dialog && !isInside(dialog.getBoundingClientRect(), event)) {
      event.preventDefault();
      dialog.close();
    }
  });
  dialog.addEventListener("click", (event) => {
    const closing = event.target instanceof Element ? event.target.closest("[data-close]") : null;
    if (closing instanceof HTMLElement) dialog.close(closing.dataset.close);
  });
}

/** @param {DOMRect} box @param {PointerEvent} event */
function isInside({ left, right, top, bottom }, { clientX, clientY }) {
  return clientX >= left && clientX <= right && clientY >= top && clientY <= bottom;
}

/**
 * Where the focus goes back to: a row of a menu is gone by then, its button is not.
 * @param {Element | null} focused
 * @returns {HTMLElement | null}
 */
function openerOf(focused) {
  const menu = focused?.closest("[popover]");
  const opener = menu ? document.querySelector(`[popovertarget="${menu.id}"]`) : focused;
  return opener instanceof HTMLElement ? opener : null;
}
