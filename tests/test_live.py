"""a recording typed into a real, running pad"""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from client_py import PadClient
from ot.log import Entry
from ot.traces import LogHeader, Trace, write_log
from server.live import AUTHORS_MAX, PAUSE_MAX, LiveError, Target, paced, type_into
from server.replay import Recording, Step
from tests.conftest import DELTAPAD, ServerProcess
from tests.editing_traces import concurrent_trace, encode_trace, own_trace
from tests.wire import stored


def replay(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [DELTAPAD, "replay", path, *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def steps(trace: Trace) -> list[Step]:
    return [step for step in Recording(trace).steps() if step is not None]


async def text_of(target: Target) -> str:
    async with PadClient(target.server, target.pad) as client:
        return client.text


async def test_the_command(serve: ServerProcess, tmp_path):
    """Makes the pad, types all of it as its authors, and says when it is durable."""
    trace = concurrent_trace(7, authors=3, edits=300, deletes=False)
    path = tmp_path / "trace.json"
    path.write_bytes(encode_trace(trace))
    done = await asyncio.to_thread(
        replay, path, "--into", serve.url, "--pad", "stage", "--speed", "max", "--verify"
    )
    assert done.returncode == 0, done.stderr
    assert f"Typing into {serve.url}/p/stage" in done.stderr
    assert "All of it is durable, and the pad has its text." in done.stderr
    assert "verified" in done.stdout
    target = Target(serve.url, "stage")
    assert await text_of(target) == trace.end
    assert len({session for session, _ in stored(serve.data, "stage")}) == 3


@pytest.mark.slow
async def test_who_is_there_to_see(serve: ServerProcess):
    """Each author has a name and a client of its own."""
    target = Target(serve.url, "stage")
    await target.make()
    turns = [
        Step([letter], author, 1, index * 100)
        for index, (letter, author) in enumerate([("a", "x"), ("b", "y"), ("c", "x")])
    ]
    names: set[str] = set()
    async with PadClient(serve.url, "stage", name="Watcher") as watcher:
        typing = asyncio.create_task(type_into(target, "", turns, speed=0.5))
        while not typing.done():
            names |= {person.name for person in watcher.people.values()}
            await asyncio.sleep(0.01)
        assert await typing == "cba"
        await watcher.reached(3)
        assert watcher.text == "cba"
    assert {"Ada", "Ben"} <= names


@pytest.mark.slow
async def test_what_a_pad_has_already_stays(serve: ServerProcess):
    """The recording is typed behind it, also around what somebody types meanwhile."""
    target = Target(serve.url, "stage")
    await target.make()
    trace = own_trace(5, 400)
    authors = [Step(s.op, str(i // 50 % 2), s.edits, i * 10) for i, s in enumerate(steps(trace))]
    async with PadClient(serve.url, "stage") as person:
        person.insert(0, "Before. ")
        await person.synchronised()
        typing = asyncio.create_task(type_into(target, "Start. ", authors, speed=4))
        for _ in range(20):
            await asyncio.sleep(0.03)
            person.insert(3, "!")
        await person.synchronised()
        text = await typing
        await person.reached(person.revision)
    assert text.startswith("Bef" + "!" * 20 + "ore. ")
    # The recording is made on its own text: here the start stands before it.
    assert len(text) == len("Before. Start. ") + 20 + len(trace.end or "")


@pytest.mark.slow
async def test_a_damaged_log_is_typed_up_to_the_damage(serve: ServerProcess, tmp_path):
    """Exit code 1, and what came before is in the pad."""
    entries = steps(own_trace(6, 50))
    lines = list(
        write_log(
            LogHeader("pad", "", 0),
            [Entry(s.op, "s", "p", i, i, b"d") for i, s in enumerate(entries, 1)],
        )
    )
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"".join(lines[:41]))
    done = await asyncio.to_thread(replay, path, "--into", serve.url, "--speed", "max")
    assert done.returncode == 1
    assert "line 42: the log is cut off here" in done.stderr
    assert await text_of(Target(serve.url, "replay")) == own_trace(6, 40).end


@pytest.mark.slow
async def test_nothing_to_type(serve: ServerProcess, tmp_path):
    """An empty trace makes an empty pad, a file that cannot be read makes none."""
    path = tmp_path / "empty.json"
    path.write_bytes(b'{"txns":[]}')
    done = await asyncio.to_thread(replay, path, "--into", serve.url)
    assert (done.returncode, await text_of(Target(serve.url, "replay"))) == (0, "")
    path.write_bytes(b"rubbish")
    done = await asyncio.to_thread(replay, path, "--into", serve.url, "--pad", "other")
    assert done.returncode == 1 and "Typing" not in done.stderr


@pytest.mark.slow
def test_no_server(tmp_path):
    """One line that says so, exit code 1; what is no address is a wrong argument."""
    path = tmp_path / "trace.json"
    path.write_bytes(encode_trace(own_trace(1, 5)))
    for url, code, words in (
        ("http://127.0.0.1:9", 1, "http://127.0.0.1:9 cannot be reached: Connection refused"),
        ("ftp://somewhere", 2, "is not the address of a server"),
        ("", 2, "is not the address of a server"),
    ):
        done = replay(path, "--into", url)
        assert done.returncode == code
        assert words in done.stderr and "Traceback" not in done.stderr


async def test_a_server_that_does_not_want_to(serve: ServerProcess):
    """A name that no pad may have."""
    with pytest.raises(LiveError, match="answers 400"):
        await Target(serve.url, "no/pad").make()


@pytest.mark.slow
async def test_too_many_authors(serve: ServerProcess):
    """Are refused before they are a crowd."""
    target = Target(serve.url, "crowd")
    await target.make()
    crowd = [Step(["x"], str(number), 1, None) for number in range(AUTHORS_MAX + 1)]
    with pytest.raises(LiveError, match="more than 64 authors"):
        await type_into(target, "", crowd, speed=None)


@pytest.mark.parametrize(
    ("url", "pad", "target"),
    [
        ("http://a:1", None, Target("http://a:1", "replay")),
        ("a:1", "x", Target("http://a:1", "x")),
        ("https://a/p/notes", None, Target("https://a", "notes")),
        ("https://a/pads/p/notes", "other", Target("https://a/pads", "other")),
    ],
)
def test_addresses(url, pad, target):
    """Of a server, or of a pad as the browser shows it."""
    assert Target.parse(url, pad) == target
    assert target.url == f"{target.server}/p/{target.pad}"


def waits(times: list[int | None], speed: float | None) -> list[float]:
    recorded = [Step(["x"], "a", 1, time) for time in times]
    return [round(seconds, 3) for _, seconds in paced(recorded, speed)]


def test_pace():
    """As recorded; where times are missing or the same, quick typing that catches up; no long
    pause.
    """
    assert waits([0, 500, 600], 1.0) == [0.12, 0.38, 0.1]
    assert waits([0, 500, 600], 10.0) == [0.012, 0.038, 0.01]
    assert waits([None, None], 2.0) == [0.06, 0.06]
    assert waits([0, 0, 1_000, 3_600_000], 1.0) == [0.12, 0.12, 0.76, PAUSE_MAX]
    assert waits([0, 500], None) == [0.0, 0.0]
