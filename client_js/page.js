/**
 * What the parts of the pad page share, and how they hear of each other.
 *
 * Each part is a function `setUp…(page)` in a file of its own; pad.js puts them together. A part
 * listens (`page.on("text", …)`), adds commands, and asks editor and session for the rest.
 */
import { Commands } from "./commands.js";

/**
 * @typedef {object} Events
 * @property {() => void} state  of the session: connection, revision, title, role
 * @property {() => void} people  came, went or changed
 * @property {(message: import("./session.js").Frame, known: number, pending: import("./operation.js").Operation[]) => void} entries  a frame is on the screen; the revision before it, and what waits after it
 * @property {(update: import("@codemirror/view").ViewUpdate) => void} update  of the editor's view: text, selection, scrolling, size
 */

export class PadPage {
  commands = new Commands();
  // pad.js makes these, before any part is set up.
  /** @type {import("./editor.js").PadEditor} */
  editor = /** @type {any} */ (null);
  /** @type {import("./session.js").PadSession} */
  session = /** @type {any} */ (null);
  /** @type {import("./people.js").PeopleView} */
  people = /** @type {any} */ (null);
  /** @type {{ [E in keyof Events]: Set<Events[E]> }} */
  #listeners = { state: new Set(), people: new Set(), entries: new Set(), update: new Set() };

  /** @param {{ id: string, address: string, readOnly: boolean }} options */
  constructor({ id, address, readOnly }) {
    /** The id of the pad; for a view-only visitor, the key of the link. */
    this.id = id;
    /** Where this page is, and below it what belongs to the pad: "/p/{id}" or "/v/{key}". */
    this.address = address;
    /** Whether it was opened by the view-only link. */
    this.readOnly = readOnly;
  }

  get state() {
    return this.session.state;
  }

  /** An old text stands in the place of the one that is written. */
  get inHistory() {
    return document.body.classList.contains("in-history");
  }

  /** @template {keyof Events} E @param {E} event @param {Events[E]} listener */
  on(event, listener) {
    this.#listeners[event].add(listener);
  }

  /** @template {keyof Events} E @param {E} event @param {Parameters<Events[E]>} values */
  tell(event, ...values) {
    for (const listener of this.#listeners[event]) {
      try {
        /** @type {(...values: any[]) => void} */ (listener)(...values);
      } catch (error) {
        // A part that fails stops neither the others nor what is typed on its way.
        reportError(error);
      }
    }
  }
}
