"""power fails under the real store, at any moment: nothing that was acknowledged is missing"""

from __future__ import annotations

import asyncio
import ctypes
import os
import random
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from ot.log import Entry
from server.database import DATABASE, SCHEMA_VERSION
from server.simulation.disk import AtOnce
from server.sqlite import SQLiteStore
from server.storage import Author
from tests.faults.power_loss import (
    Loss,
    after_power_failure,
    cramp,
    recorded,
    run_round,
    write_image,
)
from tests.faults.recorded_disk import (
    KINDS,
    Disk,
    Name,
    RecordedDisk,
    Sync,
    SyncFolder,
    Truncate,
    Write,
)
from tests.faults.workload import Contents, contents_of
from tests.test_database import CONTENT_1, SCHEMA_1

IMAGES = 600  # of a round


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, if the system has one: an image is some files, thousands of times."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as folder:
        yield Path(folder)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
async def test_nothing_acknowledged_is_missing(seed, scratch):
    """Three lives, each on what a power failure has left of the one before; in each of them power
    fails around every sync and elsewhere, and the disk keeps what it likes of what was not synced.
    The file opens, `verify` finds nothing, and it holds what the last step has made of it, or the
    one that was under way.
    """
    figures = await run_round(seed, IMAGES, scratch)
    assert figures.losses == []
    assert figures.images == IMAGES
    assert figures.checkpoints > 10 and figures.wal_restarts > 5, "there was more than appending"
    assert figures.kept > 20 and figures.dropped > 20, "power failed in the middle of things"


@pytest.mark.slow
async def test_a_store_that_does_not_wait_is_found_out(scratch):
    """With synchronous=NORMAL a commit is acknowledged before it is on the disk: acknowledged
    entries are missing, and that is all that is wrong.
    """
    figures = await run_round(1, 300, scratch, synchronous="normal")
    assert len(figures.losses) > 10
    assert all(re.match("missing: ", loss) for loss in figures.losses), figures.losses


@pytest.mark.slow
async def test_a_disk_that_does_not_sync_is_found_out(scratch):
    """A disk that says that it has synced and has not leaves damage that the checks find."""
    figures = await run_round(1, 200, scratch, believes_syncs=False)
    assert any(re.match("damaged|it does not|it cannot|deltapad", it) for it in figures.losses)
    assert len(figures.losses) > 50


async def every_image(
    disk: RecordedDisk, times: int, check: Callable[[Path, int], object], folder: Path
) -> int:
    """Let power fail before and after each event, in every way, some of them several times."""
    chance, state, images = random.Random(1), Disk(disk.before), 0
    for moment in range(len(disk.events) + 1):
        for kind in KINDS:
            for _ in range(1 if kind in ("nothing", "everything") else times):
                write_image(folder, state.image(kind, chance))
                result = check(folder, moment)
                assert asyncio.iscoroutine(result)
                await result
                images += 1
        if moment < len(disk.events):
            state.feed(disk.events[moment])
    return images


@pytest.mark.slow
async def test_a_database_that_is_being_made(scratch):
    """Power fails while the file is new: it can be opened, and used, as if nothing had been."""
    (scratch / "new").mkdir()
    with recorded(scratch / "new") as disk:
        await SQLiteStore(scratch / "new", vfs=disk.vfs_name, worker=AtOnce).close()

    async def check(folder: Path, moment: int) -> None:
        await after_power_failure(folder, [{}])
        store = SQLiteStore(folder, worker=AtOnce)
        assert await store.create("pad", title="", epoch="", view_key="", time_ms=0)
        await store.close()

    assert await every_image(disk, 3, check, scratch / "image") > 400


def old_file(folder: Path, *, closed: bool) -> None:
    """A data folder of version 1, as an orderly end has left it, or as a crash has."""
    folder.mkdir()
    path = folder / DATABASE
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", "wal")
    connection.execute(SCHEMA_1)
    # A blob in a script is written as its bytes.
    connection.execute(re.sub(r"'(\[.*?\]|hello)'", r"CAST('\1' AS BLOB)", CONTENT_1))
    connection.pragma("user_version", 1)
    connection.pragma("application_id", 0x64706164)
    left = {} if closed else {each.name: each.read_bytes() for each in folder.iterdir()}
    connection.close()
    if not closed:
        del left[f"{DATABASE}-shm"]
        write_image(folder, left)
        assert set(left) == {DATABASE, f"{DATABASE}-wal"}


