/**
 * The share dialog: the two links, each with a copy button, what view-only visitors may see, and a
 * new link for them.
 */
import { copy } from "./clipboard.js";
import { openDialog } from "./dialog.js";
import { byId, setText } from "./dom.js";
import { loadPart } from "./later.js";
import { ENDED } from "./status.js";
import { t } from "./strings.js";
import { showToast } from "./toast.js";

/** @typedef {import("./page.js").PadPage} PadPage */

/** @param {PadPage} page */
export function setUpShare(page) {
  const dialog = byId("share", HTMLDialogElement);
  const edit = page.readOnly ? null : setUpLink("edit-link", page.address).field;
  const key = page.readOnly ? page.id : document.body.dataset.viewKey;
  const view = setUpLink("view-link", key ? `/v/${key}` : null);
  setUpHistorySwitch(page);
  setUpNewLink(page, view);
  setUpElsewhere(page, edit ?? view.field);
  byId("edit-link", HTMLElement).hidden = page.readOnly;
  byId("view-history-row", HTMLElement).hidden = page.readOnly;
  const showHere = () =>
    setText(byId("share-here", HTMLElement), t("share.here", { count: page.state.people.length }));
  page.on("people", showHere);
  // What a banner says now is not hidden by links that lead nowhere.
  page.on("state", () => {
    if (ENDED.has(page.state.phase)) dialog.close();
  });
  page.commands.add({
    id: "pad.share",
    title: t("commands.share"),
    group: "pad",
    icon: "link",
    run: () => {
      showHere();
      openDialog(dialog, { focus: edit ?? view.field });
    },
  });
}

/**
 * The field shows the link as people say it, without "https://"; what is copied is all of it.
 * @param {string} id  of the part of the dialog
 * @param {string | null} path  null if there is no such link
 */
function setUpLink(id, path) {
  const field = byId(`${id}-field`, HTMLInputElement);
  byId(id, HTMLElement).hidden = path === null;
  let link = "";
  /** @param {string | null} path */
  const show = (path) => {
    link = location.origin + path;
    field.value = link.replace(/^https?:\/\//, "");
  };
  show(path);
  field.addEventListener("focus", () => field.select());
  field.addEventListener("copy", (event) => {
    event.preventDefault();
    event.clipboardData?.setData("text/plain", link);
  });
  const button = /** @type {HTMLElement} */ (field.nextElementSibling);
  button.addEventListener("click", () =>
    copy(link, button, () => {
      const help = byId(`${id}-help`, HTMLElement);
      help.classList.add("error");
      setText(help, t("pad.cannotCopy"));
      field.focus();
    }),
  );
  return { field, show };
}

/**
 * The server makes the new one, and tells all who may know it.
 * @param {PadPage} page @param {{ show: (path: string) => void }} link
 */
function setUpNewLink(page, link) {
  const button = byId("new-view-link", HTMLButtonElement);
  button.hidden = page.readOnly;
  button.addEventListener("click", async () => {
    const question = () => import("./new_link.js");
    const asked = loadPart(question).then(({ askForNewLink }) => askForNewLink(page));
    if (!(await asked.catch(() => false))) showToast(t("share.needsConnection"));
  });
  let shown = document.body.dataset.viewKey ?? null;
  page.on("state", () => {
    const online = page.state.phase === "online";
    button.disabled = !online;
    button.title = online ? "" : t("share.needsConnection");
    const { viewKey } = page.state;
    if (viewKey === null || viewKey === shown) return;
    shown = viewKey;
    link.show(`/v/${viewKey}`);
  });
}

/** @param {PadPage} page */
function setUpHistorySwitch(page) {
  const toggle = byId("view-history", HTMLInputElement);
  toggle.addEventListener("change", () => {
    if (!page.session.setProperties({ viewHistory: toggle.checked }))
      toggle.checked = page.state.viewHistory;
  });
  page.on("state", () => {
    const online = page.state.phase === "online";
    toggle.checked = page.state.viewHistory;
    toggle.disabled = !online;
    byId("view-history-row", HTMLElement).title = online ? "" : t("share.needsConnection");
  });
}

/** Phones hand a link to any app. @param {PadPage} page @param {HTMLInputElement} field */
function setUpElsewhere(page, field) {
  const button = byId("share-elsewhere", HTMLElement);
  const touch = matchMedia("(pointer: coarse)").matches;
  button.hidden = !touch || navigator.share === undefined;
  button.addEventListener("click", () => {
    const url = `${location.protocol}//${field.value}`;
    // Whoever changes their mind there has not met an error here.
    navigator.share({ title: page.state.title, url }).catch(() => {});
  });
}
