/**
 * The text as a file: as it is, as Markdown, as HTML, or with its whole history; and copied as
 * Markdown or as it looks.
 */
import { downloadText } from "./clipboard.js";
import { loadLater, loadPart } from "./later.js";
import { t } from "./strings.js";
import { showToast } from "./toast.js";

const loadExport = () => import("./export_file.js");

/** @typedef {import("./page.js").PadPage} PadPage */

/** @param {PadPage} page @param {import("./views.js").Views} views */
export function setUpExport(page, views) {
  loadLater(loadExport);
  const markdown = () => views.isMarkdown;
  page.commands.add(
    {
      id: "export.text",
      title: t("export.text"),
      group: "pad",
      icon: "download",
      run: () => exporting((part) => part.downloadAsText(page, views)),
    },
    {
      id: "export.markdown",
      title: t("export.markdown"),
      group: "pad",
      icon: "download",
      available: markdown,
      run: () => exporting((part) => part.downloadMarkdown(page)),
    },
    {
      id: "export.html",
      title: t("export.html"),
      group: "pad",
      icon: "download",
      run: () => exporting((part) => part.downloadHtml(page, views)),
    },
    {
      id: "export.log",
      title: t("export.log"),
      group: "pad",
      icon: "history",
      available: () => !page.readOnly || page.state.viewHistory,
      run: () => followDownload(`${page.address}/log`),
    },
    {
      id: "pad.copyMarkdown",
      title: t("export.copyMarkdown"),
      group: "pad",
      icon: "copy",
      available: markdown,
      run: (button) => exporting((part) => part.copyMarkdown(page, views, button)),
    },
    {
      id: "pad.copyRich",
      title: t("export.copyRich"),
      group: "pad",
      icon: "copy",
      available: markdown,
      run: (button) => exporting((part) => part.copyAsSeen(page, views, button)),
    },
  );
}

/** The text of the pad, or what is kept of one, as a file: never not. @param {PadPage} page @param {string} text */
export async function downloadCopy(page, text) {
  const part = await loadPart(loadExport).catch(() => null);
  downloadText(part?.fileName(page) ?? `${page.id}.txt`, text);
}

/** @param {(part: Awaited<ReturnType<typeof loadExport>>) => unknown} work */
async function exporting(work) {
  try {
    await work(await loadPart(loadExport));
  } catch {
    // This part, or what it needs, is not in the cache, and there is no connection.
    showToast(t("search.needsConnection"));
  }
}

/** A file that the server makes. @param {string} address */
function followDownload(address) {
  const link = document.createElement("a");
  link.href = address;
  link.download = "";
  link.click();
}
