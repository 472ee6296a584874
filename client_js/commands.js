/**
 * Everything that one can have the page do, by name: buttons, keys, the palette and the sheet of
 * shortcuts all come here.
 *
 * A button runs a command by `data-command="id"`. No command is for keys alone.
 */
import { isShortcut } from "./keys.js";

/**
 * @typedef {"edit" | "format" | "view" | "people" | "pad"} Group
 *
 * @typedef {object} Command
 * @property {string} id  such as "format.bold"
 * @property {string} title  in the person's language
 * @property {Group} group
 * @property {import("./icons.js").IconName} [icon]
 * @property {string} [keys]  as in keys.js
 * @property {boolean} [inEditor]  the editor binds the keys itself, here they are only shown
 * @property {() => boolean} [available]  if not always
 * @property {() => boolean} [checked]  for what is on or off
 * @property {(button?: HTMLElement) => void} run  from a button, or from the keys or the palette
 */

export class Commands {
  /** @type {Map<string, Command>} */
  #byId = new Map();
  /** @type {(() => Command[])[]} */
  #providers = [];
  /** What Esc does when no layer is open, the newest first; each says whether it did something. @type {(() => boolean)[]} */
  #escapes = [];

  /** @param {...Command} commands */
  add(...commands) {
    for (const command of commands) this.#byId.set(command.id, command);
  }

  /** Commands that depend on what is there, such as one for each person. @param {() => Command[]} list */
  provide(list) {
    this.#providers.push(list);
  }

  /** Another thing to leave by Esc. @param {() => boolean} leave  whether there was something */
  addEscape(leave) {
    this.#escapes.unshift(leave);
  }

  /** All that can be done now. @returns {Command[]} */
  list() {
    const all = [...this.#byId.values(), ...this.#providers.flatMap((list) => list())];
    return all.filter((command) => command.available?.() ?? true);
  }

  /** Whether it is there, and can be done now. @param {string} id */
  has(id) {
    const command = this.#byId.get(id);
    return command !== undefined && (command.available?.() ?? true);
  }

  /** @param {string} id @param {HTMLElement} [button] */
  run(id, button) {
    const command = this.list().find((candidate) => candidate.id === id);
    command?.run(button);
  }

  /** Listen to the keys and the buttons of a page. @param {Document} page */
  attach(page) {
    page.addEventListener("keydown", (event) => this.#keydown(event));
    page.addEventListener("click", (event) => {
      const button =
        event.target instanceof Element ? event.target.closest("[data-command]") : null;
      if (button instanceof HTMLElement) this.run(button.dataset.command ?? "", button);
    });
  }

  /** @param {KeyboardEvent} event */
  #keydown(event) {
    if (event.defaultPrevented) return;
    if (event.key === "Escape" && !event.isComposing) {
      // Dialogs and popovers are closed by the browser.
      const layer = document.querySelector("dialog:modal, :popover-open");
      if (layer === null && this.#escapes.some((leave) => leave())) event.preventDefault();
      return;
    }
    // Letters are for the text; what is pressed most must cost least.
    if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) return;
    const command = this.list().find(
      ({ keys, inEditor }) => keys !== undefined && !inEditor && isShortcut(event, keys),
    );
    if (command === undefined) return;
    event.preventDefault();
    // A dialog is answered before anything else goes on.
    if (document.querySelector("dialog:modal") === null) command.run();
  }
}
