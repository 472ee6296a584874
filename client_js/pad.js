/**
 * The pad page: puts profile, editor, session, people and status together.
 */
import { chooseTheme, chosenTheme } from "./appearance.js";
import { copyOnClick, downloadText } from "./clipboard.js";
import { byId } from "./dom.js";
import { PadEditor } from "./editor.js";
import { PeopleView } from "./people.js";
import { attachPopover } from "./popover.js";
import { guestName, isSecondOfTheName, loadProfile, saveName } from "./profile.js";
import { excerptOf, recentPads, rememberPad } from "./recent.js";
import { PadSession } from "./session.js";
import { counted, setFigure, StatusView } from "./status.js";

/** Counting words reads the whole text, so it waits for a pause. */
const FIGURES_AFTER_MS = 300;
const RECENT_AFTER_MS = 2_000;
const TOAST_MS = 5_000;

/** What the list of recent pads is made from. */
const EXCERPT_SOURCE_LENGTH = 2_000;

const pad = document.body.dataset.pad ?? "";
let title = document.body.dataset.title ?? "";
const profile = loadProfile();

const editor = new PadEditor({
  parent: byId("text", HTMLElement),
  label: title,
  nonce: document.querySelector('meta[name="csp-nonce"]')?.getAttribute("content") ?? "",
  onEdit: (op) => session.edit(op),
  onSelection: () => session.selectionChanged(),
  onChange: textChanged,
});

const session = new PadSession({
  pad,
  socketUrl: `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/ws/${pad}`,
  profile,
  editor,
  onChange: (kind) => (kind === "people" ? peopleChanged() : stateChanged()),
});

const status = new StatusView({ state: () => session.state, tryNow: () => session.tryNow() });

const people = new PeopleView({
  people: () => session.state.people,
  connected: () => session.state.phase === "online",
  editor,
  profile,
  setProfile: (changed) => session.setProfile(changed),
});

let shownPhase = session.state.phase;

setUpMenus();
setUpKeys();
setUpTools();
addEventListener("beforeunload", (event) => {
  // Edits that are on no disk and not with the server would be gone.
  if (session.state.unsent > 0 && !session.state.storedLocally) event.preventDefault();
});
status.update();
session.open();
function stateChanged() {
  const { phase, title: newTitle, role, unsent } = session.state;
  if (newTitle && newTitle !== title) showTitle(newTitle);
  if (editor.ready) {
    showFirstText();
    // What is typed after a refusal would be lost like what was refused.
    editor.setWritable(role !== "read" && !["refused", "replaced", "gone"].includes(phase));
  }
  // Grey rings and ghost carets: what is shown of others is only the last that was heard.
  document.body.classList.toggle(
    "offline",
    !["connecting", "online", "reconnecting"].includes(phase),
  );
  editor.showUnsent({ offline: phase === "offline", pending: unsent > 0 });
  status.update();
  if (phase !== shownPhase) people.update();
  shownPhase = phase;
  rememberSoon();
}

function peopleChanged() {
  if (isSecondOfTheName(session.state.people)) {
    const name = guestName(Math.random());
    saveName(name);
    people.changeProfile({ name });
  }
  people.update();
}

function showFirstText() {
  const skeleton = byId("skeleton", HTMLElement);
  if (skeleton.hidden) return;
  skeleton.hidden = true;
  // The pen lies ready on a desk; on a phone the keyboard would jump up uninvited.
  if (matchMedia("(pointer: fine)").matches && document.activeElement === document.body)
    editor.focus();
}

