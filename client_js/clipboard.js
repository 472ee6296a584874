/**
 * Copying, with an answer that can be seen: "Copied" on the button, or the text selected to be
 * copied by hand.
 */
import { byId, setText } from "./dom.js";

const COPIED_MS = 2_000;

/**
 * @param {string} text
 * @returns {Promise<boolean>} whether it is in the clipboard
 */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No permission, or a page that is not served securely: the older way works in both.
    return copyBySelecting(text);
  }
}

/** @param {string} text */
function copyBySelecting(text) {
  const focused = document.activeElement;
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "visually-hidden";
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return copied;
}

/**
 * Copies when the button is pressed; its label says "Copied" for a moment.
 * @param {HTMLElement} button @param {() => string} text
 */
export function copyOnClick(button, text) {
  const label = button.querySelector("span") ?? button;
  const words = label.textContent ?? "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  button.addEventListener("click", async () => {
    if (!(await copyText(text()))) {
      showForCopying(text());
      return;
    }
    setText(label, "Copied");
    clearTimeout(timer);
    timer = setTimeout(() => setText(label, words), COPIED_MS);
  });
}

/** @param {string} text */
function showForCopying(text) {
  const field = byId("copy-field", HTMLInputElement);
  field.value = text;
  byId("copy-by-hand", HTMLElement).showPopover();
  field.focus();
  field.select();
}

/** Hands a text to the browser as a file. @param {string} name @param {string} text */
export function downloadText(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/markdown;charset=utf-8" }));
  link.download = name;
  link.click();
  // The download has begun with the click; the address is of no more use a while later.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
