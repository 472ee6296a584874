/**
 * Where the others are in the text: for the list of people, the chip, the rail, and in words.
 */
import { presentCarets } from "./carets.js";
import { FLAG_MS, IDLE_MS } from "./flags.js";
import { t } from "./strings.js";
import { toCodePoints } from "./utf16.js";

/** @typedef {import("@codemirror/view").EditorView} EditorView */

/**
 * @typedef {object} Place
 * @property {number} line
 * @property {number} selected  code points
 * @property {"above" | "below" | null} outside  of the view
 * @property {boolean} typing
 * @property {number} idleMs
 */

/** @param {EditorView} view @returns {Map<string, Place>} by session */
export function placesOf(view) {
  const { doc } = view.state;
  const now = Date.now();
  return new Map(
    presentCarets(view).map(({ session, selections, typedAt, activeAt }) => {
      const [anchor, head] = selections[0];
      const place = {
        line: doc.lineAt(head).number,
        selected: anchor === head ? 0 : Math.abs(toCodePoints(doc, anchor) - toCodePoints(doc, head)),
        outside: outsideView(view, head),
        typing: now - typedAt < FLAG_MS,
        idleMs: now - activeAt,
      };
      return [session, place];
    }),
  );
}

/** When each one was last active, by session. @param {EditorView} view */
export function activityOf(view) {
  return new Map(presentCarets(view).map(({ session, activeAt }) => [session, activeAt]));
}

/** The main caret of somebody. @param {EditorView} view @param {string} session @returns {number | null} */
export function headOf(view, session) {
  const caret = presentCarets(view).find((candidate) => candidate.session === session);
  return caret?.selections[0][1] ?? null;
}

/** @param {EditorView} view @param {number} offset @returns {"above" | "below" | null} */
export function outsideView(view, offset) {
  const { scrollDOM, documentPadding } = view;
  const block = view.lineBlockAt(offset);
  const top = block.top + documentPadding.top - scrollDOM.scrollTop;
  if (top + block.height <= 0) return "above";
  return top >= scrollDOM.clientHeight ? "below" : null;
}

/**
 * What somebody is doing, in words.
 * @param {{ role?: string, history?: number | null }} person @param {Place | undefined} place
 */
export function placeText({ role, history }, place) {
  if (typeof history === "number") return t("people.inHistory");
  if (role === "read") return t("people.viewOnly");
  if (!place) return t("people.reading");
  const { selected, outside, typing, idleMs } = place;
  const line = String(place.line);
  if (idleMs >= IDLE_MS) return t("people.idle", { count: Math.floor(idleMs / 60_000) });
  if (selected > 0) return t("people.selected", { count: selected, line });
  if (typing) return t("people.typing", { line });
  return outside ? t(`people.${outside}`, { line }) : t("people.line", { line });
}
