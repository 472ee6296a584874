"""draws a recording: the length of the text, and who was active, over the log"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from server.amounts import amount
from server.replay import Step

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLORS", "FORMATS", "INK", "MUTED", "Curve", "PlotError", "save_figure", "tidy"]

FORMATS: Final = (".svg", ".png")
# Bars across the width: each some pixels wide.
_BARS: Final = 120
# Points of the line; more cannot be seen, and make a large SVG.
_POINTS: Final = 1_000
# More authors than colours share the last one.
_AUTHORS_SHOWN: Final = 7
# Okabe and Ito's palette, which the colour-blind can tell apart, and a grey for the others.
COLORS: Final = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#B8A600")
_OTHERS, INK, MUTED, _GRID = "#9A9A9A", "#1F2430", "#5F6673", "#E3E6EB"


class PlotError(Exception):
    """It cannot be drawn; says why."""


def save_figure(path: Path, draw: Callable[[Figure], None]) -> None:
    """Have `draw` fill a figure, and save it. Raises PlotError."""
    if path.suffix not in FORMATS:
        raise PlotError(f"{path} is neither .svg nor .png")
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine
    except ImportError:
        raise PlotError(
            "drawing needs matplotlib: install it with `pip install 'deltapad[plot]'`"
        ) from None
    settings: dict[Any, Any] = {
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same everywhere
        "font.size": 10,
        "text.color": INK,
        "axes.edgecolor": _GRID,
        "axes.labelcolor": MUTED,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "svg.hashsalt": "deltapad",  # the same figures give the same file
    }
    with mpl.rc_context(settings):
        layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12)
        figure = Figure(figsize=(10, 5.2), layout=layout, facecolor="white")
        draw(figure)
        metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
        try:
            figure.savefig(path, dpi=150, metadata=metadata)
        except OSError as error:
            raise PlotError(f"{path}: {error.strerror}") from error


def tidy(*all_axes: Axes) -> None:
    """As little as possible beside what is drawn."""
    for axes in all_axes:
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.grid(axis="y", color=_GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(length=0)
        axes.yaxis.set_major_formatter("{x:,.0f}")


class Curve:
    """Gathers what is drawn, step by step."""

    def __init__(self) -> None:
        # Text length after each revision, and the place of its author in `authors`.
        self._lengths = array("q")
        self._who = array("q")
        self._edits = array("q")
        self._authors: dict[str, int] = {}

    def add(self, step: Step, length: int) -> None:
        """One more revision; `length` is that of the text after it."""
        self._lengths.append(length)
        self._who.append(self._authors.setdefault(step.author, len(self._authors)))
        self._edits.append(step.edits)

    def save(self, path: Path, *, title: str, names: list[str]) -> None:
        """Draw it. `names` are the authors', in the order of their first step. Raises PlotError."""
        if not self._lengths:
            raise PlotError("there is nothing to draw: no revisions")
        save_figure(path, lambda figure: self._draw(figure, title, names))

    def _draw(self, figure: Figure, title: str, names: list[str]) -> None:
        above, below = figure.subplots(
            2, sharex=True, gridspec_kw={"height_ratios": [3, 2], "hspace": 0.08}
        )
        count = len(self._lengths)
        above.set_title(title + "\n", loc="left", fontsize=15, fontweight="bold", pad=2)
        length = amount(self._lengths[-1], "code point")
        above.text(
            *(0, 1.03, f"{amount(count, 'revision')}, {length} at the end"),
            transform=above.transAxes,
            color=MUTED,
        )
        every = max(1, count // _POINTS)
        places = [*range(0, count, every), count - 1]
        revisions = [0, *(place + 1 for place in places)]
        lengths = [self._lengths[0], *(self._lengths[place] for place in places)]
        above.plot(revisions, lengths, color=INK, linewidth=1.6)
        above.fill_between(revisions, lengths, color=COLORS[0], alpha=0.10, linewidth=0)
        above.set_ylabel("text, code points")
        self._draw_activity(below, names)
        below.set_ylabel("edits")
        below.set_xlabel("revision")
        tidy(above, below)
        above.set_xlim(0, count)
        for axes in (above, below):
            axes.set_ylim(bottom=0)
            axes.xaxis.set_major_formatter("{x:,.0f}")

    def _draw_activity(self, axes: Axes, names: list[str]) -> None:
        """Stacked bars: the edits of each author, in equal parts of the log."""
        count = len(self._lengths)
        width = max(1, -(-count // _BARS))
        shown = self._shown()
        rows = [[0] * -(-count // width) for _ in range(len(shown) + 1)]
        row_of = {author: row for row, author in enumerate(shown)}
        for place in range(count):
            row = row_of.get(self._who[place], len(shown))
            rows[row][place // width] += self._edits[place]
        starts = [place * width for place in range(len(rows[0]))]
        bottom = [0] * len(starts)
        labels = [*(names[author] for author in shown), "others"]
        colors = [*COLORS[: len(shown)], _OTHERS]
        for bars, label, color in zip(rows, labels, colors, strict=True):
            if any(bars):
                axes.bar(
                    *(starts, bars, width),
                    bottom=bottom,
                    align="edge",
                    color=color,
                    label=f"{label}  {sum(bars):,}",
                    edgecolor="white",
                    linewidth=0.3,
                )
                bottom = [a + b for a, b in zip(bottom, bars, strict=True)]
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=_AUTHORS_SHOWN + 1,
            frameon=False,
            fontsize=9,
            handlelength=0.9,
            borderaxespad=0.2,
        )

    def _shown(self) -> list[int]:
        """The authors with a colour of their own: those with the most edits, in order of theirs."""
        edits = [0] * len(self._authors)
        for who, count in zip(self._who, self._edits, strict=True):
            edits[who] += count
        busiest = sorted(range(len(edits)), key=lambda author: (-edits[author], author))
        return sorted(busiest[:_AUTHORS_SHOWN])
