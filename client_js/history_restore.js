/**
 * Restores an old text: after a question, as one edit of one's own of what differs, so that others
 * keep their carets and everything can be undone.
 */
import { isolateHistory, undoDepth } from "@codemirror/commands";
import { ask } from "./dialog.js";
import { difference } from "./difference.js";
import { element } from "./dom.js";
import { dayAndTime } from "./history_times.js";
import { t } from "./strings.js";
import { showToast } from "./toast.js";

/** @typedef {import("./page.js").PadPage} PadPage */
/** @typedef {import("./history_load.js").HistoryLoader} HistoryLoader */

/** The server has it by then, or the person is told without its number. */
const RESTORED_MS_MAX = 10_000;

/**
 * @param {PadPage} page @param {HistoryLoader} loader
 * @param {object} options
 * @param {number} options.revision  to restore
 * @param {number} options.openedAt  the newest when the history was opened
 * @param {() => void} options.leave  the history
 * @param {(changed: () => void) => void} options.watch  what to call when others have written
 */
export async function restore(page, loader, { revision, openedAt, leave, watch }) {
  const log = /** @type {import("./history_log.js").HistoryLog} */ (loader.log);
  const lead = element("p", "");
  const meanwhile = element("p", "moved-on");
  const show = () => {
    lead.textContent = question(page, log, revision);
    meanwhile.textContent = movedOn(page, log, openedAt);
  };
  show();
  // Others go on writing while one thinks.
  watch(show);
  const answer = await ask({
    title: t("history.restoreTitle", { revision: String(revision) }),
    words: element("div", "", lead, meanwhile),
    choices: [{ value: "restore", label: t("history.restoreButton"), look: "primary" }],
  });
  watch(() => {});
  if (answer === null) return;
  // The connection may be gone since, or the right to write.
  const { phase, role, revision: before } = page.state;
  if (phase !== "online" || role === "read") return showToast(t("share.needsConnection"));
  const { view } = page.editor;
  const changes = difference(view.state.doc.toString(), log.at(revision).text);
  leave();
  if (changes.length === 0) {
    showToast(t("history.same", { revision: String(revision) }));
    return;
  }
  // One step of its own, whatever is typed before and after.
  view.dispatch({ changes, userEvent: "restore", annotations: isolateHistory.of("full") });
  const depth = undoDepth(view.state);
  const as = await ownRevision(page, loader, before);
  const values = { revision: String(revision), as: String(as) };
  showToast(t(as === null ? "history.restoredUnsaved" : "history.restored", values), {
    label: t("history.undo"),
    run: () => {
      // After another edit, or when it was undone by key, this would undo something else.
      if (undoDepth(view.state) === depth) page.editor.run("undo");
    },
  });
}

/** @param {PadPage} page @param {import("./history_log.js").HistoryLog} log @param {number} revision */
function question(page, log, revision) {
  const time = dayAndTime(log.entry(revision)?.[1] ?? log.entry(revision + 1)?.[1] ?? Date.now());
  const { people, revision: newest } = page.state;
  const values = { time, next: String(newest + 1), count: people.length };
  return t(people.length > 1 ? "history.restoreWords" : "history.restoreAlone", values);
}

/**
 * What others have written since the history was opened.
 * @param {PadPage} page @param {import("./history_log.js").HistoryLog} log @param {number} openedAt
 */
function movedOn(page, log, openedAt) {
  const count = page.state.revision - openedAt;
  if (count <= 0) return "";
  const names = new Set();
  for (let revision = openedAt + 1; revision <= page.state.revision; revision += 1)
    names.add(log.authorOf(revision)?.name);
  const [name] = names;
  return names.size === 1 && name !== undefined
    ? t("history.movedOn", { name, count })
    : t("history.movedOnMany", { count });
}

/**
 * The revision that one's last edit has become, or null if the server does not have it yet.
 * @param {PadPage} page @param {HistoryLoader} loader @param {number} before  that edit
 */
async function ownRevision(page, loader, before) {
  const until = performance.now() + RESTORED_MS_MAX;
  while (page.state.unsent > 0 && performance.now() < until)
    await new Promise((resolve) => setTimeout(resolve, 50));
  await loader.newer().catch(() => {});
  const log = /** @type {import("./history_log.js").HistoryLog} */ (loader.log);
  for (let revision = log.head; revision > before; revision -= 1)
    if (log.entry(revision)?.[0] === page.state.me) return revision;
  return null;
}
