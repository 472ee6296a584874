"""what axe finds wrong with a page: WCAG 2.2 AA and good practice"""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page

from tests.conftest import REPO

__all__ = ["violations"]

AXE = (REPO / "node_modules/axe-core/axe.min.js").read_text()
# WCAG 2.2 AA with all that came before it, and what axe counts as good practice besides.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


async def violations(page: Page) -> list[str]:
    """What axe finds: rule, help, and where."""
    await page.evaluate(AXE)
    result: dict[str, Any] = await page.evaluate(
        "(tags) => axe.run(document, { runOnly: { type: 'tag', values: tags } })", RULES
    )
    return [
        f"{violation['id']}: {violation['help']}: {node['target']} {node['failureSummary']}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]
