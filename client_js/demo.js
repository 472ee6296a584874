/**
 * The demo pad on the start page: a real pad, with the editor and the session of the pad page.
 * Loaded when its place is seen.
 */
import { byId, setText } from "./dom.js";
import { PadEditor } from "./editor.js";
import { layout } from "./look.js";
import { markdown } from "./markdown.js";
import { loadProfile } from "./profile.js";
import { signs } from "./recent_list.js";
import { PadSession } from "./session.js";
import { t } from "./strings.js";

/** Avatars beside the count of people. */
const PEOPLE_MAX = 3;

/** @param {HTMLElement} place */
export function startDemo(place) {
  const { id = "" } = place.dataset;
  const text = byId("demo-text", HTMLElement);
  const before = text.firstElementChild;
  const nonce = document.querySelector('meta[name="csp-nonce"]')?.getAttribute("content") ?? "";
  const editor = new PadEditor({
    parent: text,
    label: place.getAttribute("aria-label") ?? "",
    nonce,
    onEdit: (op) => session.edit(op),
    onSelection: () => session.selectionChanged(),
    onUpdate: () => {},
  });
  const session = new PadSession({
    pad: id,
    socketUrl: `${location.origin.replace("http", "ws")}/ws/${id}`,
    profile: loadProfile(),
    editor,
    onChange: (kind) => (kind === "people" ? showPeople(session) : showState()),
  });
  editor.extend([layout("prose", true), markdown()]);
  // A keyboard passes through the page; here Tab never indents.
  editor.view.setTabFocusMode(true);
  // Until there is a text, the one that came with the page stands there.
  editor.view.dom.hidden = true;

  function showState() {
    const { phase, storedLocally, unsent } = session.state;
    if (editor.ready && before?.isConnected) {
      before.remove();
      editor.view.dom.hidden = false;
    }
    place.classList.toggle("offline", !["connecting", "online", "reconnecting"].includes(phase));
    editor.setWritable(editor.ready && !["refused", "replaced", "outdated", "gone"].includes(phase));
    editor.showUnsent({ offline: phase === "offline", pending: unsent > 0 });
    showPhase(phase);
    mustAsk = unsent > 0 && !storedLocally;
  }

  let mustAsk = false;
  addEventListener("beforeunload", (event) => mustAsk && event.preventDefault());
  session.open();
}

/** @param {string} phase */
function showPhase(phase) {
  const state = byId("demo-state", HTMLElement);
  state.dataset.phase = phase;
  const words = {
    connecting: t("state.connecting"),
    online: t("home.demoLive"),
    reconnecting: t("state.reconnecting"),
    offline: t("state.offline"),
    refused: t("state.refused"),
    replaced: t("state.replaced"),
    outdated: t("state.outdated"),
    gone: t("state.gone"),
  };
  setText(state, words[/** @type {keyof typeof words} */ (phase)] ?? "");
}

/** @param {PadSession} session */
function showPeople({ state: { people } }) {
  // Others first: of oneself one knows.
  const sorted = [...people].sort((a, b) => Number(a.me) - Number(b.me));
  const shown = signs(sorted.slice(0, PEOPLE_MAX), Math.min(people.length, PEOPLE_MAX));
  byId("demo-avatars", HTMLElement).replaceChildren(...shown);
  setText(byId("demo-count", HTMLElement), t("people.count", { count: people.length }));
}
