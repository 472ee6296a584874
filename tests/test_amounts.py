"""how many of something, as commands say it"""

from __future__ import annotations

import pytest

from server.amounts import amount
from tests.test_backup import fill
from tests.test_logs import run


@pytest.mark.parametrize(
    ("count", "words", "said"),
    [
        (0, ("pad",), "0 pads"),
        (1, ("pad",), "1 pad"),
        (2, ("pad",), "2 pads"),
        (1_001, ("delivery", "deliveries"), "1,001 deliveries"),
        (1, ("delivery", "deliveries"), "1 delivery"),
    ],
)
def test_amount(count, words, said):
    """One is one; of none there are several, as of two."""
    assert amount(count, *words) == said


async def test_one_revision_of_one_pad(tmp_path):
    """The commands say so."""
    await fill(tmp_path / "data", 1)
    log, file = tmp_path / "log", tmp_path / "backup"
    run("export", "notes", "-o", log, data=tmp_path / "data")
    imported = run("import", log, data=tmp_path / "new")
    assert imported.stdout.startswith(b"Imported 1 revision as notes")
    backed_up = run("backup", file, data=tmp_path / "new")
    assert backed_up.stdout.startswith(b"Backed up 1 pad with 1 revision into ")
    restored = run("restore", file, data=tmp_path / "again")
    assert restored.stdout.startswith(b"Restored 1 pad with 1 revision into ")
    deleted = run("delete", "notes", "--yes", data=tmp_path / "again")
    assert deleted.stdout.endswith(b"was at revision 1 and had 1 letter.\n")
