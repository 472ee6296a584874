"""the browser benchmark's command line: `make bench-browser`, with what it passes on in ARGS"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import click
from playwright.async_api import async_playwright

from benchmarks.browser.tables import Cell, Run, grid, save, write_page
from benchmarks.browser.typing import ARGS, type_keys
from benchmarks.growth.serving import deltapad
from benchmarks.machine import this_machine
from benchmarks.peers import REPO
from benchmarks.tables import PAGE, RESULTS, new_console, print_grids
from tests.browser.conftest import ARGS as CHROMIUM_ARGS
from tests.browser.conftest import chromium_environment, unpack_chromium

_LENGTHS = (10_000, 1_000_000, 10_000_000)
_PEOPLE = (0, 50)
# Columns that the table needs.
_WIDTH = 120


@click.command()
@click.option(
    "--length", "lengths", multiple=True, type=int, help="This length only, such as 10000."
)
@click.option("--people", "people", multiple=True, type=int, help="So many other people only.")
@click.option("--keys", default=300, help="Keys in each row.")
@click.option("--write/--no-write", default=True, help="Write the table into the docs.")
def main(lengths: tuple[int, ...], people: tuple[int, ...], keys: int, *, write: bool) -> None:
    """Measure how long a key takes in the browser, alone and beside fifty others."""
    console = new_console(_WIDTH)
    run = asyncio.run(measure(lengths or _LENGTHS, people or _PEOPLE, keys))
    print_grids(console, [grid(run)])
    console.print(f"Saved as {save(run, RESULTS).relative_to(REPO)}")
    # Figures of several runs side by side would compare what was not measured side by side.
    if write and not (lengths or people):
        write_page(run, PAGE)
        console.print(f"Written to {PAGE.relative_to(REPO)}")


async def measure(lengths: tuple[int, ...], people: tuple[int, ...], keys: int) -> Run:
    """One browser and one server for all rows, which come one after the other."""
    home = unpack_chromium(REPO)
    cells = []
    with (
        tempfile.TemporaryDirectory(prefix="bench-browser-") as folder,
        deltapad("pure", Path(folder) / "data") as server,
    ):
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=home / "chromium",
                args=[*CHROMIUM_ARGS, *ARGS],
                env=chromium_environment(home),
            )
            version = browser.version
            for length in lengths:
                for count in people:
                    typed = await type_keys(
                        browser, server.url, length=length, people=count, keys=keys
                    )
                    cells.append(Cell(length, count, typed.percentiles()))
            await browser.close()
    date = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
    return Run(date, this_machine(), version, keys, cells)


if __name__ == "__main__":
    main()
