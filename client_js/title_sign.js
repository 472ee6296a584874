/**
 * A sign in the tab's title when others have changed the text while nobody looked. Loaded later.
 */
import { Transaction } from "@codemirror/state";

const SIGN = "• ";

/** @param {import("./page.js").PadPage} page */
export function setUpTitleSign(page) {
  let unseen = false;

  function show() {
    const title = document.title.startsWith(SIGN)
      ? document.title.slice(SIGN.length)
      : document.title;
    document.title = unseen ? SIGN + title : title;
  }

  page.on("update", ({ transactions }) => {
    const changed = transactions.some(
      (one) => one.docChanged && one.annotation(Transaction.remote),
    );
    if (!changed || document.visibilityState === "visible" || unseen) return;
    unseen = true;
    show();
  });
  // A new title of the pad has come without the sign.
  page.on("state", () => unseen && show());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "visible" || !unseen) return;
    unseen = false;
    show();
  });
}
