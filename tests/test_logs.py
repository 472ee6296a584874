"""export, import, verify: whole histories out of a data folder, in again, and checked"""

from __future__ import annotations

import asyncio
import gzip
import subprocess
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
import zstandard
from click.testing import CliRunner

from client_py import PadClient
from ot.log import Entry
from ot.traces import LogHeader, LogReader, write_log
from server.__main__ import main
from server.database import DATABASE, connect
from server.folder import DataFolder
from server.logs import create_file
from server.rows import COLUMNS
from server.sqlite import SQLiteStore
from server.storage import Append, StorageError
from tests.conftest import DELTAPAD, ServerProcess
from tests.editing_traces import encode_trace, own_trace, patch_operation
from tests.wire import create_pad

ODD_TITLE = "Tïtle 😀 [bold]"
REVISIONS = 2_345


def run(command: str, *arguments: str | Path, data: Path) -> subprocess.CompletedProcess[bytes]:
    """The command, in this process: fast."""
    line = [command, *map(str, arguments), "--data", str(data)]
    done = CliRunner().invoke(main, line)
    return subprocess.CompletedProcess(line, done.exit_code, done.stdout_bytes, done.stderr_bytes)


def process(command: str, *arguments: str | Path, data: Path) -> subprocess.CompletedProcess[bytes]:
    """The real command, to its end."""
    return subprocess.run(
        [DELTAPAD, command, *arguments, "--data", data],
        capture_output=True,
        timeout=60,
        check=False,
    )


def entries(revisions: int = REVISIONS) -> list[Entry]:
    """A log of two people, who take turns."""
    log, seqs = [], [0, 0]
    for index, patches in enumerate(own_trace(8, revisions).transactions):
        who = index // 7 % 2
        seqs[who] += 1
        op = patch_operation(patches[0])
        log.append(Entry(op, f"s{who}", f"p{who}", seqs[who], 1_000 * index, b"%016d" % index))
    return log


LOG = entries()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a pad, `notes`, and an empty one. Not to be written."""

    async def fill(folder: Path) -> None:
        store = SQLiteStore(folder)
        await store.create("notes", title=ODD_TITLE, epoch="epoch", view_key="v1", time_ms=77)
        await store.create("empty", title="Empty", epoch="epoch", view_key="v2", time_ms=78)
        record = await store.find("notes")
        assert record is not None
        await store.append([Append(record.key, 0, LOG[:1_000])])
        text = own_trace(8, 1_000).end
        assert text is not None
        await store.save_snapshot(record.key, revision=1_000, text=text)
        await store.append([Append(record.key, 1_000, LOG[1_000:])])
        await store.close()

    folder = tmp_path_factory.mktemp("store")
    asyncio.run(fill(folder))
    return folder


@pytest.fixture
def exported(store: Path, tmp_path: Path) -> Path:
    path = tmp_path / "notes.jsonl"
    done = run("export", "notes", "-o", path, data=store)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    return path


def test_export(store, exported):
    """The whole history, with the pad's title and time; to a file or to standard output."""
    reader = LogReader(exported.read_bytes().splitlines(keepends=True))
    assert list(reader) == LOG
    assert reader.header == LogHeader("notes", ODD_TITLE, 77)
    assert run("export", "notes", data=store).stdout == exported.read_bytes()


def test_an_export_never_takes_the_place_of_the_database(store, tmp_path):
    """Nor of a link to it; a folder that is not there is named."""
    link = tmp_path / "link.jsonl"
    link.symlink_to(store / DATABASE)
    for path in (store / DATABASE, link):
        refused = run("export", "notes", "-o", path, data=store)
        assert refused.returncode == 1
        assert f"{path} is the database itself".encode() in refused.stderr
    nowhere = run("export", "notes", "-o", tmp_path / "none" / "notes.jsonl", data=store)
    assert nowhere.returncode == 1
    assert f"there is no folder {tmp_path / 'none'}".encode() in nowhere.stderr
    assert run("verify", "notes", data=store).returncode == 0


