"""bad networks between real clients and the real server: nothing is lost, nothing is there twice"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from client_py import PadClient, Refused
from ot.messages import SUBPROTOCOL
from server.session import public_id
from tests.conftest import ServerProcess
from tests.faults.javascript_tab import javascript_tab
from tests.faults.proxy import Proxy, http_answer
from tests.test_client_py import equal, until
from tests.test_client_py_wire import AtOnce
from tests.wire import Wire, connect, create_pad, hello, stored

pytestmark = pytest.mark.slow  # together some ten seconds, which `make test-fast` does not have


class Hasty(random.Random):
    """Waits a small part of the longest that it may, and remembers that."""

    def __init__(self) -> None:
        super().__init__(1)
        self.bounds: list[float] = []

    def uniform(self, a: float, b: float) -> float:
        self.bounds.append(b)
        return b / 100


@pytest.fixture
async def proxy(serve: ServerProcess) -> AsyncIterator[Proxy]:
    """In front of a server that has an empty pad named `pad`."""
    await create_pad(serve.url, "pad")
    async with Proxy(serve.port, seed=11) as proxy:
        yield proxy


def client(proxy: Proxy, rng: random.Random | None = None) -> PadClient:
    return PadClient(proxy.url, "pad", rng=rng or AtOnce())


async def settled(proxy: Proxy) -> None:
    """Wait until nothing is said on the newest connection, after a welcome and presence."""
    passed = -1
    while passed != proxy.links[-1].down.passed:
        passed = proxy.links[-1].down.passed
        # Presence is told every 5 ms here.
        await asyncio.sleep(0.03)


def once(server: ServerProcess, count: int) -> None:
    """The log has so many entries, and none twice."""
    entries = stored(server.data, "pad")
    assert len(entries) == len(set(entries)) == count


# --- Cut, reset, sliced ---------------------------------------------------------------------------


@pytest.fixture
async def quick_proxy(start_server) -> AsyncIterator[tuple[ServerProcess, Proxy]]:
    """The same with presence that is told at once, so that a connection is soon silent."""
    server = start_server("--presence-seconds", "0.005")
    await create_pad(server.url, "pad")
    async with Proxy(server.port, seed=11) as proxy:
        yield server, proxy


@pytest.mark.parametrize("way", ["op", "acknowledgement"])
async def test_cut_at_every_byte(quick_proxy, way):
    """Of the frame with an operation, and of the one with its acknowledgement: it is there once."""
    server, proxy = quick_proxy
    async with client(proxy) as ada:
        await settled(proxy)
        before = (proxy.links[-1].up.passed, proxy.links[-1].down.passed)
        ada.insert(0, "x")
        await ada.synchronised()
        up, down = proxy.links[-1].up.passed, proxy.links[-1].down.passed
        length = up - before[0] if way == "op" else down - before[1]
        assert 40 < length < 150, "one small frame"
        acknowledged = []
        # Revisions and seqs of two digits make the frame up to six bytes longer.
        for offset in range(length + 8):
            await settled(proxy)
            link, connections = proxy.links[-1], ada.connections
            pipe = link.up if way == "op" else link.down
            pipe.faults.cut_after_bytes = pipe.passed + offset
            ada.insert(0, "x")
            await until(lambda: link.over or not ada.pending)  # noqa: B023
            if not link.over:
                acknowledged.append(offset)
                link.end()
            await ada.synchronised()
            await until(lambda: ada.connections > connections)  # noqa: B023
        assert len(acknowledged) <= 8, "every cut but those behind the frame was one"
        assert ada.text == "x" * (length + 9)
    once(server, length + 9)


async def test_the_browsers_session_is_cut_at_bytes_of_the_acknowledgement(quick_proxy):
    """The same with the JavaScript client: every seventh byte."""
    server, proxy = quick_proxy
    async with javascript_tab(proxy.url, "pad") as tab:
        await tab.until(lambda state: state["phase"] == "online")
        offsets = range(0, 63, 7)
        for count, offset in enumerate(offsets, 1):
            await settled(proxy)
            sockets = tab.state["sockets"]
            link = proxy.links[-1]
            link.down.faults.cut_after_bytes = link.down.passed + offset
            tab.edit(["x"])
            await until(lambda: link.over)  # noqa: B023
            await tab.until(
                lambda state: state["phase"] != "online" or state["sockets"] > sockets  # noqa: B023
            )
            tab.wake()
            await tab.until(
                lambda state: (state["unsent"], state["revision"]) == (0, count)  # noqa: B023
            )
        assert (tab.state["text"], tab.state["desyncs"]) == ("x" * len(offsets), 0)
        assert tab.state["draft"] is None
    once(server, len(offsets))


async def test_reset_at_any_byte(serve, proxy):
    """Two type, and their connections are reset in the middle of frames, either way."""
    rng = random.Random(3)
    rounds = 25
    async with client(proxy) as ada, client(proxy) as bob:
        for number in range(rounds):
            for link in proxy.links:
                pipe = rng.choice([link.up, link.down])
                pipe.faults.cut_after_bytes = pipe.passed + rng.randrange(400)
                pipe.faults.cut_by_reset = True
            for name, one in (("a", ada), ("b", bob)):
                one.insert(rng.randint(0, len(one.text)), f"<{name}{number}>" * rng.randint(1, 9))
                if rng.random() < 0.5:
                    await asyncio.sleep(rng.random() / 50)
            await asyncio.gather(ada.synchronised(), bob.synchronised())
        assert ada.connections + bob.connections > rounds / 2
        text = await equal(ada, bob)
        async with PadClient(serve.url, "pad") as fresh:
            assert fresh.text == text
    entries = stored(serve.data, "pad")
    assert len(entries) == len(set(entries))
    counts = {letter: text.count(letter) for letter in "<>"}
    assert counts["<"] == counts[">"] >= 2 * rounds


async def test_sliced_into_single_bytes(serve, proxy):
    """However the line cuts and joins what is sent, nobody notices: both clients, both ways."""
    for pipe in (proxy.up, proxy.down):
        pipe.slice_bytes_max = 1
    async with (
        client(proxy) as ada,
        PadClient(serve.url, "pad") as bob,
        javascript_tab(proxy.url, "pad") as tab,
    ):
        await tab.until(lambda state: state["phase"] == "online")
        ada.insert(0, "héllo 😀\n")
        await ada.synchronised()
        bob.insert(0, "中文 ")
        await bob.synchronised()
        # What was held comes at once, many frames in one piece.
        for link in proxy.links:
            link.down.faults.slice_bytes_max = None
            link.down.faults.hold = True
        for number in range(10):
            bob.insert(0, str(number))
            await bob.synchronised()
        for link in proxy.links:
            link.down.faults.hold = False
        tab.edit(["from the tab "])
        await bob.reached(13)
        text = await equal(ada, bob)
        await tab.until(lambda state: state["text"] == text)
        assert (ada.connections, tab.state["sockets"]) == (1, 1)


# --- Late and twice -------------------------------------------------------------------------------


async def resent(wire: Wire, session: str) -> dict[str, object]:
    """Say hello as a session that has a copy of revision 0, and send its operation."""
    welcome = await wire.enter("ada", session=session, epoch=None)
    await wire.op(0, 1, ["mine"])
    return welcome


async def test_what_the_old_connection_delivers_late_is_void(serve, proxy):
    """The new one has sent it again: it is in the log once, and the old one hears `replaced`."""
    async with connect(proxy.url, "pad", "ada") as old:
        session = hello("ada")["session"]
        link = proxy.links[-1]
        link.up.faults.hold = True
        await old.op(0, 1, ["mine"])
        await old.op(0, 1, ["mine"])
        async with connect(proxy.url, "pad") as new, connect(serve.url, "pad", "bob") as bob:
            await resent(new, session)
            assert await new.entries(1) == [(1, new.session, 1, ["mine"])]
            link.up.faults.hold = False
            error, code = await old.end()
            assert error is not None
            assert (error["code"], error["action"], code) == ("replaced", "stop", 4001)
            assert await new.edit(1, 2, ["more "]) == 2
            assert len(await bob.entries(2)) == 2
    assert [seq for _, seq in stored(serve.data, "pad")] == [1, 2]


async def test_what_the_old_connection_delivers_first_is_not_taken_again(serve, proxy):
    """The new one's hello is late, and so is what it sends again: one entry, at one revision."""
    async with client(proxy) as ada, PadClient(serve.url, "pad") as bob:
        link = proxy.links[-1]
        link.down.faults.hold = True
        proxy.up.latency_seconds = 0.2
        ada.insert(0, "mine")
        await bob.reached(1)
        await ada.disconnect()
        await ada.synchronised()
        assert (ada.revision, ada.text, ada.connections) == (1, "mine", 2)
        bob.insert(0, "others ")
        assert await equal(ada, bob) == "others mine"
    once(serve, 2)


