"""a client over a wire in memory: types, hears, comes again, and keeps what it was told"""

from __future__ import annotations

import asyncio
import contextlib

from ot.client import Client
from ot.errors import DeltapadError
from ot.messages import (
    DeltaMessage,
    ErrorMessage,
    Hello,
    Limits,
    OpMessage,
    OpsMessage,
    PresenceMessage,
    StorageMessage,
    Welcome,
    decode_server,
    encode,
)
from ot.operation import Operation, apply
from server.conversation import Conversations
from server.hub import Hub

__all__ = ["WiredClient"]

# Before it comes again: any time will do, where nothing but the disk is slow.
_PAUSE_SECONDS = 0.001


class WiredClient:
    """A real client machine; to the server it is a `server.connection.Wire`."""

    full = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.session = ""
        self.text = ""
        # (seq, revision) of each acknowledgement, in the order in which they were heard.
        self.acknowledged: list[tuple[int, int]] = []
        # Every state of the server's disk that it was told, and every error.
        self.storage: list[str] = []
        self.errors: list[str] = []
        self.drafts: list[str] = []
        self.connections = 0
        self._key = name
        self.closed = True
        self._machine = Client()
        self._epoch: str | None = None
        self._limits: Limits | None = None
        self._frames: asyncio.Queue[bytes | None] = asyncio.Queue()

    @property
    def synchronised(self) -> bool:
        return not self._machine.pending

    @property
    def revision(self) -> int:
        return self._machine.revision

    def edit(self, op: Operation) -> None:
        """Type."""
        self.text = apply(self.text, op)
        self._machine.edit(op)
        self._pump()

    def say_presence(self, *, name: str) -> None:
        """Be called otherwise."""
        self._frames.put_nowait(
            encode(PresenceMessage(self._machine.revision, name, color=1, selections=[]))
        )

    async def stay(self, hub: Hub, conversations: Conversations, pad_name: str) -> None:
        """Be connected, and again when that has ended; until it is cancelled."""
        while True:
            # The upgrade is answered 503, or there is no server for now.
            with contextlib.suppress(DeltapadError, Exception):
                async with hub.open(pad_name) as pad:
                    assert pad is not None
                    self._connect()
                    await conversations.talk(self, pad)
            self.closed = True
            self._limits = None
            await asyncio.sleep(_PAUSE_SECONDS)

    def _connect(self) -> None:
        self.closed = False
        self._frames = asyncio.Queue()
        revision = None if self._epoch is None else self._machine.revision
        key = self._key.ljust(22, "-")
        self._say(Hello(key, key, self.name, epoch=self._epoch, revision=revision))

    def _say(self, message: Hello | OpMessage) -> None:
        self._frames.put_nowait(encode(message))

    def _pump(self) -> None:
        if self._limits is not None and (message := self._machine.send(self._limits)) is not None:
            self._say(message)

    # --- What the server sees -------------------------------------------------------------------

    async def receive(self, seconds_max: float | None = None) -> bytes | None:
        return None if self.closed else await self._frames.get()

    def write(self, *parts: bytes) -> None:
        if self.closed:
            raise ConnectionResetError
        message = decode_server(b"".join(parts))
        if isinstance(message, Welcome):
            self._welcome(message)
        elif isinstance(message, OpsMessage | DeltaMessage):
            received = self._machine.receive(message, self.session)
            if received.op is not None:
                self.text = apply(self.text, received.op)
            if isinstance(message, OpsMessage):
                self._note(message)
            self._pump()
        elif isinstance(message, StorageMessage):
            self.storage.append(message.state)
        elif isinstance(message, ErrorMessage):
            self.errors.append(message.code)
            if message.action == "draft":
                # What it has typed is put aside, and it begins again.
                self.drafts.append(self.text)
                self._machine, self._epoch = Client(), None
                self._key = f"{self.name}-{len(self.drafts)}"

    async def drain(self) -> None:
        await asyncio.sleep(0)

    async def close(self, code: int, reason: str) -> None:
        self.closed = True
        self._frames.put_nowait(None)

    def _welcome(self, message: Welcome) -> None:
        if message.text is not None:
            assert not self._machine.pending
            self.text = message.text
            self._machine = Client(revision=message.revision, last_seq=message.committed[0])
        self.connections += 1
        self.session, self._epoch, self._limits = message.session, message.epoch, message.limits
        resent = self._machine.resend()
        if resent is not None:
            self._say(resent)
        self._pump()

    def _note(self, message: OpsMessage) -> None:
        for revision, (session, seq, _) in enumerate(message.ops, message.start + 1):
            if session == self.session and (seq, revision) not in self.acknowledged:
                self.acknowledged.append((seq, revision))
