"""a real server that is killed, stopped and halted under load: nothing told is taken back"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ot.log import Entry
from ot.messages import DeltaMessage, Limits, OpMessage, OpsMessage, Welcome, digest
from server.sqlite import SQLiteStore
from server.storage import Append
from tests.conftest import REPO, ServerProcess
from tests.faults.ledger import Broken, Ledger
from tests.faults.siege import halt, kill, stop

# A server that tells before it writes, and takes its time to write.
HASTY = f"""#!{sys.executable}
import asyncio, sys
sys.path.insert(0, {str(REPO)!r})
import pytest
from server.__main__ import main
from server.sqlite import SQLiteStore
from tests.planted_bugs import acknowledged_before_the_sync

append = SQLiteStore.append

async def late(self, batch):
    await asyncio.sleep(0.05)
    await append(self, batch)

SQLiteStore.append = late
acknowledged_before_the_sync(pytest.MonkeyPatch())
main()
"""


@pytest.mark.slow
@pytest.mark.timeout(400)  # on a machine that does other things as well
async def test_killed_under_load(serve):
    """20 times, at any moment, also while it starts and twice in a row: every acknowledged edit is
    where its author was told, none is there twice, and nothing that anybody was shown is gone.
    """
    figures = await kill(serve, seed=1, times=20)
    assert figures.strikes == 20
    # Ten times as many where the disk is quick: that there was load, and not how much.
    assert figures.acknowledged == figures.entries > 50
    assert figures.untold + figures.unwritten > 20, "there was something under way when it died"
    assert figures.errors == set(), "a dead server says nothing, and a new one refuses nobody"


@pytest.mark.slow
@pytest.mark.timeout(400)  # on a machine that does other things as well
async def test_stopped_under_load(serve):
    """5 times, by SIGTERM: it says so, ends with 0 within ten seconds, and nothing is lost."""
    figures = await stop(serve, seed=1, times=5)
    assert (figures.strikes, figures.errors) == (5, {"shutting_down"})
    assert figures.acknowledged == figures.entries > 20


@pytest.mark.slow
@pytest.mark.timeout(400)  # on a machine that does other things as well
async def test_halted_under_load(serve):
    """By SIGSTOP, once for so short that nobody notices, and once for so long that all clients come
    again while their old connections are still there: nothing is lost, and nobody is there twice.
    """
    figures = await halt(serve, seed=1, seconds=[1.0, 11.5])
    assert figures.acknowledged == figures.entries > 20


@pytest.mark.slow
@pytest.mark.timeout(400)  # on a machine that does other things as well
async def test_a_server_that_tells_before_it_writes_is_found_out(tmp_path):
    """What it had told and not yet written when it was killed is missed by the ledger."""
    command = tmp_path / "hasty"
    command.write_text(HASTY)
    command.chmod(0o755)
    server = ServerProcess(tmp_path / "data", command=command)
    server.start()
    try:
        with pytest.raises(Broken, match=r"was acknowledged as|was shown"):
            await kill(server, seed=1, times=10)
    finally:
        server.errors_expected = True
        server.close()


async def data_folder(folder: Path, entries: list[Entry]) -> Path:
    """One pad, `pad`, with this log."""
    store = SQLiteStore(folder)
    await store.create("pad", title="", epoch="", view_key="key", time_ms=0)
    await store.append([Append(1, 0, entries)])
    await store.close()
    return folder


def ada(op: list[int | str], seq: int, base: int = 0) -> Entry:
    return Entry(op, "ada", "person", seq, 0, digest(base, op))


def told(*messages: OpMessage | OpsMessage | DeltaMessage) -> Ledger:
    """A ledger with one client, Ada's, that has sent and heard this."""
    ledger = Ledger(1)
    note = ledger.client("http://127.0.0.1:1", "pad")._on_message
    assert note is not None
    note(WELCOME)
    for message in messages:
        note(message)
    return ledger


WELCOME = Welcome(
    protocol="",
    session="ada",
    person="person",
    role="write",
    epoch="",
    revision=0,
    committed=(0, 0),
    color=1,
    title="",
    language="",
    view_history=True,
    limits=Limits(frame_bytes=1, op_components=1, op_inserted=1, pad_length=1),
)
SENT = OpMessage(base=0, seq=1, op=["x"])


async def test_what_the_ledger_finds(tmp_path):
    """Each way in which a log can differ from what was seen of it."""
    data = await data_folder(tmp_path, [ada(["x"], 1)])
    acknowledged = OpsMessage(start=0, ops=[("ada", 1, ["x"])])

    looked = told(SENT).look(data)
    assert (looked.entries, looked.untold, looked.unwritten) == (1, 1, 0)
    looked = told(SENT, acknowledged, OpMessage(base=1, seq=2, op=["y"])).look(data)
    assert (looked.entries, looked.untold, looked.unwritten) == (1, 0, 1)

    later = OpsMessage(start=1, ops=[("ada", 1, ["x"])])
    beyond = OpsMessage(start=1, ops=[("bob", 1, ["y"])])
    wrong = {
        "was acknowledged as 2, is at 1": told(SENT, later),
        r"\('ada', 2\) was acknowledged as 2, is at None": told(
            SENT, OpsMessage(start=0, ops=[("ada", 1, ["x"]), ("ada", 2, ["y"])])
        ),
        "revision 2 was shown, and is not there": told(SENT, beyond),
        "revision 1 was shown, and is not there as it was": told(
            SENT, OpsMessage(start=0, ops=[("ada", 1, ["y"])])
        ),
        "was not sent like that": told(OpMessage(base=0, seq=1, op=["y"])),
        "sent again as another operation": told(SENT, OpMessage(base=1, seq=1, op=["x"])),
        "and as another": told(SENT, later, acknowledged),
    }
    for message, ledger in wrong.items():
        with pytest.raises(Broken, match=message):
            ledger.look(data)
    with pytest.raises(Broken, match="not all has arrived"):
        told(SENT).finish(data)
    with pytest.raises(Broken, match="a delta to 1 is not what is in the log"):
        told(SENT, acknowledged, DeltaMessage(start=0, end=1, op=["y"])).finish(data)
    with pytest.raises(Broken, match="another text than the log makes"):
        told(SENT, acknowledged).finish(data)
    ledger = told(SENT, acknowledged)
    ledger.clients[0][1].text = "x"
    with pytest.raises(Broken, match="not what was typed"):
        ledger.finish(data)