def test_an_export_takes_no_place_without_being_told_so(store, tmp_path):
    """A file that is there stays as it is, unless `--force` is said."""
    path = tmp_path / "notes.jsonl"
    path.write_text("mine")
    refused = run("export", "notes", "-o", path, data=store)
    assert refused.returncode == 1
    assert b"is there already, and it stays; --force replaces it" in refused.stderr
    assert path.read_text() == "mine" and list(tmp_path.iterdir()) == [path]
    assert run("export", "notes", "-o", path, "--force", data=store).returncode == 0
    assert path.read_bytes() == run("export", "notes", data=store).stdout
    database = run("export", "notes", "-o", store / DATABASE, "--force", data=store)
    assert b"is the database itself" in database.stderr


@pytest.mark.parametrize(
    ("suffix", "unpack"), [(".gz", gzip.decompress), (".zst", zstandard.decompress)]
)
def test_compressed_by_name(store, exported, tmp_path, suffix, unpack):
    """The same lines, the same file each time."""
    paths = [tmp_path / f"{name}.jsonl{suffix}" for name in "ab"]
    for path in paths:
        assert run("export", "notes", "-o", path, data=store).returncode == 0
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    if suffix == ".zst":  # written as a stream: its length is not in the frame
        unpack = zstandard.ZstdDecompressor().decompressobj().decompress
    assert unpack(first) == exported.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("pad", ["notes", "empty"])
def test_round_trip(store, tmp_path, pad):
    """Exported, imported, exported again: the same bytes, under an epoch of its own."""
    first, second = tmp_path / "first.zst", tmp_path / "second.zst"
    other = tmp_path / "other"
    process("export", pad, "-o", first, data=store)
    done = process("import", first, data=other)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"Imported ")
    process("export", pad, "-o", second, data=other)
    assert first.read_bytes() == second.read_bytes()
    epochs = {
        apsw.Connection(str(folder / DATABASE)).execute("SELECT epoch FROM pads").fetchall()[0][0]
        for folder in (store, other)
    }
    assert len(epochs) == 2
    assert run("verify", data=other).returncode == 0


@pytest.mark.slow
async def test_beside_a_running_server(serve: ServerProcess, tmp_path):
    """Export and verify read what is durable, and disturb nobody; import has to wait."""
    await create_pad(serve.url, "pad")
    path = tmp_path / "log"
    async with PadClient(serve.url, "pad", name="Ada") as ada:
        for number in range(30):
            ada.insert(len(ada.text), f"{number} ")
            await ada.synchronised()
        done = await asyncio.to_thread(process, "export", "pad", "-o", path, data=serve.data)
        assert done.returncode == 0, done.stderr
        verified = await asyncio.to_thread(process, "verify", data=serve.data)
        assert verified.returncode == 0, verified.stderr
        refused = await asyncio.to_thread(process, "import", path, "--pad", "new", data=serve.data)
        assert refused.returncode == 1
        assert b"in use by another deltapad; stop that one" in refused.stderr
        ada.insert(0, "on ")
        await ada.synchronised()
        text = ada.text
    reader = LogReader(path.read_bytes().splitlines(keepends=True))
    assert len(list(reader)) == 30
    assert "on " + str(reader.text) == text


@pytest.mark.slow
async def test_an_imported_pad_is_served(start_server, exported, tmp_path):
    """With its text and title; people go on typing in it."""
    server = start_server()
    server.stop()
    assert run("import", exported, data=server.data).returncode == 0
    server.start()
    async with PadClient(server.url, "notes") as client:
        assert client.text == own_trace(8, REVISIONS).end
        assert client.revision == REVISIONS
        client.insert(0, "more ")
        await client.synchronised()
    done = run("verify", "notes", data=server.data)
    assert done.returncode == 0
    assert b"2,346" in done.stdout


def test_a_name_that_is_taken(store, exported, tmp_path):
    """Is refused, with what to do; under another name it goes."""
    run("import", exported, data=tmp_path / "other")
    again = run("import", exported, data=tmp_path / "other")
    assert again.returncode == 1
    assert b"there is a pad 'notes' already" in again.stderr
    assert b"--pad NAME" in again.stderr
    renamed = run("import", exported, "--pad", "notes-2", data=tmp_path / "other")
    assert renamed.returncode == 0
    lines = run("export", "notes-2", data=tmp_path / "other").stdout.splitlines(keepends=True)
    reader = LogReader(lines)
    assert list(reader) == LOG
    assert reader.header == LogHeader("notes-2", ODD_TITLE, 77)


