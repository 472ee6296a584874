/**
 * Copying, with an answer that can be seen: "Copied" on the button, or the text selected to be
 * copied by hand.
 */
import { byId, setText } from "./dom.js";
import { t } from "./strings.js";
import { showToast } from "./toast.js";

const COPIED_MS = 2_000;

/**
 * @param {string} text
 * @returns {Promise<boolean>} whether it is in the clipboard
 */
async function copyText(text) {
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

/** Since when a button says "Copied", and what it said before. @type {WeakMap<HTMLElement, { words: string, timer: ReturnType<typeof setTimeout> }>} */
const answered = new WeakMap();

/**
 * Copies, and says so: on the button for a moment, or in a toast when there is none.
 * @param {string} text @param {HTMLElement} [button]
 * @param {() => void} [refused]  when the browser copies nothing; else the text is shown to be
 *   copied by hand
 */
export async function copy(text, button, refused = () => showForCopying(text)) {
  if (await copyText(text)) sayCopied(button);
  else refused();
}

/**
 * Copies for programs that take a text as it looks, and for those that take plain text.
 * @param {{ html: string, text: string }} forms @param {HTMLElement} [button]
 */
export function copyRich({ html, text }, button) {
  const give = (/** @type {ClipboardEvent} */ event) => {
    event.preventDefault();
    // Before whoever else would fill the clipboard.
    event.stopImmediatePropagation();
    event.clipboardData?.setData("text/html", html);
    event.clipboardData?.setData("text/plain", text);
  };
  addEventListener("copy", give, { capture: true, once: true });
  if (document.execCommand("copy")) sayCopied(button);
  else showForCopying(text);
  removeEventListener("copy", give, { capture: true });
}

/** @param {HTMLElement} [button] */
function sayCopied(button) {
  if (button === undefined) {
    showToast(t("pad.copied"));
    return;
  }
  const label = button.querySelector("span") ?? button;
  const before = answered.get(label);
  clearTimeout(before?.timer);
  const words = before?.words ?? label.textContent ?? "";
  setText(label, t("pad.copied"));
  button.classList.add("copied");
  const timer = setTimeout(() => {
    setText(label, words);
    button.classList.remove("copied");
    answered.delete(label);
  }, COPIED_MS);
  answered.set(label, { words, timer });
}

/** @param {string} text */
function showForCopying(text) {
  const field = byId("copy-field", HTMLInputElement);
  field.value = text;
  byId("copy-by-hand", HTMLElement).showPopover();
  field.focus();
  field.select();
}

/** Hands a text to the browser as a file. @param {string} name @param {string} text @param {string} [type] */
export function downloadText(name, text, type = "text/markdown") {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  link.download = name;
  link.click();
  // The download has begun with the click; the address is of no more use a while later.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