async def test_the_same_operation_again_and_again(serve, proxy):
    """Duplicates on one connection and over many are acknowledged by the one entry."""
    session = hello("ada")["session"]
    async with connect(proxy.url, "pad", "ada") as first:
        for _ in range(5):
            await first.op(0, 1, ["mine"])
        assert len(await first.entries(1)) == 1
    for _ in range(5):
        async with connect(proxy.url, "pad") as again:
            welcome = await again.enter("ada", session=session)
            assert (welcome["committed"], welcome["text"]) == ([1, 1], "mine")
            await again.op(0, 1, ["mine"])
            await again.send({"type": "ping", "n": 1})
            await again.receive("pong")
    assert stored(serve.data, "pad") == [(public_id("session", session), 1)]


async def test_jitter_and_latency_lose_nothing(serve, proxy):
    """Three type at once over lines of 20 to 120 ms that change all the time."""
    for pipe in (proxy.up, proxy.down):
        pipe.latency_seconds, pipe.jitter_seconds = 0.02, 0.1
    async with client(proxy) as ada, client(proxy) as bob, client(proxy) as cleo:
        for number in range(30):
            for one in (ada, bob, cleo):
                one.insert(0, f"{number} ")
            await asyncio.sleep(0.01)
        text = await equal(ada, bob, cleo)
        assert sorted(text.split()) == sorted(str(number) for number in range(30) for _ in "abc")
        assert [one.connections for one in (ada, bob, cleo)] == [1, 1, 1]