def test_a_damaged_file(exported, tmp_path):
    """Leaves no half pad; with --keep the pad has what is before the damage."""
    lines = exported.read_bytes().splitlines(keepends=True)
    lines[1_500] = lines[1_500].replace(b'"op"', b'"pp"')
    exported.write_bytes(b"".join(lines))
    data = tmp_path / "other"
    refused = run("import", exported, data=data)
    assert refused.returncode == 1
    assert f"{exported}: line 1501: its hash is wrong".encode() in refused.stderr
    assert b"Nothing was imported; --keep" in refused.stderr
    with DataFolder(data) as folder:
        assert folder.names() == []
    kept = run("import", exported, "--keep", data=data)
    assert kept.returncode == 1
    assert b"Imported 1,498 revisions as notes" in kept.stdout
    assert b"What comes before was imported" in kept.stderr
    with DataFolder(data) as folder:
        assert list(folder.entries("notes")) == LOG[:1_498]
    assert run("verify", data=data).returncode == 0


def test_what_is_no_log(tmp_path):
    """A trace, or nothing that can be read: nothing is made."""
    trace, rubbish = tmp_path / "trace.json", tmp_path / "rubbish"
    trace.write_bytes(encode_trace(own_trace(1, 5)))
    rubbish.write_bytes(b"rubbish")
    assert b"deltapad replay" in run("import", trace, data=tmp_path / "d").stderr
    assert b"not JSON" in run("import", rubbish, data=tmp_path / "d").stderr
    assert not (tmp_path / "d").exists()
    assert run("import", trace, "--pad", "a b", data=tmp_path / "d").returncode == 2


def test_pads_that_are_not_there(store, tmp_path):
    """Exit code 1, with the names that are; no data folder is made by reading."""
    for command in ("export", "verify"):
        done = run(command, "nowhere", data=store)
        assert done.returncode == 1
        assert b"there is no pad 'nowhere'" in done.stderr
    assert b"there are: empty, notes" in run("export", "nowhere", data=store).stderr
    done = run("verify", data=tmp_path / "none")
    assert b"there is no deltapad database" in done.stderr
    assert not (tmp_path / "none").exists()
    (tmp_path / DATABASE).write_bytes(b"something else entirely")
    assert run("verify", data=tmp_path).returncode == 1


def test_verify(store):
    """A row for each pad; nothing on standard error."""
    done = run("verify", data=store)
    assert (done.returncode, done.stderr) == (0, b"")
    rows = [line.split() for line in done.stdout.decode().splitlines()]
    text = own_trace(8, REVISIONS).end
    assert rows[0] == ["pad", "revisions", "length", "sessions", "hash"]
    assert (rows[1][:4], rows[1][-1]) == (["empty", "0", "0", "0"], "right")
    assert rows[2][:4] == ["notes", "2,345", f"{len(text or ''):,}", "2"]


def change(sql: str) -> Callable[[apsw.Connection], None]:
    def work(connection: apsw.Connection) -> None:
        connection.execute(sql)

    return work


@pytest.mark.parametrize(
    ("sql", "wrong"),
    [
        ("DELETE FROM log WHERE revision = 7", "revision 7 is missing"),
        ("UPDATE log SET op = x'5b305d' WHERE revision = 8", "revision 8: component 0 is 0"),
        ("UPDATE log SET op = x'5b' WHERE revision = 9", "revision 9: Input data was truncated"),
        (
            "UPDATE log SET op = CAST('[999999,-1]' AS BLOB) WHERE revision = 10",
            "revision 10: the operation covers 1000000 code points",
        ),
        ("UPDATE log SET digest = x'' WHERE revision = 11", "revision 11: it has no digest"),
        ("UPDATE log SET seq = 99999 WHERE revision = 2", "revision 2: seq 99999 of session s0"),
        ("UPDATE snapshots SET text = x'41'", "revision 1000: the snapshot is not the text"),
        ("UPDATE snapshots SET revision = 9999", "a snapshot of revision 9999, but the log ends"),
        ("DELETE FROM log", "a snapshot of revision 1000, but the log ends with 0"),
        (
            "INSERT INTO snapshots SELECT id, 0, x'41', 0 FROM pads WHERE name = 'empty'",
            "revision 0: the snapshot is not the text",
        ),
    ],
)
def test_verify_finds(store, tmp_path, sql, wrong):
    """The first revision that is wrong, and what is; exit code 1. Checksums that are right do not
    help: it is what we would have written ourselves, by a bug.
    """
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / DATABASE).write_bytes((store / DATABASE).read_bytes())
    connection = connect(copy / DATABASE)
    connection.execute(sql)
    connection.execute(
        f"UPDATE log SET checksum = (SELECT checksum({COLUMNS['log']}) FROM authors"
        " WHERE authors.id = author);"
        f"UPDATE snapshots SET checksum = checksum({COLUMNS['snapshots']})"
    )
    connection.close()
    done = run("verify", data=copy)
    assert done.returncode == 1
    assert wrong in done.stderr.decode()
    assert b"wrong" in done.stdout and b"right" in done.stdout


