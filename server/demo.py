"""the demo pad, which the home page shows live: made at the first start"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from ot.errors import GoneError, OperationError, UnavailableError
from server.forms import merge, sent_once
from server.hub import Hub
from server.storage import DamagedError, NotWrittenError

__all__ = ["DEMO", "make_demo"]

# The id of the pad; whoever knows it can write in it, which is what it is for.
DEMO: Final = "demo"
_TITLE = "The kitchen table"
_TEXT = """# Soup for twelve

- Four onions, sliced slowly
- Two kilos of tomatoes, as ripe as you dare
- A heel of bread per person

Start the onions before anyone arrives. The smell does half the welcoming, the rest is chairs.
"""


async def make_demo(hub: Hub) -> None:
    """Make the demo pad, unless it has been written in, or deleted. Raises StorageError."""
    # On a full disk the pads that are there can be read all the same.
    with suppress(NotWrittenError, UnavailableError, GoneError, DamagedError):
        await hub.create(DEMO, _TITLE)
        async with hub.open(DEMO) as pad:
            assert pad is not None, "it has been made"
            # Also one that was made by a start that came to no more than that.
            if pad.document.committed == 0:
                # Where pads are so small that it does not fit, it begins empty.
                with suppress(OperationError):
                    await merge(hub, pad, sent_once("Ada", _TEXT, pad=pad), exact=True)
