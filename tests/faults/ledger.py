"""a ledger of what clients sent, saw acknowledged and were shown, kept outside the server

Clients type without end, over real sockets, each character a code point that nobody else types. The
ledger notes each operation before it is sent, and each message before the client takes it in; then
it holds the server's file against that, which is all that a dead server has left.

The file must have every acknowledged (session, seq) at exactly the revision that was told, nothing
twice, each session's operations in order and as they were sent, no gaps, and at every revision what
anybody was shown there. In the end, when all is quiet, the clients' texts must equal the replay of
the log, and their characters must be those that were typed and not deleted.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from client_py import PadClient
from ot.log import Entry
from ot.messages import (
    DeltaMessage,
    ErrorMessage,
    OpMessage,
    OpsMessage,
    ServerMessage,
    Welcome,
    digest,
)
from ot.operation import Operation, apply
from server.folder import DataFolder, Finding
from server.storage import StorageError

__all__ = ["Broken", "Ledger", "Looked"]

# (public session id, seq)
Key = tuple[str, int]

# Seconds between two edits of a writer: as fast as all of them get their acknowledgements.
_EDIT_SECONDS: Final = 0.004
# A text that has grown longer loses its first half, in code points, so that edits stay quick.
_LENGTH_MAX: Final = 2_000
# Everything typed is from here on: planes 1 to 16, where no surrogates are.
_FIRST_CHARACTER: Final = 0x10000
_LAST_CHARACTER: Final = 0x10FFFF
# Far more than it takes until all that was typed has arrived everywhere, in seconds.
_QUIET_SECONDS_MAX: Final = 60.0


class Broken(AssertionError):
    """The server has broken a promise."""


class Impatient(random.Random):
    """Comes again soon: what is tested is not how long clients wait."""

    def uniform(self, a: float, b: float) -> float:
        """As ever, and short."""
        return super().uniform(a, min(b, 0.15))


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at the file has found: how many entries it has, and of the operations that were
    sent and not acknowledged, how many are in it and how many are not.
    """

    entries: int
    untold: int
    unwritten: int


@dataclass(slots=True)
class _Pad:
    """All that is known of a pad from outside."""

    sent: dict[Key, bytes] = field(default_factory=dict)
    acknowledged: dict[Key, int] = field(default_factory=dict)
    shown: dict[int, tuple[str, int, Operation]] = field(default_factory=dict)
    deltas: list[DeltaMessage] = field(default_factory=list)
    typed: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)