@pytest.mark.slow
@pytest.mark.parametrize("closed", [True, False])
async def test_a_migration(scratch, closed):
    """Power fails while a file of version 1 is brought to the newest schema: it is of the one or of
    the other, all that was in it is there, and once the store was open its new links stay.
    """
    old_file(scratch / "old", closed=closed)
    with recorded(scratch / "old") as disk:
        store = SQLiteStore(scratch / "old", vfs=disk.vfs_name, worker=AtOnce)
        done, made = len(disk.events), await contents_of(store, ["first", "second"])
        await store.close()
    versions = set()

    async def check(folder: Path, moment: int) -> None:
        connection = apsw.Connection(str(folder / DATABASE))
        version = connection.pragma("user_version")
        connection.close()
        versions.add(version)
        assert version in (1, SCHEMA_VERSION) and (moment < done or version == SCHEMA_VERSION)
        found = await opened(folder)
        assert made == (with_links_of(made, found) if version == 1 else found)
        await after_power_failure(folder, [found])

    assert await every_image(disk, 2, check, scratch / "image") > 150
    assert versions == {1, SCHEMA_VERSION}


def with_links_of(made: Contents, found: Contents) -> Contents:
    """Pads with the view-only links that they had after another migration: each makes its own."""
    return {
        name: pad._replace(record=replace(pad.record, view_key=made[name].record.view_key))
        for name, pad in found.items()
    }


async def opened(folder: Path) -> Contents:
    """What the store says is there."""
    store = SQLiteStore(folder, worker=AtOnce)
    contents = await contents_of(store, ["first", "second"])
    await store.close()
    return contents


async def test_what_cannot_be_after_a_power_failure_is_a_loss(tmp_path):
    """A file that is not a database, one with less than there should be, one with other things."""
    write_image(tmp_path / "image", {DATABASE: b"not a database" * 100})
    with pytest.raises(Loss, match="does not open"):
        await after_power_failure(tmp_path / "image", [{}])

    store = SQLiteStore(tmp_path / "data")
    for name in ("one", "two"):
        await store.create(name, title="", epoch="", view_key=name, time_ms=0)
    both = await contents_of(store, ["one", "two"])
    await store.close()
    assert await after_power_failure(tmp_path / "data", [{}, both]) == both
    with pytest.raises(Loss, match="missing: the last 1 acknowledged steps"):
        await after_power_failure(tmp_path / "data", [{}], [{}, after(both)])
    with pytest.raises(Loss, match="damaged: there is one: 1 entries"):
        await after_power_failure(tmp_path / "data", [both], [{}])


def after(contents: Contents) -> Contents:
    """With the entry by which a power failure is seen to be over."""
    entry = Entry(["after"], "after power", "somebody", 1, 0, b"digest")
    first, pad = next(iter(contents.items()))
    authors = frozenset({Author("after power", "somebody", "", 0)})
    return contents | {first: pad._replace(entries=(entry,), authors=authors)}


