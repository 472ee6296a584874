"""what commands are given: a path or number that is one, an origin as browsers send it"""

from __future__ import annotations

import math
import os
import re
from typing import Final

import click

__all__ = ["Amount", "GivenPath", "Origin"]

# Scheme, host and port as a browser writes them, in lower case; what another one adds, such as a
# path, it never sends.
_ORIGIN: Final = re.compile(
    r"[a-z][a-z0-9+.-]{0,30}://(?:[a-z0-9_.-]{1,253}|\[[0-9a-f:.]{2,45}\])(:[0-9]{1,5})?"
)
# A browser leaves these out.
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


class Amount(click.FloatRange):
    """A number with a fraction. What is not a number compares with nothing, so that it is within
    every range: `nan`.
    """

    name = "number"

    def convert(
        self, value: float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number, if it is one in the range."""
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


class GivenPath(click.Path):
    """A path. Nothing would be the current folder, which is nobody's wish: `--data "$UNSET"`."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str | bytes | os.PathLike[str]:
        """The path, if there is one."""
        if value == "":
            self.fail("the path is empty", param, ctx)
        return super().convert(value, param, ctx)


class Origin(click.ParamType[str]):
    """What a browser sends as the origin of a page."""

    name = "origin"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """The origin, to be compared letter by letter."""
        match = _ORIGIN.fullmatch(str(value))
        if match is None:
            self.fail(
                f"{value!r} is not an origin: scheme://host or scheme://host:port in lower case, "
                "and nothing behind it, such as https://docs.example.org",
                param,
                ctx,
            )
        scheme = match[0].partition(":")[0]
        if match[1] is not None and match[1] == _DEFAULT_PORTS.get(scheme):
            self.fail(
                f"{value!r} has the port that browsers leave out; so leave it out", param, ctx
            )
        return match[0]
