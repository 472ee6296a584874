"""what a tab has said of its text, heard outside of it, so that it outlives the tab"""

from __future__ import annotations

from playwright.async_api import ConsoleMessage, Page

__all__ = ["TabLedger"]

# Says how long the text on the screen was, whenever a state with it is on the disk; and the
# revision that the pill calls saved.
SAY = """(() => {
    const put = IDBObjectStore.prototype.put;
    IDBObjectStore.prototype.put = function (...values) {
        const view = document.querySelector(".cm-content")?.cmTile?.view;
        if (this.name === "states" && view) {
            const { length } = view.state.doc;
            this.transaction.addEventListener("complete", () => console.debug(`disk ${length}`));
        }
        return put.apply(this, values);
    };
    let said = "";
    new MutationObserver(() => {
        const words = document.querySelector("#state .detail")?.textContent ?? "";
        if (words !== said && /^r\\d+$/.test(words)) console.debug(`saved ${words.slice(1)}`);
        said = words;
    }).observe(document, { subtree: true, childList: true, characterData: true });
})()"""


class TabLedger:
    """The largest claims that were heard: true, whatever becomes of the tab afterwards."""

    def __init__(self) -> None:
        self.on_disk = 0  # UTF-16 units of text
        self.saved = 0  # revision

    async def watch(self, page: Page) -> None:
        """Listen to a page, from its next visit on."""
        await page.add_init_script(SAY)
        page.on("console", self._hear)

    def _hear(self, message: ConsoleMessage) -> None:
        kind, _, number = message.text.partition(" ")
        if kind == "disk" and number.isdigit():
            self.on_disk = max(self.on_disk, int(number))
        elif kind == "saved" and number.isdigit():
            self.saved = max(self.saved, int(number))
