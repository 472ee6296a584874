/**
 * The text that the page has brought, in the form that serves browsers without scripts: shown at
 * the first paint, and taken over here, so that it need not come a second time.
 */

/**
 * @typedef {object} Brought
 * @property {string} text  as the server has it at `revision`
 * @property {number} revision
 * @property {string} epoch
 * @property {boolean} kept  not by the server, just now, but by the service worker
 * @property {string} typed  with what was typed before this script came
 * @property {boolean} focused
 * @property {number} caret  UTF-16 offset in `typed`
 */

/**
 * Takes the form out of the page. Nothing if there is none, or if its text is not exactly that of
 * the pad: HTML has no carriage returns.
 * @returns {Brought | undefined}
 */
export function takePageText() {
  const form = document.getElementById("plain");
  if (!(form instanceof HTMLFormElement)) return undefined;
  const area = /** @type {HTMLTextAreaElement} */ (form.elements.namedItem("text"));
  const value = (/** @type {string} */ name) =>
    /** @type {HTMLInputElement} */ (form.elements.namedItem(name)).value;
  const brought = {
    text: area.defaultValue,
    revision: Number(value("base")),
    epoch: value("epoch"),
    kept: wasKept(),
    typed: area.value,
    focused: document.activeElement === area,
    caret: area.selectionStart,
  };
  form.remove();
  return form.dataset.exact === "true" ? brought : undefined;
}

/** Whether the service worker has marked the page. */
function wasKept() {
  const [visit] = performance.getEntriesByType("navigation");
  const marks = visit instanceof PerformanceNavigationTiming ? visit.serverTiming : undefined;
  return marks?.some(({ name }) => name === "kept") ?? false;
}

/**
 * What was typed, as one change of the text.
 * @param {string} before @param {string} after
 * @returns {{ from: number, to: number, insert: string }}
 */
export function typedChange(before, after) {
  const shortest = Math.min(before.length, after.length);
  let from = 0;
  while (from < shortest && before[from] === after[from]) from += 1;
  let end = 0;
  while (end < shortest - from && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  return { from, to: before.length - end, insert: after.slice(from, after.length - end) };
}