# --- Nobody there ---------------------------------------------------------------------------------

ANSWERS = {
    "502": http_answer("502 Bad Gateway", "<h1>502</h1>"),
    "503": http_answer("503 Service Unavailable", "<h1>503</h1>"),
    "413": http_answer("413 Content Too Large", "<h1>413</h1>"),
    "a login page": http_answer("200 OK", "<form>Welcome to our Wi-Fi</form>"),
    "not HTTP": b"\x15\x03\x01\x00\x02\x02\x50",
}


@pytest.mark.parametrize("what", [*ANSWERS, "refused"])
async def test_an_upgrade_that_is_not_answered_as_it_should(serve, proxy, what):
    """Longer and longer waits, nothing lost, and in again when it is over."""
    rng = Hasty()
    async with client(proxy, rng) as ada:
        ada.insert(0, "before ")
        await ada.synchronised()
        proxy.answer = ANSWERS.get(what)
        if what == "refused":
            proxy.refuse()
        proxy.links[-1].end()
        ada.insert(7, "meanwhile")
        await until(lambda: len(rng.bounds) >= 8)
        assert rng.bounds[:8] == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]
        if what != "refused":
            assert len(proxy.arrivals) <= len(rng.bounds) + 1, "one try for each wait"
        assert ada.pending and ada.connections == 1
        proxy.answer = None
        if what == "refused":
            await proxy.listen()
        await ada.synchronised()
        assert ada.text == "before meanwhile"
    once(serve, 2)


async def test_the_browsers_session_waits_for_a_broken_proxy_to_be_mended(serve, proxy):
    """The same in JavaScript, for two seconds: some tries, and then all that was typed."""
    async with javascript_tab(proxy.url, "pad") as tab:
        await tab.until(lambda state: state["phase"] == "online")
        proxy.answer = ANSWERS["502"]
        proxy.links[-1].end()
        await tab.until(lambda state: state["phase"] == "reconnecting")
        tab.edit(["typed "])
        tab.edit([6, "meanwhile"])
        arrivals = len(proxy.arrivals)
        await asyncio.sleep(2)
        # Half a second at most, then one, then two: on average five, each by chance.
        assert 1 <= len(proxy.arrivals) - arrivals < 40
        assert tab.state["unsent"] == 2
        proxy.answer = None
        tab.wake()
        await tab.until(lambda state: state["phase"] == "online" and state["unsent"] == 0)
        async with PadClient(serve.url, "pad") as fresh:
            assert fresh.text == "typed meanwhile"


async def test_a_client_of_another_major_version_is_refused_and_keeps_its_text(
    serve, proxy, monkeypatch
):
    """It is told what is the matter, does not come again and again, and has what was typed."""
    async with client(proxy) as ada:
        ada.insert(0, "saved ")
        await ada.synchronised()
        monkeypatch.setattr("client_py.client.SUBPROTOCOL", "deltapad.2")
        proxy.links[-1].end()
        ada.insert(6, "not saved")
        with pytest.raises(Refused, match="protocol_unsupported") as caught:
            await ada.synchronised()
        assert (caught.value.error.action, ada.text) == ("stop", "saved not saved")
        arrivals = len(proxy.arrivals)
    monkeypatch.setattr("client_py.client.SUBPROTOCOL", SUBPROTOCOL)
    async with client(proxy) as later:
        assert later.text == "saved "
    assert (arrivals, len(proxy.arrivals)) == (2, 3)
