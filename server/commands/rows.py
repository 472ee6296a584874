"""rows that commands print: a table, or a block for each row where that is too wide"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from rich.console import Console
from rich.table import Table

__all__ = ["output", "print_rows"]

# Wide enough that no table is cut where nobody sees its edge: in files and pipes.
_PLAIN_WIDTH: Final = 250


def output(*, err: bool = False) -> Console:
    """Standard output, or standard error."""
    console = Console(stderr=err)
    if console.is_terminal:
        return console
    return Console(stderr=err, width=_PLAIN_WIDTH, no_color=True)


def print_rows(console: Console, rows: list[dict[str, str]], *, left: Collection[str]) -> None:
    """Rows, each with its cells under their headings, which are the same in all of them. The
    columns in `left` begin at the left, the others, numbers, end at the right.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in rows[0] if rows else ():
        table.add_column(heading, justify="left" if heading in left else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row.values())
    unbounded = console.options.update(width=_PLAIN_WIDTH)
    if console.measure(table, options=unbounded).maximum <= console.width:
        console.print(table)
        return
    for number, row in enumerate(rows):
        if number:
            console.print()
        block = Table(box=None, pad_edge=False, show_header=False)
        block.add_column(style="bold")
        block.add_column(overflow="fold")
        for heading, value in row.items():
            if heading or value:
                block.add_row(heading, value)
        console.print(block)
