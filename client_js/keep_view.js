/**
 * The line that one looks at stays where it is on screen, whatever comes in above it.
 *
 * CodeMirror sees to that when it measures, once in a frame, but it remembers the line only from
 * the newest update on: with two updates in a frame, what the first one has moved would be lost,
 * and the text would jump. So what is due is measured before the next update.
 */

/**
 * For the option `dispatchTransactions` of an editor.
 * @returns {(transactions: readonly import("@codemirror/state").Transaction[],
 *   view: import("@codemirror/view").EditorView) => void}
 */
export function keepView() {
  /** The height of the text as last measured, in pixels. */
  let known = 0;
  const measured = {
    key: {},
    /** @param {import("@codemirror/view").EditorView} view */
    read: (view) => {
      known = view.contentHeight;
    },
  };
  return (transactions, view) => {
    // Any question about heights has CodeMirror measure first.
    if (view.contentHeight !== known) view.lineBlockAtHeight(0);
    view.update(transactions);
    if (view.contentHeight !== known) view.requestMeasure(measured);
  };
}
