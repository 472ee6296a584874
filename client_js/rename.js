/**
 * The title of the pad: shown in the bar, the tab and the labels of the text, and renamed in place.
 */
import { Prec } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { byId, setText } from "./dom.js";
import { ENDED } from "./status.js";
import { t } from "./strings.js";

/** @param {import("./page.js").PadPage} page */
export function setUpTitle(page) {
  const button = byId("title", HTMLButtonElement);
  const form = byId("title-form", HTMLElement);
  const field = byId("title-field", HTMLInputElement);
  const help = byId("title-help", HTMLElement);
  let title = document.body.dataset.title ?? "";
  /** Where the focus goes back to. @type {HTMLElement} */
  let opener = button;

  page.editor.extend(
    Prec.high(EditorView.contentAttributes.of(() => ({ "aria-label": title }))),
  );
  page.on("state", () => {
    if (page.state.title && page.state.title !== title) show(page.state.title);
    button.disabled = page.state.role === "read";
    const { phase } = page.state;
    if (phase === "online") showHelp();
    // Nothing can be renamed any more, and the field's words would lie over those that say why.
    if (ENDED.has(phase) && !form.hidden) close();
  });
  button.addEventListener("click", open);
  field.addEventListener("keydown", (event) => {
    if (event.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
    event.stopPropagation();
    // Or the key would go on to where the focus goes.
    event.preventDefault();
    if (event.key === "Escape") close();
    else if (!save()) return;
    opener.focus();
  });
  field.addEventListener("blur", () => {
    if (!form.hidden) save();
  });
  page.commands.add({
    id: "pad.rename",
    title: t("commands.rename"),
    group: "pad",
    icon: "pencil",
    available: () => page.state.role !== "read" && !page.inHistory,
    run: open,
  });

  /** @param {string} changed */
  function show(changed) {
    title = changed;
    document.title = `${changed} · deltapad`;
    setText(button, changed);
    button.title = changed;
    byId("text", HTMLElement).setAttribute("aria-label", changed);
    // The editor asks for its label when it is updated.
    page.editor.view.dispatch({});
  }

  /** What the keys do, in place of what is missing. */
  function showHelp() {
    setText(help, t("pad.titleHelp"));
    help.classList.remove("error");
  }

  function open() {
    showHelp();
    field.value = title;
    const focused = document.activeElement;
    opener = focused instanceof HTMLElement && focused !== document.body ? focused : button;
    form.hidden = false;
    button.hidden = true;
    field.focus();
    field.select();
  }

  function close() {
    form.hidden = true;
    button.hidden = false;
  }

  /** @returns {boolean} whether the field is closed */
  function save() {
    const wanted = field.value.trim();
    if (wanted !== "" && wanted !== title && !page.session.setProperties({ title: wanted })) {
      setText(help, t("share.needsConnection"));
      help.classList.add("error");
      return false;
    }
    close();
    return true;
  }
}
