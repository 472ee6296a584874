/**
 * The way into the history: all of it is loaded when somebody looks for the first time.
 */
import { byId } from "./dom.js";
import { loadPart } from "./later.js";
import { t } from "./strings.js";
import { showToast } from "./toast.js";

/** @typedef {import("./page.js").PadPage} PadPage */
/** @typedef {(history: import("./history.js").HistoryView) => void} Use */

/** @param {PadPage} page */
export function setUpHistory(page) {
  /** @type {import("./history.js").HistoryView | null} */
  let loaded = null;
  /** What waits for it, until Esc is pressed. @type {Set<Use>} */
  const waiting = new Set();
  page.commands.addEscape(() => {
    const left = waiting.size > 0;
    waiting.clear();
    return left;
  });

  /** @param {Use} use */
  async function withHistory(use) {
    waiting.add(use);
    try {
      const { HistoryView } = await loadPart(() => import("./history.js"));
      loaded ??= new HistoryView(page);
    } catch {
      // Not in the cache, and no connection.
      waiting.delete(use);
      return showToast(t("search.needsConnection"));
    }
    if (waiting.delete(use)) use(loaded);
  }

  const available = () =>
    page.editor.ready && (page.state.role !== "read" || page.state.viewHistory);
  page.commands.add(
    {
      id: "history.open",
      title: t("history.title"),
      group: "view",
      icon: "history",
      keys: "Mod-Shift-h",
      available,
      checked: () => !byId("history", HTMLElement).hidden,
      run: () => withHistory((history) => history.toggle()),
    },
    {
      id: "history.name",
      title: t("history.nameCommand"),
      group: "pad",
      icon: "flag",
      available: () => page.editor.ready && page.state.role !== "read",
      run: () => withHistory((history) => history.nameShown()),
    },
  );
  openLinked();

  /** A link to a revision, such as /p/pad?r=842, opens the history there once there is a text. */
  function openLinked() {
    const wanted = new URLSearchParams(location.search).get("r");
    if (wanted === null || !/^\d{1,15}$/.test(wanted)) return;
    let opened = false;
    page.on("state", () => {
      if (opened || page.state.phase !== "online" || !available()) return;
      opened = true;
      withHistory((history) => history.open(Number(wanted)));
    });
  }
}
