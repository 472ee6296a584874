"""one operation that brings out a bug, one socket that is broken: nobody else notices"""

from __future__ import annotations

from pkgutil import resolve_name
from typing import Any

import pytest

from ot import COMPILED
from tests.faults.wired_client import WiredClient
from tests.faults.wired_server import Server, log_of, until

pytestmark = pytest.mark.skipif(COMPILED, reason="names in compiled modules cannot be replaced")

POISON = "☠"


def poisonous(value: object) -> bool:
    """Whether what a function was given has the character in it."""
    return POISON in repr(value) or (isinstance(value, bytes) and POISON.encode() in value)


def plant(patch: pytest.MonkeyPatch, where: str) -> None:
    """From now on this function raises when it meets the character, and only then."""
    honest = resolve_name(where)

    def poisoned(*args: Any, **keywords: Any) -> Any:
        if any(poisonous(value) for value in (*args[-3:], *keywords.values())):
            raise ZeroDivisionError("planted")
        return honest(*args, **keywords)

    patch.setattr(where, poisoned)


@pytest.fixture
async def three(tmp_path, caplog) -> Any:
    """Ada, Ben and Cleo in one pad, and Cleo again in another one."""
    server = Server(tmp_path)
    await server.hub.create("pad", "Pad")
    clients = [WiredClient(name) for name in ("ada", "ben", "cleo")]
    server.admit(*clients)
    await until(lambda: all(client.connections == 1 for client in clients))
    clients[1].edit(["before "])
    await until(lambda: all(client.revision == 1 for client in clients))
    yield server, *clients
    await server.end()


@pytest.mark.parametrize(
    "where",
    [
        "server.session.decode_client",
        "server.session.digest",
        "ot.document.transform",
        "ot.document.base_length",
        "ot.document.length_change",
        "server.hub.inserted_length",
        "server.hub.encode_op",
    ],
)
async def test_an_operation_that_brings_out_a_bug(three, monkeypatch, where):
    """It goes back to its author, who keeps it; it is not in the log, nobody else is touched."""
    server, ada, ben, cleo = three
    plant(monkeypatch, where)
    # On a revision before the head, so that there is something to transform it across.
    if where == "ot.document.transform":
        ben.edit(["first "])
    ada.edit([f"{POISON} "])
    await until(lambda: bool(ada.errors))
    assert ada.errors[-1] == "op_failed"
    ben.edit(["after "])
    await until(lambda: ben.synchronised and cleo.revision == ben.revision)

    assert cleo.text == ben.text and POISON not in cleo.text
    assert (ben.connections, cleo.connections) == (1, 1)
    assert ben.errors == cleo.errors == [] and server.exit_codes == []
    assert POISON not in log_of(server.folder)[1]
    # Once is enough: what its author does not send again does no more harm.
    assert ada.errors == ["op_failed"]


@pytest.mark.parametrize("where", ["server.presence.Presence.typed", "server.hub.Hub._tidy"])
async def test_a_bug_after_the_commit_ends_no_server(three, monkeypatch, where):
    """What is durable is told all the same: the pad is loaded anew, and other pads go on."""
    server, ada, ben, _ = three
    await server.hub.create("other", "Other")
    dan = WiredClient("dan")
    server.admit_to("other", dan)
    await until(lambda: dan.connections == 1)
    failing = True
    honest = resolve_name(where)

    def broken(self: Any, *args: Any) -> Any:
        if failing and (self is not server.hub or args[0].record.name == "pad"):
            raise ZeroDivisionError("planted")
        return honest(self, *args)

    monkeypatch.setattr(where, broken)
    ada.edit(["x "])
    await until(lambda: bool(ben.errors))
    failing = False
    dan.edit(["y "])
    await until(lambda: ada.synchronised and dan.synchronised and ben.text == ada.text)
    assert ada.text == "x before " and dan.connections == 1 and server.exit_codes == []


async def test_a_caret_that_brings_out_a_bug(three, monkeypatch):
    """It is dropped; even its author stays connected."""
    server, ada, ben, _ = three
    plant(monkeypatch, "server.presence.clean_name")
    ada.say_presence(name=POISON)
    ada.edit(["x "])
    await until(lambda: ada.synchronised and ben.text == ada.text)
    assert ada.errors == [] and ada.connections == 1 and server.exit_codes == []


@pytest.mark.parametrize("error", [RuntimeError, OSError, MemoryError])
async def test_a_broken_socket(three, error):
    """Whatever sending to one client raises, the others are told, and nothing is left behind."""
    _, ada, ben, cleo = three

    def broken(frame: bytes) -> None:
        raise error("planted")

    ben.write = broken
    for number in range(3):
        ada.edit([f"{number} "])
        await until(lambda: ada.synchronised and cleo.text == ada.text)
    assert (ada.connections, cleo.connections) == (1, 1) and ada.errors == cleo.errors == []
    del ben.write
    await until(lambda: ben.text == ada.text)


async def test_a_bug_while_loading_is_not_kept(three, monkeypatch):
    """Nobody gets an empty text, nothing is written, and whoever comes next tries again."""
    server, *_ = three
    await server.hub.create("other", "Other")

    async def broken(self: object, key: int, *, before: int) -> None:
        raise ZeroDivisionError("planted")

    with monkeypatch.context() as patch:
        patch.setattr("server.sqlite.SQLiteStore.load", broken)
        with pytest.raises(ZeroDivisionError):
            async with server.hub.open("other"):
                raise AssertionError("opened")
    async with server.hub.open("other") as other:
        assert other is not None and other.document.committed == 0
