"""the Python client against a real server: edits, losses, refusals"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import aiohttp
import pytest

from client_py import PadClient, Refused
from ot.errors import OperationError, ProtocolError
from ot.messages import OpMessage, ServerMessage
from ot.operation import Operation
from server.database import connect as open_database
from server.rows import COLUMNS
from tests.test_client_py_wire import AtOnce
from tests.wire import connect, create_pad, stored, view_link


@pytest.fixture
async def url(serve) -> str:
    """A server with an empty pad named `pad`."""
    await create_pad(serve.url, "pad")
    return str(serve.url)


def client(url: str, **options: object) -> PadClient:
    """A client whose waits are the same in every run."""
    options = {"rng": random.Random(1), **options}
    return PadClient(url, "pad", **options)  # type: ignore[arg-type]


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what comes from the server."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def equal(*clients: PadClient) -> str:
    """Wait until all have everything; return the one text."""
    for one in clients:
        await one.synchronised()
    head = max(one.revision for one in clients)
    for one in clients:
        await one.reached(head)
    texts = {one.text for one in clients}
    assert len(texts) == 1
    return texts.pop()


async def test_edits_apply_at_once_and_arrive(url):
    """Here before they are there; there when `synchronised` returns; told to others."""
    changes: list[Operation] = []
    async with client(url) as ada, client(url, on_change=changes.append) as bob:
        ada.edit(["héllo 😀"])
        assert (ada.text, ada.pending) == ("héllo 😀", True)
        await ada.synchronised()
        assert not ada.pending
        await bob.reached(1)
        assert (bob.text, changes) == ("héllo 😀", [["héllo 😀"]])
        ada.edit([7, "!"])
        bob.edit([-1, "H"])
        assert await equal(ada, bob) == "Héllo 😀!"


async def test_many_at_one_place(url):
    """Five type at the start at the same time, without waiting for anybody."""
    clients = [client(url) for _ in range(5)]
    for one in clients:
        await one.__aenter__()
    for number in range(40):
        for index, one in enumerate(clients):
            one.edit([f"<{index}:{number}>"])
        await asyncio.sleep(0)
    text = await equal(*clients)
    for one in clients:
        await one.__aexit__(None, None, None)
    for index in range(5):
        own = [part for part in text.strip("<>").split("><") if part.startswith(f"{index}:")]
        assert own == [f"{index}:{number}" for number in range(39, -1, -1)]


async def test_messages_are_told(url):
    """Who keeps a record of their own hears of each edit before it is sent, and of its revision
    before the client takes it in.
    """
    told: list[str] = []

    def note(message: OpMessage | ServerMessage) -> None:
        told.append(f"{type(message).__name__} {ada.pending}")

    ada = client(url, on_message=note)
    async with ada:
        ada.edit(["a"])
        await ada.synchronised()
    edits = [one for one in told if one.startswith("Op")]
    assert (told[0], edits) == ("Welcome False", ["OpMessage True", "OpsMessage True"])


@pytest.mark.slow
async def test_a_cut_connection(url, serve):
    """What is in flight is sent again and is there once; what others did meanwhile arrives."""
    async with client(url, rng=AtOnce()) as ada, client(url) as bob:
        for number in range(10):
            ada.edit([f"a{number} "])
            await ada.disconnect()
            bob.edit([f"b{number} "])
            await bob.synchronised()
            await ada.synchronised()
        words = (await equal(ada, bob)).split()
        assert ada.connections > 1

    assert sorted(words) == sorted([f"{who}{number}" for who in "ab" for number in range(10)])
    entries = stored(serve.data, "pad")
    assert len(entries) == len(set(entries))


@pytest.mark.slow
async def test_the_server_is_killed(url, serve):
    """Edits go on without it, and are there when it is back."""
    async with client(url) as ada:
        ada.edit(["before "])
        await ada.synchronised()
        serve.kill()
        ada.edit([7, "while it was gone "])
        await asyncio.to_thread(serve.start)
        ada.edit([25, "and after"])
        assert await equal(ada) == "before while it was gone and after"
        async with client(url) as fresh:
            assert fresh.text == ada.text


async def test_large_edits_are_cut_to_the_limits(url, serve):
    """A paste of a million code points arrives whole, as several operations."""
    paste = "😀123456789" * 100_000
    async with client(url) as ada, client(url) as bob:
        ada.edit([paste])
        await asyncio.wait_for(ada.synchronised(), 30)
        assert await equal(ada, bob) == paste
    assert len(stored(serve.data, "pad")) == 16


async def test_it_ends_when_it_is_told_to(url):
    """Also in the very moment in which its connection ends by itself."""
    ending = asyncio.Event()

    class Slow(PadClient):
        async def _send(self, socket: aiohttp.ClientWebSocketResponse) -> None:
            try:
                await super()._send(socket)
            finally:
                # So that the moment is long enough to be met.
                ending.set()
                await asyncio.sleep(0.1)

    ada = await Slow(url, "pad").__aenter__()
    await ada.disconnect()
    await ending.wait()
    end = asyncio.create_task(ada.__aexit__(None, None, None))
    done, _ = await asyncio.wait([end], timeout=5)
    assert done == {end}


@pytest.mark.slow
async def test_a_server_that_is_away_for_hours():
    """It goes on trying, however often it has tried."""

    class Restless(random.Random):
        tries = 0

        def uniform(self, a: float, b: float) -> float:
            self.tries += 1
            return 0

    rng = Restless(1)
    ada = PadClient("http://127.0.0.1:9", "pad", rng=rng)
    waiting = asyncio.create_task(ada.__aenter__())
    async with asyncio.timeout(60):
        while rng.tries < 1_100:
            await asyncio.sleep(0.01)
            assert ada._task is not None and not ada._task.done()
    waiting.cancel()
    await ada.__aexit__(None, None, None)


async def test_an_edit_that_does_not_fit(url):
    """It is refused here, before anything is sent, and nothing is changed."""
    async with client(url) as ada:
        ada.edit(["abc"])
        with pytest.raises(OperationError, match="covers 4"):
            ada.edit([4, "x"])
        with pytest.raises(OperationError, match="covers 9"):
            ada.edit([-9])
        assert ada.text == "abc"
        await ada.synchronised()


async def test_a_refusal_is_raised(start_server):
    """The server says no for good: the caller hears it, and the text is still there."""
    server = start_server("--pad-length-max", "10")
    await create_pad(server.url, "pad")
    async with client(server.url) as ada:
        ada.edit(["much too long for this pad"])
        with pytest.raises(Refused, match="pad_full") as caught:
            await ada.synchronised()
        assert caught.value.error.action == "draft"
        with pytest.raises(Refused):
            ada.edit(["more"])
        assert ada.text == "much too long for this pad"


async def test_a_newer_connection_of_the_session(url):
    """Whoever is replaced says so and does not fight for the place."""
    async with client(url) as ada, connect(url, "pad") as newer:
        await newer.enter("newer", session=ada._session_key)
        with pytest.raises(Refused, match="replaced"):
            await ada.reached(1)
        assert ada.connections == 1
        assert await newer.edit(0, 1, ["mine"]) == 1


async def test_people(url):
    """Who is here, under which name, and who has gone."""
    async with client(url, name="Ada", person_key="one-person-with-two-tabs") as ada:
        async with client(url, name="Bob", person_key="one-person-with-two-tabs") as bob:
            while len(ada.people) < 2 or len(bob.people) < 2:
                await asyncio.sleep(0.01)
            assert {person.name for person in bob.people.values()} == {"Ada", "Bob"}
            assert len({person.person for person in ada.people.values()}) == 1
            assert ada.people[bob.session].name == "Bob"
        while bob.session in ada.people:
            await asyncio.sleep(0.01)
        assert list(ada.people) == [ada.session]


@pytest.mark.slow
async def test_a_pad_restored_from_a_backup(url, serve):
    """Another epoch: without pending edits it goes on from the new text, with them it stops."""
    async with client(url) as idle, client(url) as typing:
        idle.edit(["one"])
        await equal(idle, typing)
        serve.kill()
        connection = open_database(serve.data / "deltapad.sqlite")
        connection.execute("UPDATE pads SET epoch = 'another'; DELETE FROM log;")
        connection.execute(f"UPDATE pads SET checksum = checksum({COLUMNS['pads']})")
        connection.close()
        typing.edit([3, " two"])
        await asyncio.to_thread(serve.start)
        with pytest.raises(Refused, match="restored"):
            await typing.synchronised()
        assert typing.text == "one two"
        while idle.connections < 2:
            await asyncio.sleep(0.01)
        assert (idle.text, idle.revision) == ("", 0)
        idle.edit(["new"])
        await idle.synchronised()


async def test_no_such_pad(serve):
    """It waits for the pad to be made, as for any server that is not there yet."""
    waiting = asyncio.create_task(client(serve.url).__aenter__())
    await asyncio.sleep(0.2)
    assert not waiting.done()
    await create_pad(serve.url, "pad")
    pad = await waiting
    assert pad.text == ""
    await pad.__aexit__(None, None, None)


async def test_insert_and_delete(url):
    """The two plain edits, at the start and inside; what makes no sense is refused here already."""
    async with client(url) as ada, client(url) as bob:
        ada.insert(0, "world")
        ada.insert(0, "hello 😀 ")
        ada.delete(6, 2)
        assert ada.text == "hello world"
        ada.delete(0, 6)
        wrongs: list[Operation] = [[0, "x"], ["\ud800"], [99, "x"]]
        for wrong in wrongs:
            with pytest.raises(OperationError):
                ada.edit(wrong)
        assert await equal(ada, bob) == "world"


async def test_a_gap_in_the_stream_is_told(url):
    """If what arrives cannot follow what is here, who waits hears of it, and the text stays."""
    async with client(url) as ada, client(url) as bob:
        ada.insert(0, "kept")
        await ada.synchronised()
        ada._machine.revision -= 1
        bob.insert(0, "x")
        with pytest.raises(Refused, match="desync: revisions 0 to 1 are missing"):
            await ada.reached(2)
        assert ada.text == "kept"


async def test_properties(url):
    """Told to everybody here, and to who comes later; sent only when they can be."""
    async with client(url) as ada, client(url) as bob:
        assert (ada.title, ada.language, ada.view_history) == ("pad", "markdown", True)
        await ada.set_properties(title=" Autumn ", view_history=False)
        await bob.set_properties(language="rust")
        for one in (ada, bob):
            await until(lambda: one.language == "rust" and one.title == "Autumn")  # noqa: B023
            assert one.view_history is False
        async with client(url) as late:
            assert (late.title, late.language, late.view_history) == ("Autumn", "rust", False)
        with pytest.raises(ValueError, match="nothing to change"):
            await ada.set_properties()
        await ada.disconnect()
        connections = ada.connections
        await until(lambda: ada._socket is None or ada.connections > connections)
        if ada._socket is None:
            with pytest.raises(ConnectionError):
                await ada.set_properties(title="Lost")


async def test_a_view_only_link(serve, url):
    """It reads along, and says itself that it may not write."""
    key = view_link(serve.data, "pad").removeprefix("view/")
    async with client(url) as ada, PadClient(url, key, view=True, name="Robot") as reader:
        assert (ada.role, reader.role) == ("write", "read")
        ada.insert(0, "hello")
        await reader.reached(1)
        assert reader.text == "hello"
        with pytest.raises(ProtocolError, match="view-only"):
            reader.insert(0, "x")
        with pytest.raises(ProtocolError, match="view-only"):
            await reader.set_properties(title="x")
        await reader.disconnect()
        ada.insert(0, "again, ")
        await reader.reached(2)
        assert (reader.text, ada.title) == ("again, hello", "pad")
        assert reader.title == "Untitled pad", "the name of the pad is the key of its edit link"
        await until(lambda: any(person.role == "read" for person in ada.people.values()))