def test_verify_finds_a_damaged_database(store, tmp_path):
    """What SQLite finds in its file is told too."""
    content = bytearray((store / DATABASE).read_bytes())
    # A page in the middle, of the log or its index.
    middle = len(content) // 2 // 4_096 * 4_096
    content[middle : middle + 4_096] = bytes(4_096)
    (tmp_path / DATABASE).write_bytes(content)
    done = run("verify", data=tmp_path)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr and done.stderr


def test_what_is_damaged_is_not_exported(store, tmp_path):
    """No file is left; verify is named. What comes before the damage can be had by a pipe."""
    (tmp_path / DATABASE).write_bytes((store / DATABASE).read_bytes())
    connection = apsw.Connection(str(tmp_path / DATABASE))
    path = tmp_path / "out"
    for sql, words in (
        ("UPDATE log SET op = CAST('[999999,-1]' AS BLOB) WHERE revision = 9", "deltapad verify"),
        ("DELETE FROM log WHERE revision = 7", "revision 7 of notes is missing"),
    ):
        connection.execute(sql)
        done = run("export", "notes", "-o", path, data=tmp_path)
        assert done.returncode == 1
        assert words in done.stderr.decode()
        assert list(tmp_path.glob("*out*")) == []
    connection.close()
    # Standard output has what comes before the damage, which can be imported.
    done = run("export", "notes", data=tmp_path)
    assert done.returncode == 1
    path.write_bytes(done.stdout)
    assert run("import", path, "--keep", data=tmp_path / "new").returncode == 1
    with DataFolder(tmp_path / "new") as folder:
        assert list(folder.entries("notes")) == LOG[:6]


def test_the_environment_names_the_folder(store):
    """As it does for `serve`."""
    done = subprocess.run(
        [DELTAPAD, "export", "empty"],
        capture_output=True,
        env={"DELTAPAD_DATA": str(store)},
        check=True,
        timeout=20,
    )
    assert done.stdout.startswith(b'{"deltapad":"log"')


@pytest.mark.slow
def test_a_reader_that_has_enough(store):
    """`deltapad export | head` ends without a traceback."""
    done = subprocess.run(
        f"'{DELTAPAD}' export notes --data '{store}' | head -c 100",
        shell=True,
        capture_output=True,
        check=False,
        timeout=20,
    )
    assert len(done.stdout) == 100
    assert done.stderr == b""


def test_what_was_there_before_stays_if_writing_fails(tmp_path):
    """A file appears when it is whole, or not at all."""
    path = tmp_path / "file.gz"
    path.write_bytes(b"before")

    def fail() -> None:
        with create_file(path) as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("file.gz", b"before")]


def test_a_large_log_is_streamed(tmp_path, monkeypatch):
    """Neither export nor import holds the entries: a few rows are under way at a time."""
    alive = most = 0

    def counted():
        nonlocal alive, most
        for item in entries(3_000):
            alive += 1
            most = max(most, alive)
            yield item
            alive -= 1

    lines = write_log(LogHeader("pad", "Pad", 0), counted())
    with DataFolder(tmp_path, write=True) as folder:
        assert folder.import_log(LogReader(lines), "pad", keep=False) is not None
    assert most == 1
    with DataFolder(tmp_path) as folder:
        assert sum(1 for _ in folder.entries("pad")) == 3_000
        with pytest.raises(apsw.ReadOnlyError):
            folder._connection.execute("DELETE FROM log")
    with pytest.raises(StorageError), DataFolder(tmp_path / "none"):
        pass
