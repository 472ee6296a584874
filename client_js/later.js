/**
 * Parts of the page that nobody needs in its first seconds: loaded in a quiet moment, so that the
 * text comes first, and so that they are there when they are asked for.
 */

/** How long after the page: the text comes first. */
const LOAD_AFTER_MS = 2_000;

/** Without a connection it is tried again after this. */
const AGAIN_AFTER_MS = 10_000;

/** What came at another try, by its address. @type {Map<string, Promise<any>>} */
const again = new Map();

/** Makes another address of the same file. */
let tries = 0;

/**
 * An import that can be tried again: browsers remember for good that a file could not be had.
 * @template T
 * @param {() => Promise<T>} load  an import
 * @returns {Promise<T>}
 */
export async function loadPart(load) {
  try {
    return await load();
  } catch (error) {
    const [file] = /https?:\S+\.js/.exec(String(error)) ?? [];
    if (file === undefined) throw error;
    const loaded = again.get(file) ?? import(`${file}?again=${++tries}`);
    again.set(file, loaded);
    loaded.catch(() => again.delete(file));
    return loaded;
  }
}

/**
 * @template T
 * @param {() => Promise<T>} load  an import; asked for again, it gives the same
 * @param {(loaded: T) => void} [use]  as soon as it is there
 */
export function loadLater(load, use = () => {}) {
  const attempt = () => loadPart(load).then(use, () => setTimeout(attempt, AGAIN_AFTER_MS));
  setTimeout(attempt, LOAD_AFTER_MS);
}
