/**
 * A short word at the bottom left: one at a time, gone after some seconds, never the only place of
 * an error.
 */
import { byId, element } from "./dom.js";

const SHOWN_MS = 5_000;

/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/**
 * @param {string} words
 * @param {{ label: string, run: () => void }} [action]  a button beside the words
 */
export function showToast(words, action) {
  const toast = byId("toast", HTMLElement);
  toast.replaceChildren(element("span", "", words));
  if (action) {
    const button = element("button", "link-button", action.label);
    button.setAttribute("type", "button");
    button.addEventListener("click", () => {
      hideToast();
      action.run();
    });
    toast.append(button);
  }
  toast.hidden = false;
  startTimer();
}

/** Whoever is about to press the button gets the time for it. */
export function setUpToast() {
  const toast = byId("toast", HTMLElement);
  for (const type of ["pointerenter", "focusin"])
    toast.addEventListener(type, () => clearTimeout(timer));
  for (const type of ["pointerleave", "focusout"]) toast.addEventListener(type, startTimer);
}

export function hideToast() {
  clearTimeout(timer);
  byId("toast", HTMLElement).hidden = true;
}

function startTimer() {
  clearTimeout(timer);
  timer = setTimeout(hideToast, SHOWN_MS);
}
