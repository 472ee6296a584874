"""standard output that takes no more, in every command: one line, and exit code 1"""

from __future__ import annotations

import errno
from typing import Any, Final

import click

__all__ = ["Commands"]

# With these a write is refused for want of room. The files that commands write are named by their
# errors: one without a name is standard output's.
_REFUSED: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Commands(click.Group):
    """Commands of which none ends in a traceback because the system has refused something."""

    def main(self, *arguments: Any, **keywords: Any) -> Any:
        """Run one of them. Where nobody reads the output any more (`| head`) click ends it."""
        try:
            return super().main(*arguments, **keywords)
        except OSError as error:
            said = str(error)
            if error.filename is None and error.errno in _REFUSED:
                said = f"cannot write to standard output: {error.strerror}"
            click.ClickException(said).show()
            raise SystemExit(1) from None
