/**
 * The pad page: puts editor, session and the parts of the page together.
 */
import { setUpActions } from "./actions.js";
import { setUpChip } from "./chip.js";
import { setUpClosing } from "./closing.js";
import { byId } from "./dom.js";
import { PadEditor } from "./editor.js";
import { setUpExport } from "./export.js";
import { setUpFigures } from "./figures.js";
import { setUpHistory } from "./history_command.js";
import { setUpMenu } from "./menu.js";
import { setUpFind } from "./find.js";
import { setUpImport } from "./import_file.js";
import { setUpLanguage } from "./language.js";
import { loadLater } from "./later.js";
import { setUpLook } from "./look.js";
import { setUpPadLimit } from "./pad_limit.js";
import { PadPage } from "./page.js";
import { takePageText, typedChange } from "./page_text.js";
import { setUpPalette } from "./palette_command.js";
import { PeopleView } from "./people.js";
import { guestName, isSecondOfTheName, loadProfile, saveName } from "./profile.js";
import { setUpRail } from "./rail.js";
import { colorBefore, setUpReload } from "./reload.js";
import { setUpTitle } from "./rename.js";
import { setUpPrint } from "./print.js";
import { PadSession } from "./session.js";
import { setUpShare } from "./share.js";
import { setUpShortcuts } from "./shortcuts.js";
import { setUpSince } from "./since.js";
import { StatusView } from "./status.js";
import { setUpToast } from "./toast.js";
import { setUpViewOnly } from "./view_only.js";
import { setUpViews } from "./views.js";
import { rememberVisits } from "./visits.js";

const { id = "", address = "", role = "", title = "" } = document.body.dataset;
const page = new PadPage({ id, address, readOnly: role === "read" });
const profile = loadProfile();
// The one that was chosen, or else the one that this tab had before a reload.
profile.color ||= colorBefore(id);

page.editor = new PadEditor({
  parent: byId("text", HTMLElement),
  label: title,
  nonce: document.querySelector('meta[name="csp-nonce"]')?.getAttribute("content") ?? "",
  onEdit: (op) => page.session.edit(op),
  onSelection: () => page.session.selectionChanged(),
  onUpdate: (update) => page.tell("update", update),
});

page.session = new PadSession({
  pad: id,
  socketUrl: `${location.origin.replace("http", "ws")}/ws/${page.readOnly ? "view/" : ""}${id}`,
  role: page.readOnly ? "read" : "write",
  profile,
  editor: page.editor,
  onChange: (kind) => page.tell(kind),
  onEntries: (...values) => page.tell("entries", ...values),
});

const status = new StatusView({ state: () => page.state, tryNow: () => page.session.tryNow() });

page.people = new PeopleView(page, profile);

let shownPhase = page.state.phase;
let firstTextShown = false;

setUpReload(page);
page.on("state", stateChanged);
page.on("people", peopleChanged);
setUpToast();
setUpClosing(page);
setUpActions(page);
setUpMenu(page);
setUpTitle(page);
setUpShare(page);
setUpPalette(page);
setUpShortcuts(page);
setUpViewOnly(page);
setUpPadLimit(page);
setUpFigures(page);
setUpFind(page);
setUpImport(page);
setUpLanguage(page);
setUpLook(page);
setUpRail(page);
setUpChip(page);
const views = setUpViews(page);
setUpExport(page, views);
setUpPrint(page, views);
setUpHistory(page);
rememberVisits(page);
setUpSince(page);
loadLater(
  () => import("./merged_view.js"),
  ({ setUpMergedMarks }) => setUpMergedMarks(page),
);
loadLater(
  () => import("./checksum.js"),
  ({ setUpChecksum }) => setUpChecksum(page),
);
loadLater(
  () => import("./keep_pages.js"),
  ({ keepPages }) => keepPages(),
);
loadLater(
  () => import("./title_sign.js"),
  ({ setUpTitleSign }) => setUpTitleSign(page),
);
page.commands.attach(document);
status.update();
openWithPageText();

/** What was typed into the page before this script came is the first edit. */
function openWithPageText() {
  const brought = takePageText();
  page.session.open(brought);
  if (brought === undefined) return;
  const { text, typed, focused, caret } = brought;
  if (typed !== text) page.editor.view.dispatch({ changes: typedChange(text, typed) });
  if (!focused) return;
  page.editor.view.dispatch({ selection: { anchor: caret } });
  page.editor.focus();
}

function stateChanged() {
  const { phase, role, unsent } = page.state;
  const { editor } = page;
  if (editor.ready) {
    showFirstText();
    // What is typed after a refusal would be lost like what was refused.
    editor.setWritable(role !== "read" && !["refused", "replaced", "outdated", "gone"].includes(phase));
  }
  // Grey rings and ghost carets: what is shown of others is only the last that was heard.
  document.body.classList.toggle(
    "offline",
    !["connecting", "online", "reconnecting"].includes(phase),
  );
  editor.showUnsent({ offline: phase === "offline", pending: unsent > 0 });
  status.update();
  if (phase !== shownPhase) page.people.update();
  shownPhase = phase;
}

function peopleChanged() {
  if (isSecondOfTheName(page.state.people)) {
    const name = guestName(Math.random());
    saveName(name);
    page.people.changeProfile({ name });
  }
  page.people.update();
}

function showFirstText() {
  if (firstTextShown) return;
  firstTextShown = true;
  byId("skeleton", HTMLElement).hidden = true;
  // The pen lies ready.
  if (document.activeElement === document.body) page.editor.returnFocus();
}
