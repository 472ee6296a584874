/**
 * The carets and selections of others, as state of the editor: they move along with the text.
 *
 * Their rules are in `flags.js`; they are drawn by `caret_layer.js` and `tint_layer.js`, over and
 * under the text, so that they never change its layout.
 */
import { StateEffect, StateField } from "@codemirror/state";
import { FADE_MS } from "./flags.js";

/** @typedef {import("@codemirror/view").EditorView} EditorView */
/** @typedef {import("./flags.js").RemoteCaret} RemoteCaret */

/** @type {import("@codemirror/state").StateEffectType<RemoteCaret[]>} */
export const setRemoteCarets = StateEffect.define();

/** @type {StateField<RemoteCaret[]>} */
export const remoteCarets = StateField.define({
  create: () => /** @type {RemoteCaret[]} */ ([]),
  update(carets, transaction) {
    let current = carets;
    if (transaction.docChanged && current.length > 0) {
      const { changes } = transaction;
      current = current.map((caret) => ({
        ...caret,
        selections: caret.selections.map(([anchor, head]) => [
          changes.mapPos(anchor, -1),
          changes.mapPos(head, -1),
        ]),
      }));
    }
    for (const effect of transaction.effects)
      if (effect.is(setRemoteCarets)) current = effect.value;
    return current;
  },
});

/** Whether carets may have moved or look otherwise. @param {import("@codemirror/view").ViewUpdate} update */
export function caretsChanged(update) {
  return (
    update.docChanged ||
    update.selectionSet ||
    update.viewportChanged ||
    update.geometryChanged ||
    update.startState.field(remoteCarets) !== update.state.field(remoteCarets)
  );
}

/** Those who are here, or are just fading away. @param {EditorView} view @param {number} now */
export function shownCarets(view, now) {
  return view.state
    .field(remoteCarets)
    .filter(({ leftAt }) => leftAt === null || now - leftAt < FADE_MS);
}

/** Those who are here and have a caret. @param {EditorView} view */
export function presentCarets(view) {
  return view.state
    .field(remoteCarets)
    .filter(({ leftAt, selections }) => leftAt === null && selections.length > 0);
}

/** Layers are painted from the top left of the scrolled text. @param {EditorView} view */
export function layerOrigin(view) {
  const { scrollDOM } = view;
  const box = scrollDOM.getBoundingClientRect();
  return { x: box.left - scrollDOM.scrollLeft, y: box.top - scrollDOM.scrollTop };
}

/**
 * The place of a caret on screen; null outside of what is drawn.
 * @param {EditorView} view @param {number} position
 */
export function rowAt(view, position) {
  if (position < view.viewport.from || position > view.viewport.to) return null;
  return view.coordsAtPos(position, position === view.state.doc.lineAt(position).from ? 1 : -1);
}
