"""the browser benchmark runs: a few keys beside a few others"""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Browser

from benchmarks.browser.tables import BEGIN, END, Cell, Run, grid, save, write_page
from benchmarks.browser.typing import type_keys
from benchmarks.machine import this_machine
from tests.conftest import ServerProcess


async def test_keys_are_measured(chromium: Browser, serve: ServerProcess, tmp_path: Path) -> None:
    """Each key has its two times, beside people who move and type, and the table its row."""
    typed = await type_keys(chromium, serve.url, length=3_000, people=5, keys=4)

    assert len(typed.wall) == len(typed.cpu) == 4
    figures = typed.percentiles()
    assert 0 < figures["wall_p50"] <= figures["wall_p99"]
    run = Run("today", this_machine(), chromium.version, 4, [Cell(10_000, 5, figures)])
    assert grid(run).rows[0][0] == "10 KB, 5 other people"
    page = tmp_path / "page.md"
    page.write_text(f"before {BEGIN} {END} after")
    write_page(run, page)
    assert "A key, in the browser" in page.read_text()
    assert save(run, tmp_path).exists()
