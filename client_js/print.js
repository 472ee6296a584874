/**
 * On paper: the whole text and nothing but the text. The editor draws only what is in view, so
 * that what is printed is put into an element of its own.
 */
import { byId, element } from "./dom.js";
import { loadPart } from "./later.js";
import { t } from "./strings.js";

/** @param {import("./page.js").PadPage} page @param {import("./views.js").Views} views */
export function setUpPrint(page, views) {
  const paper = byId("paper", HTMLElement);
  /** How Markdown is rendered, once that is loaded. @type {((text: string) => HTMLElement) | null} */
  let render = null;
  /** The text that the paper shows, for `print()`. @type {string | null} */
  let prepared = null;

  page.commands.add({
    id: "pad.print",
    title: t("export.print"),
    group: "pad",
    icon: "print",
    // The browser's own keys: it would print before there is anything to print.
    keys: "Mod-p",
    run: async () => {
      if (views.isMarkdown)
        render ??= await loadPart(() => import("./render_markdown.js")).then(
          ({ renderWhole }) => renderWhole,
          () => null,
        );
      // Chromium stops the page in `print()`: what then makes HTML throws, as the renderer would.
      prepared = page.editor.text();
      paper.replaceChildren(drawn(prepared));
      print();
    },
  });
  addEventListener("beforeprint", () => {
    const text = page.editor.text();
    if (text !== prepared) paper.replaceChildren(drawn(text));
  });
  addEventListener("afterprint", () => {
    prepared = null;
    paper.replaceChildren();
  });

  /** @param {string} text */
  function drawn(text) {
    if (views.isMarkdown && render)
      try {
        return render(text);
      } catch {
        // Better as it is written than an empty page.
      }
    // Without a connection, or from the browser's menu before the renderer is there: as it is written.
    return element("pre", views.isMarkdown ? "prose" : "", text);
  }
}
