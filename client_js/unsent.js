/**
 * Remembers what was typed since everything was last saved, and underlines it while there is no
 * connection.
 */
import { StateEffect, StateField, Transaction } from "@codemirror/state";
import { Decoration, EditorView } from "@codemirror/view";

/** Everything has been acknowledged. @type {import("@codemirror/state").StateEffectType<null>} */
const saved = StateEffect.define();

/** @type {import("@codemirror/state").StateEffectType<boolean>} */
const show = StateEffect.define();

const underline = Decoration.mark({ class: "unsent" });

/** @type {StateField<{ marks: import("@codemirror/view").DecorationSet, shown: boolean }>} */
const unsent = StateField.define({
  create: () => ({ marks: Decoration.none, shown: /** @type {boolean} */ (false) }),
  update(value, transaction) {
    let { marks, shown } = value;
    for (const effect of transaction.effects) {
      if (effect.is(saved)) marks = Decoration.none;
      if (effect.is(show)) shown = effect.value;
    }
    if (transaction.docChanged) {
      marks = marks.map(transaction.changes);
      if (!transaction.annotation(Transaction.remote)) {
        transaction.changes.iterChanges((_fromA, _toA, from, to) => {
          if (to > from) marks = withMark(marks, from, to);
        });
      }
    }
    return marks === value.marks && shown === value.shown ? value : { marks, shown };
  },
  // No marks in the text while the connection stands: they would come and go with every letter.
  provide: (field) =>
    EditorView.decorations.from(field, ({ marks, shown }) => (shown ? marks : Decoration.none)),
});

export const unsentMarks = unsent;

/**
 * One mark for a stretch, not one for each letter.
 * @param {import("@codemirror/view").DecorationSet} marks
 * @param {number} from
 * @param {number} to
 */
function withMark(marks, from, to) {
  let [start, end] = [from, to];
  marks.between(from, to, (markFrom, markTo) => {
    start = Math.min(start, markFrom);
    end = Math.max(end, markTo);
  });
  return marks.update({
    filterFrom: start,
    filterTo: end,
    filter: () => false,
    add: [underline.range(start, end)],
  });
}

/** @param {EditorView} view @param {{ offline: boolean, pending: boolean }} state */
export function showUnsent(view, { offline, pending }) {
  const { marks, shown } = view.state.field(unsent);
  /** @type {StateEffect<any>[]} */
  const effects = [];
  if (!pending && marks.size > 0) effects.push(saved.of(null));
  if (shown !== offline) effects.push(show.of(offline));
  if (effects.length > 0) view.dispatch({ effects });
}