class Ledger:
    """What was seen from outside."""

    def __init__(self, seed: int) -> None:
        self.clients: list[tuple[str, PadClient]] = []
        # Codes of the errors that the server has told anybody.
        self.errors: set[str] = set()
        self._seed = seed
        self._pads: dict[str, _Pad] = {}
        self._typed = 0
        self._wrong: list[str] = []

    @property
    def acknowledged(self) -> int:
        """How many operations have been acknowledged."""
        return sum(len(pad.acknowledged) for pad in self._pads.values())

    @property
    def shown(self) -> int:
        """How many revisions somebody was shown as they are."""
        return sum(len(pad.shown) for pad in self._pads.values())

    def client(self, url: str, pad: str) -> PadClient:
        """A client of which everything is noted."""
        known, session = self._pads.setdefault(pad, _Pad()), ""

        def note(message: OpMessage | ServerMessage) -> None:
            nonlocal session
            if isinstance(message, Welcome):
                session = message.session
            elif isinstance(message, OpMessage):
                self._sent(known, (session, message.seq), digest(message.base, message.op))
            elif isinstance(message, OpsMessage):
                for revision, entry in enumerate(message.ops, message.start + 1):
                    self._shown(known, revision, entry, own=entry[0] == session)
            elif isinstance(message, DeltaMessage):
                known.deltas.append(message)
            elif isinstance(message, ErrorMessage):
                self.errors.add(message.code)

        rng = Impatient(f"{self._seed} {len(self.clients)}")
        client = PadClient(url, pad, rng=rng, on_message=note)
        self.clients.append((pad, client))
        return client

    def _sent(self, pad: _Pad, key: Key, hashed: bytes) -> None:
        if pad.sent.setdefault(key, hashed) != hashed:
            self._wrong.append(f"{key} was sent again as another operation")

    def _shown(
        self, pad: _Pad, revision: int, entry: tuple[str, int, Operation], *, own: bool
    ) -> None:
        if pad.shown.setdefault(revision, entry) != entry:
            self._wrong.append(f"revision {revision} was {pad.shown[revision]}, and is {entry}")
        key = entry[:2]
        if own and pad.acknowledged.setdefault(key, revision) != revision:
            self._wrong.append(f"{key} was acknowledged as revision {revision}, and as another")

    @contextlib.asynccontextmanager
    async def writing(self, url: str, pads: list[str], *, writers: int) -> AsyncIterator[None]:
        """Have so many clients type meanwhile, and wait at the end until all is quiet."""
        async with contextlib.AsyncExitStack() as stack:
            clients = [self.client(url, pads[number % len(pads)]) for number in range(writers)]
            for client in clients:
                await stack.enter_async_context(client)
            tasks = [
                asyncio.create_task(self._write(number, *self.clients[number]))
                for number in range(writers)
            ]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                # Refused clients say so here.
                for ended in await asyncio.gather(*tasks, return_exceptions=True):
                    if not isinstance(ended, asyncio.CancelledError):
                        self._wrong.append(f"a client has stopped: {ended}")
            await self._quiet()

    async def _write(self, number: int, name: str, client: PadClient) -> None:
        """Type, delete a little, for ever."""
        pad, chance = self._pads[name], random.Random(f"{self._seed} writer {number}")
        while True:
            length = len(client.text)
            at = chance.randint(0, length)
            if length > _LENGTH_MAX or chance.random() < 0.15:
                at, end = (0, length // 2) if length > _LENGTH_MAX else (at, min(length, at + 3))
                if end > at:
                    pad.deleted.update(client.text[at:end])
                    client.delete(at, end - at)
            else:
                text = "".join(self._characters(chance.randint(1, 4)))
                pad.typed.update(text)
                client.insert(at, text)
            await asyncio.sleep(chance.uniform(0, 2 * _EDIT_SECONDS))

    def _characters(self, count: int) -> Iterator[str]:
        for _ in range(count):
            yield chr(_FIRST_CHARACTER + self._typed)
            self._typed += 1
            assert _FIRST_CHARACTER + self._typed <= _LAST_CHARACTER, "type less in one ledger"

    async def more_acknowledged(self, count: int) -> None:
        """Wait until so many more operations are acknowledged."""
        goal = self.acknowledged + count
        async with asyncio.timeout(_QUIET_SECONDS_MAX):
            while self.acknowledged < goal:
                await asyncio.sleep(0.005)

    async def _quiet(self) -> None:
        async with asyncio.timeout(_QUIET_SECONDS_MAX):
            for _, client in self.clients:
                await client.synchronised()
            for name, client in self.clients:
                await client.reached(max(c.revision for n, c in self.clients if n == name))

    def look(self, data: Path) -> Looked:
        """Hold the file against what was seen; nobody else may have it open to write, or what is
        found is of different moments. Raises Broken.
        """
        if self._wrong:
            raise Broken("; ".join(self._wrong[:5]))
        entries = untold = unwritten = 0
        with DataFolder(data) as folder:
            if (damage := folder.damage()) is not None:
                raise Broken(damage)
            for name, pad in self._pads.items():
                *_, found = folder.verify(name)
                if isinstance(found, Finding) and found.wrong is not None:
                    raise Broken(f"{name}: {found.wrong}")
                try:
                    log = list(folder.entries(name))
                except StorageError as error:
                    raise Broken(str(error)) from None
                self._compare(name, pad, log)
                keys = {(entry.session, entry.seq) for entry in log}
                entries += len(log)
                untold += len(keys - pad.acknowledged.keys())
                unwritten += len(pad.sent.keys() - keys)
        return Looked(entries, untold, unwritten)

    def _compare(self, name: str, pad: _Pad, log: list[Entry]) -> None:
        """One pad's log with what was seen of it."""
        at = {(entry.session, entry.seq): revision for revision, entry in enumerate(log, 1)}
        if len(at) < len(log):
            raise Broken(f"{name}: a (session, seq) is there twice")
        for key, revision in pad.acknowledged.items():
            if at.get(key) != revision:
                raise Broken(f"{name}: {key} was acknowledged as {revision}, is at {at.get(key)}")
        for revision, (session, seq, op) in pad.shown.items():
            entry = log[revision - 1] if revision <= len(log) else None
            if entry is None or (entry.session, entry.seq, entry.op) != (session, seq, op):
                raise Broken(f"{name}: revision {revision} was shown, and is not there as it was")
        for entry in log:
            if pad.sent.get((entry.session, entry.seq)) != entry.digest:
                raise Broken(f"{name}: {entry} is in the log, and was not sent like that")

    def finish(self, data: Path) -> Looked:
        """The last look, after all has become quiet. Raises Broken."""
        looked = self.look(data)
        if looked.untold or looked.unwritten:
            raise Broken(f"not all has arrived: {looked}")
        with DataFolder(data) as folder:
            for name, pad in self._pads.items():
                texts = [""]
                for entry in folder.entries(name):
                    texts.append(apply(texts[-1], entry.op))
                for delta in pad.deltas:
                    if apply(texts[delta.start], delta.op) != texts[delta.end]:
                        raise Broken(f"{name}: a delta to {delta.end} is not what is in the log")
                if any(client.text != texts[-1] for of, client in self.clients if of == name):
                    raise Broken(f"{name}: a client has another text than the log makes")
                if sorted(texts[-1]) != sorted(pad.typed - pad.deleted):
                    raise Broken(f"{name}: it is not what was typed and not deleted")
        return looked