def test_images(tmp_path):
    """What is synced is in every image; of what is not, all that a disk may do is in some."""
    synced, page = b"s" * 1_000, b"n" * 2_048
    disk = Disk({"db": synced, "gone": b"!"})
    for event in (
        Name("wal", 2),
        Write(2, 0, b"head"),
        Sync(2, folder=False),
        Name("gone", None),
        Write(0, 600, page),
        Truncate(0, 900),
        Write(2, 4, b"tail"),
    ):
        disk.feed(event)
    chance = random.Random(1)
    images = {kind: [disk.image(kind, chance) for _ in range(300)] for kind in KINDS}

    assert images["nothing"][0] == {"db": synced, "gone": b"!"}, "its name was not synced"
    after = {"db": synced[:600] + page[:300], "wal": b"headtail"}
    assert images["everything"][0] == after
    for image in images["prefix"]:
        assert ("gone" in image) <= (image["db"] == synced), "in order"
        assert image.get("wal") != b"headtail" or image == after
    whole = {image["db"] for image in images["writes"]}
    assert whole == {synced, synced[:900], synced[:600] + page, after["db"]}
    assert {image.get("wal") for image in images["writes"]} == {None, b"head", b"headtail"}
    for image in images["sectors"] + images["torn"]:
        assert image["db"][:600] == synced[:600], "nothing beside a write is touched"
        assert image.get("wal", b"head")[:4] == b"head"
    # The first sector of the write ends at 1,024, and all that follow are 512 bytes.
    seconds = {image["db"][1024:1536] for image in images["sectors"]}
    assert {b"n" * 512, b"\0" * 512} < seconds and len(seconds) > 10
    disk.feed(SyncFolder())
    assert disk.image("nothing", chance) == {"db": synced, "wal": b"head"}


async def test_a_recording_is_the_disk(tmp_path):
    """All that it has noted, done again, makes the very files that are there; folders are synced
    when SQLite does that, and not when it does not.
    """
    folder = tmp_path / "data"
    folder.mkdir()
    with recorded(folder) as disk:
        prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int))
        pointer = disk.xGetSystemCall("openDirectory")
        assert pointer is not None
        real, synced = prototype(pointer), []

        def noted(path: bytes, descriptor: object) -> int:
            # The event of which this is a part is the next one.
            synced.append(len(disk.events))
            return int(real(path, descriptor))

        call = prototype(noted)
        disk.xSetSystemCall("openDirectory", ctypes.cast(call, ctypes.c_void_p).value or 0)
        try:
            store = SQLiteStore(folder, vfs=disk.vfs_name)
            for number in range(20):
                await store.create(f"{number}", title="", epoch="", view_key=f"{number}", time_ms=0)
            state = Disk(disk.before)
            for event in disk.events:
                state.feed(event)
            is_there = {path.name: path.read_bytes() for path in folder.iterdir()}
            await store.close()
        finally:
            disk.xSetSystemCall("openDirectory", 0)
    image = state.image("everything", random.Random(1))
    assert image == {name: is_there[name] for name in (DATABASE, f"{DATABASE}-wal")}
    folder_syncs = [
        index
        for index, event in enumerate(disk.events)
        if isinstance(event, SyncFolder) or (isinstance(event, Sync) and event.folder)
    ]
    assert folder_syncs and folder_syncs == synced


async def test_one_connection_writes_and_checkpoints(tmp_path):
    """Whatever is read beside it, and also at the end: two that checkpoint at one moment is how old
    versions of SQLite corrupted files; the one that comes with apsw is none of these.
    """
    assert apsw.SQLITE_VERSION_NUMBER >= 3_051_003
    folder = tmp_path / "data"
    folder.mkdir()
    with recorded(folder) as disk:
        store = SQLiteStore(folder, vfs=disk.vfs_name)
        made = len(disk.events)
        cramp(store)
        for number in range(30):
            name = f"{number}"
            await asyncio.gather(
                store.create(name, title="", epoch="", view_key=name, time_ms=0), store.find(name)
            )
        await store.close()
    handles: dict[int, set[int]] = {}
    for event in disk.events[made:]:
        if isinstance(event, Write):
            handles.setdefault(event.file, set()).add(event.handle)
    assert disk.file(DATABASE) in handles, "there were checkpoints"
    assert all(len(writing) == 1 for writing in handles.values())


async def test_the_folder_itself_is_on_the_disk(tmp_path, monkeypatch):
    """A new data folder, and each new one above it, is synced into the one that it is in."""
    fsync, synced = os.fsync, []

    def noted(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    await SQLiteStore(tmp_path / "new" / "data").close()
    assert synced == [tmp_path.stat().st_ino, (tmp_path / "new").stat().st_ino]
    await SQLiteStore(tmp_path / "new" / "data").close()
    assert len(synced) == 2, "one that was there is there"
