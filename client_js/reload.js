/**
 * What outlives a reload of the tab: the colour that the server gave, the caret, and the line at
 * the top of the view. To the others it is as if nothing had happened.
 */
import { EditorView } from "@codemirror/view";

/**
 * @typedef {object} Kept
 * @property {number} color
 * @property {number} anchor  UTF-16 offsets
 * @property {number} head
 * @property {number} top
 */

/** @param {string} pad */
const keyOf = (pad) => `deltapad.tab.${pad}`;

/** @param {string} pad @returns {Kept | null} */
function kept(pad) {
  try {
    return JSON.parse(sessionStorage.getItem(keyOf(pad)) ?? "null");
  } catch {
    return null;
  }
}

/** The colour that this tab had in the pad; 0 for none. @param {string} pad */
export function colorBefore(pad) {
  return kept(pad)?.color ?? 0;
}

/** @param {import("./page.js").PadPage} page */
export function setUpReload(page) {
  const { view } = page.editor;
  let before = kept(page.id);
  page.on("state", () => {
    if (before === null || !page.editor.ready) return;
    const { length } = view.state.doc;
    const [anchor, head, top] = [before.anchor, before.head, before.top].map((position) =>
      Math.min(position, length),
    );
    before = null;
    view.dispatch({
      selection: { anchor, head },
      effects: EditorView.scrollIntoView(top, { y: "start", yMargin: 0 }),
    });
  });
  addEventListener("pagehide", () => {
    const color = page.state.people.find(({ me }) => me)?.color ?? 0;
    const { anchor, head } = view.state.selection.main;
    const above = view.scrollDOM.scrollTop - view.documentPadding.top;
    const top = view.lineBlockAtHeight(Math.max(0, above)).from;
    try {
      sessionStorage.setItem(keyOf(page.id), JSON.stringify({ color, anchor, head, top }));
    } catch {
      // Without a store a reload begins anew.
    }
  });
}
