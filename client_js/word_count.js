/**
 * Counting the words of a text without holding up the page: once in slices, while the browser has
 * nothing else to do, and from then on only what changes.
 */

/** @typedef {import("@codemirror/state").Text} Text */

const WORD = /[\p{L}\p{N}][\p{L}\p{N}\p{M}'’-]*/gu;

/** A slice ends after this, whatever the browser allows. */
const SLICE_MS = 8;

/** A longer run without a blank is cut there, before a change and after it alike. */
const WORD_MAX = 1_000;

/** The time is looked at after so many UTF-16 units. */
const STEP = 20_000;

/**
 * Who has no idle time to give, as Safari, gets a slice after everything that waits.
 * @param {() => void} slice
 */
const whenIdle = (slice) =>
  "requestIdleCallback" in globalThis ? requestIdleCallback(slice) : setTimeout(slice);

/**
 * @param {Iterable<string>} chunks  none cuts a word in two
 * @param {{ signal: AbortSignal, later?: (slice: () => void) => void, now?: () => number }} options
 * @returns {Promise<number>} never, once `signal` has been given
 */
export function countWords(chunks, { signal, later = whenIdle, now = () => performance.now() }) {
  const rest = chunks[Symbol.iterator]();
  let words = 0;
  return new Promise((resolve) => {
    const slice = () => {
      const end = now() + SLICE_MS;
      while (!signal.aborted) {
        const [counted, isEnd] = wordsInStep(rest);
        words += counted;
        if (isEnd) return resolve(words);
        if (now() >= end) return later(slice);
      }
    };
    later(slice);
  });
}

/**
 * By how many words a change makes a text longer. Only what stands between the spaces around it
 * is read, or a key in a very long line would take long.
 * @param {import("@codemirror/state").ChangeDesc} changes
 * @param {Text} before @param {Text} after
 */
export function wordsAdded(changes, before, after) {
  let words = 0;
  changes.iterChangedRanges((fromA, toA, fromB, toB) => {
    words += wordsBetween(after, fromB, toB) - wordsBetween(before, fromA, toA);
  });
  return words;
}

/** @param {Text} doc @param {number} from @param {number} to */
function wordsBetween(doc, from, to) {
  const [first, last] = [doc.lineAt(from), doc.lineAt(to)];
  let start = from - first.from;
  const startMin = Math.max(0, start - WORD_MAX);
  while (start > startMin && !/\s/.test(first.text[start - 1])) start -= 1;
  let end = to - last.from;
  const endMax = Math.min(last.length, end + WORD_MAX);
  while (end < endMax && !/\s/.test(last.text[end])) end += 1;
  return wordsIn(doc.sliceString(first.from + start, last.from + end));
}

/** @param {string} text */
function wordsIn(text) {
  return text.match(WORD)?.length ?? 0;
}

/** @param {Iterator<string>} rest @returns {[number, boolean]} */
function wordsInStep(rest) {
  let words = 0;
  for (let read = 0; read < STEP;) {
    const { value, done } = rest.next();
    if (done) return [words, true];
    words += wordsIn(value);
    read += value.length + 1;
  }
  return [words, false];
}
