/**
 * A full pad: what would make it too long is not typed at all, and a word says why. The server
 * would refuse it, and everything typed after it with it.
 */
import { EditorState, Transaction } from "@codemirror/state";
import { locale, t } from "./strings.js";
import { showToast } from "./toast.js";

const SIZES = /** @type {const} */ ([
  ["megabyte", 1_000_000],
  ["kilobyte", 1_000],
  ["byte", 1],
]);

/** @param {import("./page.js").PadPage} page */
export function setUpPadLimit(page) {
  page.editor.extend(
    EditorState.transactionFilter.of((transaction) => {
      const lengthMax = page.state.limits?.pad_length ?? Infinity;
      if (!isTooLong(transaction, lengthMax)) return transaction;
      showToast(t("pad.full", { size: sizeWords(lengthMax) }));
      return [];
    }),
  );
}

/** @param {Transaction} transaction @param {number} lengthMax  code points */
function isTooLong(transaction, lengthMax) {
  if (!transaction.docChanged || transaction.annotation(Transaction.remote)) return false;
  const [before, after] = [transaction.startState.doc, transaction.newDoc];
  // Removing is always fine. UTF-16 units are never fewer than code points: nearly always enough.
  if (after.length <= before.length || after.length <= lengthMax) return false;
  return codePoints(after) > lengthMax;
}

/** @param {import("@codemirror/state").Text} doc */
function codePoints(doc) {
  let low = 0;
  for (const chunk of doc.iter()) low += chunk.match(/[\uDC00-\uDFFF]/g)?.length ?? 0;
  return doc.length - low;
}

/** Such as "2 MB". @param {number} bytes */
export function sizeWords(bytes) {
  const [unit, size] = SIZES.find(([, least]) => bytes >= least) ?? SIZES[2];
  return new Intl.NumberFormat(locale, {
    style: "unit",
    unit,
    unitDisplay: "short",
    maximumFractionDigits: 1,
  }).format(bytes / size);
}
