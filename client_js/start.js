/**
 * The form of the start page: says which address a name will make, and starts a pad from a file
 * that is chosen or dropped anywhere on the page, and stays here where there is no connection.
 * Without this script the form works as it is.
 */
import { slugOf, titleOfFile } from "./address.js";
import { byId, setText } from "./dom.js";
import { startFromFile } from "./started.js";
import { t } from "./strings.js";
import { textOf } from "./text_file.js";

/** More bytes than the longest text of a pad can have: it is not even read. */
const FILE_BYTES_MAX = 8_000_000;

/** A server that is slower than this is asked for the page all the same: the browser says so. */
const ASKED_MS_MAX = 3_000;

/** Whether it is just being asked. */
let asking = false;

export function setUpStart() {
  const form = byId("new-pad", HTMLFormElement);
  const name = byId("name", HTMLInputElement);
  const help = byId("name-help", HTMLElement);
  const hint = help.textContent ?? "";
  const showAddress = () => {
    const slug = slugOf(name.value);
    const address = `${form.dataset.origin}/p/${slug}-`;
    setText(help, slug ? t("home.address", { address }) : hint);
  };
  name.addEventListener("input", showAddress);
  // What was typed before a page is left is there when one comes back.
  addEventListener("pageshow", showAddress);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
  setUpFile(form, name);
}

/**
 * Sends the form, if there is somebody to send it to: or the browser would show a page of its own,
 * and the name be gone.
 * @param {HTMLFormElement} form @param {string} [text]  what the pad begins with
 */
async function send(form, text) {
  const error = byId("create-error", HTMLElement);
  // Pressed twice it makes one pad.
  if (asking) return;
  asking = true;
  setText(error, "");
  const there = await isThere();
  asking = false;
  if (!there) return setText(error, t("share.needsConnection"));
  const field = document.createElement("textarea");
  if (text !== undefined) {
    field.name = "text";
    field.hidden = true;
    field.value = text;
    form.append(field);
    startFromFile();
  }
  form.submit();
  // Gone for whoever comes back to the page and sends the form once more.
  field.remove();
}

/** Whether the server answers, whatever it says. */
async function isThere() {
  const signal = AbortSignal.timeout(ASKED_MS_MAX);
  try {
    await fetch("/healthz", { cache: "no-store", signal });
    return true;
  } catch {
    return signal.aborted;
  }
}

/** @param {HTMLFormElement} form @param {HTMLInputElement} name */
function setUpFile(form, name) {
  const field = byId("file", HTMLInputElement);
  field.addEventListener("change", () => {
    const file = field.files?.[0];
    // The same file can be chosen again, once it is mended.
    field.value = "";
    if (file) startFrom(file, form, name);
  });
  // In the capturing phase: the demo pad would take the file for itself.
  const carriesFiles = (/** @type {DragEvent} */ event) =>
    event.dataTransfer?.types.includes("Files") ?? false;
  let depth = 0;
  const show = () => document.body.classList.toggle("dropping", depth > 0);
  addEventListener("dragenter", (event) => {
    if (carriesFiles(event)) depth++;
    show();
  });
  addEventListener("dragleave", (event) => {
    if (carriesFiles(event)) depth--;
    show();
  });
  addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault(), true);
  addEventListener(
    "drop",
    (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      event.stopPropagation();
      depth = 0;
      show();
      const file = event.dataTransfer?.files[0];
      if (file) startFrom(file, form, name);
    },
    true,
  );
}

/** @param {File} file @param {HTMLFormElement} form @param {HTMLInputElement} name */
async function startFrom(file, form, name) {
  const error = byId("file-error", HTMLElement);
  setText(error, "");
  const text = file.size > FILE_BYTES_MAX ? null : await readText(file);
  if (text === null) {
    setText(error, t(file.size > FILE_BYTES_MAX ? "home.tooLarge" : "import.notText"));
    return;
  }
  if (!name.value.trim()) name.value = titleOfFile(file.name);
  await send(form, text);
}

/** A folder can be dropped like a file, and cannot be read. @param {File} file */
async function readText(file) {
  try {
    return textOf(new Uint8Array(await file.arrayBuffer()));
  } catch {
    return null;
  }
}
