"""what a hub has a store do, step by step, and what the store must hold after each step"""

from __future__ import annotations

import contextlib
import random
from typing import Final, NamedTuple

from ot.log import Entry
from ot.operation import Operation, apply
from server.sqlite import SQLiteStore
from server.storage import Append, Author, PadRecord, Profile, StorageError, Version

__all__ = ["Contents", "PadContents", "Workload", "contents_of", "in_words"]

# A text that has grown longer is cut, in code points, so that images stay small.
_LENGTH_MAX: Final = 6_000
# Further than any log of a test goes.
_ALL: Final = 1_000_000


class PadContents(NamedTuple):
    """All that the store has of a pad."""

    record: PadRecord
    entries: tuple[Entry, ...] = ()
    authors: frozenset[Author] = frozenset()
    versions: tuple[Version, ...] = ()
    snapshot: tuple[int, str] = (0, "")


Contents = dict[str, PadContents]


async def contents_of(store: SQLiteStore, names: list[str]) -> Contents:
    """All that the store has of these pads."""
    contents = {}
    for name in names:
        record = await store.find(name)
        if record is None:
            raise StorageError(f"{name} is listed, and is not there")
        loaded = await store.load(record.key, before=0)
        contents[name] = PadContents(
            record,
            tuple(await store.read(record.key, 0, _ALL)),
            frozenset((await store.authors(record.key)).values()),
            tuple(await store.versions(record.key)),
            (loaded.revision, loaded.text),
        )
    return contents


def in_words(contents: Contents) -> str:
    """What is where, in few words."""
    pads = (
        f"{name}: {len(pad.entries)} entries, {len(pad.authors)} authors,"
        f" {len(pad.versions)} versions, a snapshot of {pad.snapshot[0]}, {pad.record.title!r}"
        for name, pad in contents.items()
    )
    return "; ".join(pads) or "nothing"


class Workload:
    """Has the store do what a hub has it do, and knows what is in it."""

    def __init__(self, contents: Contents, chance: random.Random) -> None:
        self.contents = dict(contents)
        self._chance = chance
        self._texts = {
            name: _text([entry.op for entry in pad.entries]) for name, pad in contents.items()
        }

    async def step(self, store: SQLiteStore) -> None:
        """One thing that is acknowledged when it is over."""
        names = list(self.contents)
        if len(names) < 2 or (len(names) < 6 and self._chance.random() < 0.05):
            await self._create(store, f"pad-{len(names)}")
            return
        act, name = self._chance.random(), self._chance.choice(names)
        if act < 0.72:
            await self._append(store)
        elif act < 0.76:
            await self._refused(store, name)
        elif act < 0.84:
            await self._snapshot(store, name)
        elif act < 0.92:
            await self._properties(store, name)
        else:
            await self._version(store, name)

    async def _create(self, store: SQLiteStore, name: str) -> None:
        epoch, view_key = f"epoch of {name}", f"key of {name}"
        await store.create(name, title=name, epoch=epoch, view_key=view_key, time_ms=1)
        # Keys are given in order.
        key = len(self.contents) + 1
        self.contents[name] = PadContents(PadRecord(key, name, name, epoch, view_key))
        self._texts[name] = ""

    async def _append(self, store: SQLiteStore) -> None:
        """A batch: some entries of some pads; known authors, new ones, and new names of some."""
        batch = []
        for name in self._chance.sample(list(self.contents), self._chance.randint(1, 2)):
            pad = self.contents[name]
            revision, entries = len(pad.entries), list(pad.entries)
            authors = {author.session: author for author in pad.authors}
            profiles: dict[str, Profile] = {}
            for _ in range(self._chance.randint(1, 4)):
                session = f"session {self._chance.randrange(len(authors) + 2)}"
                entries.append(self._entry(name, session, entries))
                if session not in authors or self._chance.random() < 0.1:
                    profile = (f"Name {self._chance.randrange(99)}", self._chance.randint(1, 12))
                    profiles[session] = profile
                    authors[session] = Author(session, entries[-1].person, *profile)
            self.contents[name] = pad._replace(
                entries=tuple(entries), authors=frozenset(authors.values())
            )
            batch.append(Append(pad.record.key, revision, entries[revision:], profiles))
        await store.append(batch)

    async def _refused(self, store: SQLiteStore, name: str) -> None:
        """A batch whose last entry is there already: none of it is."""
        pad = self.contents[name]
        entries = [
            Entry([f"{number} " * 500], "refused", "somebody", 1 + number % 9, 0, b"digest")
            for number in range(10)
        ]
        with contextlib.suppress(StorageError):
            await store.append([Append(pad.record.key, len(pad.entries), entries)])
            raise AssertionError("the store has taken an entry twice")

    def _entry(self, name: str, session: str, before: list[Entry]) -> Entry:
        op = self._operation(self._texts[name])
        self._texts[name] = apply(self._texts[name], op)
        seq = 1 + sum(entry.session == session for entry in before)
        digest = self._chance.randbytes(16)
        return Entry(op, session, f"person of {session}", seq, len(before), digest)

    def _operation(self, text: str) -> Operation:
        """Typing, deleting, and now and then something that fills some pages."""
        at = self._chance.randint(0, len(text))
        retain: Operation = [at] if at else []
        if len(text) > _LENGTH_MAX:
            return [-len(text) // 2]
        if at < len(text) and self._chance.random() < 0.2:
            return retain + [-self._chance.randint(1, min(9, len(text) - at))]
        length = 5_000 if self._chance.random() < 0.03 else self._chance.randint(1, 30)
        return retain + ["".join(self._chance.choices("aäあ😀 \0\n", k=length))]

    async def _snapshot(self, store: SQLiteStore, name: str) -> None:
        pad = self.contents[name]
        revision, text = len(pad.entries), self._texts[name]
        await store.save_snapshot(pad.record.key, revision=revision, text=text)
        if revision > pad.snapshot[0]:
            self.contents[name] = pad._replace(snapshot=(revision, text))

    async def _properties(self, store: SQLiteStore, name: str) -> None:
        pad = self.contents[name]
        title, language = f"Title {self._chance.randrange(999)}", self._chance.choice(["c++", None])
        view_key = self._chance.choice([f"key {self._chance.random()} of {name}", None])
        record = await store.set_properties(
            pad.record.key, title=title, language=language, view_history=None, view_key=view_key
        )
        self.contents[name] = pad._replace(record=record)

    async def _version(self, store: SQLiteStore, name: str) -> None:
        """Name a revision, or take the oldest name away."""
        pad = self.contents[name]
        revision = len(pad.entries)
        versions = {version.revision: version for version in pad.versions}
        label = "" if len(versions) > 3 else f"Version {self._chance.randrange(999)}"
        if label:
            versions[revision] = Version(revision, label, "somebody", 7)
        else:
            revision = min(versions)
            del versions[revision]
        await store.name_version(pad.record.key, revision, label, "somebody", 7)
        ordered = tuple(versions[number] for number in sorted(versions))
        self.contents[name] = pad._replace(versions=ordered)


def _text(operations: list[Operation]) -> str:
    text = ""
    for operation in operations:
        text = apply(text, operation)
    return text
