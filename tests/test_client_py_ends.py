"""the Python client when it ends while somebody waits: closed, cancelled, a callback with a bug"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from client_py import PadClient
from ot.messages import OpMessage, ServerMessage
from ot.operation import Operation
from tests.wire import create_pad

# Of a wait that would never end otherwise.
WAIT_SECONDS_MAX = 5.0
# Nobody listens there.
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
async def url(serve) -> str:
    """A server with an empty pad named `pad`."""
    await create_pad(serve.url, "pad")
    return str(serve.url)


async def test_who_gives_up_while_it_connects_leaves_nothing_that_goes_on_trying():
    """It would connect when the server is back, and sit in the pad, with nobody to end it."""
    before = asyncio.all_tasks()
    ada = PadClient(NOBODY, "pad")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1), ada:
            pass
    assert asyncio.all_tasks() == before


async def test_who_waits_for_a_client_that_is_closed_is_told():
    """What they wait for cannot come any more."""
    ada = PadClient(NOBODY, "pad")
    entering = asyncio.create_task(ada.__aenter__())
    await asyncio.sleep(0)
    reaching = asyncio.create_task(ada.reached(1))
    await asyncio.sleep(0)
    entering.cancel()
    with suppress(asyncio.CancelledError):
        await entering
    with pytest.raises(ConnectionError, match="closed"):
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            await reaching


async def test_what_has_come_is_no_error_after_the_end(url):
    """Of what is durable already nobody needs a connection to hear."""
    async with PadClient(url, "pad") as ada:
        ada.insert(0, "a word")
        await ada.synchronised()
    await ada.synchronised()
    await ada.reached(1)


async def test_a_callback_that_fails(url):
    """Whoever waits is told what it has raised, and so is whoever leaves."""

    def fails(op: Operation) -> None:
        raise RuntimeError("a bug of mine")

    async with PadClient(url, "pad") as ada:
        ada.insert(0, "a word")
        bob = await PadClient(url, "pad", on_change=fails).__aenter__()
        ada.insert(0, "another ")
        with pytest.raises(RuntimeError, match="of mine"):
            async with asyncio.timeout(WAIT_SECONDS_MAX):
                await bob.reached(9)
        with pytest.raises(RuntimeError, match="of mine"):
            await bob.__aexit__(None, None, None)


async def test_a_callback_that_fails_when_something_is_sent(url):
    """Otherwise nothing would be sent from there on, over a connection that is well."""

    def fails(message: OpMessage | ServerMessage) -> None:
        if isinstance(message, OpMessage):
            raise RuntimeError("a bug of mine")

    ada = await PadClient(url, "pad", on_message=fails).__aenter__()
    ada.insert(0, "a word")
    with pytest.raises(RuntimeError, match="of mine"):
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            await ada.synchronised()
    assert ada.text == "a word"
    with pytest.raises(RuntimeError, match="of mine"):
        await ada.__aexit__(None, None, None)
