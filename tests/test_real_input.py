"""the main job on real input: three clients type a public trace through a real server that is cut
off and killed
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

import apsw
import msgspec
import pytest
from aiohttp import ClientSession

from client_py import PadClient
from ot.operation import Operation, apply, inserted_length, length_change
from tests.conftest import ServerProcess
from tests.editing_traces import Trace, own_trace, patch_operation, public_trace, read_trace
from tests.test_network import Hasty

CLIENTS = 3


async def create_pad(url: str, pad: str) -> None:
    async with ClientSession() as http:
        answer = await http.post(f"{url}/p", data={"id": pad}, allow_redirects=False)
        assert answer.status == 303


class Ledger:
    """An account of every keystroke, kept outside the code under test: code points inserted and
    deleted.
    """

    def __init__(self) -> None:
        self.typed = Counter[str]()
        # Typed and removed again before it was sent: such a keystroke never travels.
        self.cancelled = 0

    def edit(self, client: PadClient, op: Operation) -> None:
        before = inserted_length(client._machine.buffer or [])
        client.edit(op)
        after = inserted_length(client._machine.buffer or [])
        self.typed += count(op)
        self.cancelled += before + inserted_length(op) - after


def count(op: Operation) -> Counter[str]:
    """How many code points an operation inserts and deletes."""
    inserted = inserted_length(op)
    return Counter(inserted=inserted, deleted=inserted - length_change(op))


async def type_trace(
    server: ServerProcess, trace: Trace, ledger: Ledger, *, seed: int
) -> list[PadClient]:
    """Clients type by turns: who has the turn first waits until it has seen all before it.

    That keeps the trace's positions true, and so its end text is the oracle. The connection of a
    random client is cut now and then at any moment, and the server is killed once in the middle.
    """
    rng = random.Random(seed)
    await create_pad(server.url, "trace")
    # Cut far more often than lines are, it would soon wait for seconds each time.
    clients = [
        PadClient(server.url, "trace", name=f"Typist {n}", rng=Hasty()) for n in range(CLIENTS)
    ]
    for client in clients:
        await client.__aenter__()
    kill_at = len(trace.transactions) // 2
    restart: asyncio.Task[None] | None = None
    done = 0
    who = 0
    while done < len(trace.transactions):
        before = clients[who]
        await before.synchronised()
        who = rng.randrange(CLIENTS)
        await clients[who].reached(before.revision)
        for patches in trace.transactions[done : done + rng.randint(1, 120)]:
            for patch in patches:
                op = patch_operation(patch)
                if op:
                    ledger.edit(clients[who], op)
            done += 1
            if rng.random() < 0.05:
                await asyncio.sleep(rng.random() * 0.004)
            if rng.random() < 0.002:
                await rng.choice(clients).disconnect()
            if done == kill_at:
                server.kill()
                restart = asyncio.create_task(asyncio.to_thread(server.start))
    assert restart is not None
    await restart
    for client in clients:
        await client.synchronised()
    head = max(client.revision for client in clients)
    for client in clients:
        await client.reached(head)
    return clients


def stored_log(data: Path) -> tuple[str, Counter[tuple[int, int]], Counter[str]]:
    """Replay the log of the pad of the test from the file: its text, how often each (author, seq)
    is there, its keystrokes.
    """
    text, seen, typed = "", Counter[tuple[int, int]](), Counter[str]()
    connection = apsw.Connection(str(data / "deltapad.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    rows = connection.execute(
        "SELECT revision, author, seq, op FROM log JOIN pads ON pads.id = log.pad"
        " WHERE name != 'demo' ORDER BY revision"
    )
    for expected, (revision, author, seq, encoded) in enumerate(rows, 1):
        assert revision == expected, "the log has a gap"
        op = msgspec.json.decode(encoded)
        text = apply(text, op)
        typed += count(op)
        seen[author, seq] += 1
    return text, seen, typed


async def check(server: ServerProcess, trace: Trace, *, seed: int) -> None:
    ledger = Ledger()
    clients = await type_trace(server, trace, ledger, seed=seed)

    assert [client.text == trace.end for client in clients] == [True] * CLIENTS
    assert sum(client.connections for client in clients) > 2 * CLIENTS, "nothing was cut"
    async with PadClient(server.url, "trace") as fresh:
        assert fresh.text == trace.end, "what the server serves"
    for client in clients:
        await client.__aexit__(None, None, None)
    server.stop()
    text, seen, typed = stored_log(server.data)
    assert text == trace.end, "a replay of the stored log"
    assert set(seen.values()) == {1}, "an operation is in the log twice"
    cancelled = Counter(inserted=ledger.cancelled, deleted=ledger.cancelled)
    assert typed + cancelled == ledger.typed, "every keystroke is in the log exactly once"


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_public_trace(serve: ServerProcess) -> None:
    """19,749 real edits by three clients, with cuts and one kill -9: all texts and the log are
    equal.
    """
    await check(serve, read_trace(public_trace("seq/sveltecomponent")), seed=1)


@pytest.mark.timeout(120)
@pytest.mark.slow
async def test_own_trace(serve: ServerProcess) -> None:
    """The same with a trace of our own, emoji among it, for a clone that has no public ones."""
    await check(serve, own_trace(seed=2, edits=3_000), seed=2)
