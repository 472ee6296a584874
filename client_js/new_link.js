/**
 * The question before the view-only link is replaced; loaded when it is to be asked.
 */
import { ask } from "./dialog.js";
import { t } from "./strings.js";

/**
 * @param {import("./page.js").PadPage} page
 * @returns {Promise<boolean>} false if it was wanted, and cannot be now
 */
export async function askForNewLink(page) {
  const answer = await ask({
    title: t("share.newLinkTitle"),
    words: t("share.newLinkWords"),
    choices: [{ value: "new", label: t("share.newLink"), look: "primary" }],
  });
  return answer === null || page.session.setProperties({ newViewLink: true });
}
