/**
 * From the start page to the pad that it makes, in the same tab: the text comes from a file.
 */
const KEY = "deltapad.startedFromFile";

/** The pad that opens next in this tab is made from a file. */
export function startFromFile() {
  try {
    sessionStorage.setItem(KEY, "yes");
  } catch {
    // A browser that keeps nothing: then the pad starts as Markdown.
  }
}

/** Whether this pad was, asked once. */
export function startedFromFile() {
  try {
    const started = sessionStorage.getItem(KEY) !== null;
    sessionStorage.removeItem(KEY);
    return started;
  } catch {
    return false;
  }
}