/** @param {string} newTitle */
function showTitle(newTitle) {
  title = newTitle;
  document.title = `${newTitle} · deltapad`;
  const heading = document.querySelector(".bar-title");
  heading?.replaceChildren(newTitle);
  heading?.setAttribute("title", newTitle);
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let figuresTimer;

function textChanged() {
  const { line, column, selected } = editor.caret();
  setFigure(
    "place",
    selected > 0 ? `${selected.toLocaleString()} selected` : `Ln ${line}, Col ${column}`,
  );
  clearTimeout(figuresTimer);
  figuresTimer = setTimeout(
    () => setFigure("words", counted(countWords(), "word", "words")),
    FIGURES_AFTER_MS,
  );
}

function countWords() {
  let words = 0;
  for (const chunk of editor.doc.iter())
    words += chunk.match(/[\p{L}\p{N}][\p{L}\p{N}\p{M}'’-]*/gu)?.length ?? 0;
  return words;
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let recentTimer;
let rememberedRevision = -1;

/** The list of recent pads follows, but not with every letter. */
function rememberSoon() {
  if (session.state.revision === rememberedRevision || recentTimer !== undefined) return;
  recentTimer = setTimeout(() => {
    recentTimer = undefined;
    if (session.state.phase !== "online") return;
    const { revision } = session.state;
    rememberedRevision = revision;
    const excerpt = excerptOf(editor.doc.sliceString(0, EXCERPT_SOURCE_LENGTH), title);
    const known = recentPads().find(({ id }) => id === pad);
    const changedAt = known && known.revision === revision ? known.changedAt : Date.now();
    rememberPad({ id: pad, title, excerpt, revision, changedAt });
  }, RECENT_AFTER_MS);
}

function setUpMenus() {
  const link = () => location.origin + location.pathname;
  const text = () => editor.text();
  const draft = () => session.state.draft ?? editor.text();
  for (const button of document.querySelectorAll("[data-copy]")) {
    if (button instanceof HTMLElement)
      copyOnClick(button, button.dataset.copy === "link" ? link : text);
  }
  copyOnClick(byId("copy-draft", HTMLElement), draft);
  byId("discard-draft", HTMLElement).addEventListener("click", () => session.discardDraft());
  const fileName = () => `${title.replace(/[^\p{L}\p{N} ._-]/gu, "").trim() || pad}.md`;
  byId("download-draft", HTMLElement).addEventListener("click", () =>
    downloadText(fileName(), draft()),
  );
  byId("download", HTMLElement).addEventListener("click", () => downloadText(fileName(), text()));

  attachPopover(byId("more", HTMLElement), byId("more-button", HTMLElement));
  const themes = byId("themes", HTMLElement);
  const chosen = themes.querySelector(`[value="${chosenTheme()}"]`);
  if (chosen instanceof HTMLInputElement) chosen.checked = true;
  themes.addEventListener("change", (event) => {
    chooseTheme(
      /** @type {import("./appearance.js").Theme} */ (
        /** @type {HTMLInputElement} */ (event.target).value
      ),
    );
  });
}

function setUpKeys() {
  addEventListener("keydown", (event) => {
    const saves =
      (event.ctrlKey || event.metaKey) &&
      !event.altKey &&
      !event.shiftKey &&
      event.key.toLowerCase() === "s";
    if (!saves) return;
    // Saving the page as a file is never what is meant here.
    event.preventDefault();
    const { phase, unsent, revision } = session.state;
    if (phase === "online" && unsent === 0)
      showToast(`Everything is saved already, at r${revision}.`);
  });
}

/**
 * The buttons that stand in for keys must not take the focus: the keyboard of a phone would go
 * away.
 */
function setUpTools() {
  const tools = byId("tools", HTMLElement);
  tools.addEventListener("pointerdown", (event) => event.preventDefault());
  tools.addEventListener("mousedown", (event) => event.preventDefault());
  tools.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-command]") : null;
    if (button instanceof HTMLElement) editor.run(button.dataset.command ?? "");
  });
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let toastTimer;

/** @param {string} words */
function showToast(words) {
  const toast = byId("toast", HTMLElement);
  toast.replaceChildren(words);
  toast.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => (toast.hidden = true), TOAST_MS);
}
