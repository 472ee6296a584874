"""the Python client over a real WebSocket: for programs, tests, load, agents

    async with PadClient("http://127.0.0.1:8080", "notes", name="Robot") as pad:
        pad.insert(len(pad.text), "Hello from Python.\\n")
        await pad.synchronised()

It is a peer like a browser's tab: edits apply at once, what others type is merged in, and a lost
connection is made again with what is in flight sent exactly as before. What is pending lives in
memory only: await `synchronised` before your program ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
from collections.abc import Callable
from types import TracebackType

import aiohttp

from ot.client import Client, Desync
from ot.errors import CODES, DeltapadError, ProtocolError
from ot.messages import (
    SUBPROTOCOL,
    DeltaMessage,
    ErrorMessage,
    Hello,
    OpsMessage,
    PeopleMessage,
    Person,
    Ping,
    ServerMessage,
    Welcome,
    decode_server,
    encode,
)
from ot.operation import Operation, apply, validate

__all__ = ["PadClient", "Refused"]

# Seconds. The first try after a loss comes within half a second, later ones within 15.
_BACKOFF_FIRST, _BACKOFF_MAX = 0.5, 15.0
_PING_SECONDS, _SILENCE_SECONDS = 5.0, 10.0


class Refused(Exception):
    """The server has refused this client for good; `error` says why. Unsent edits are in
    `PadClient.text`.
    """

    def __init__(self, error: ErrorMessage) -> None:
        super().__init__(f"{error.code}: {error.message}")
        self.error = error


class PadClient:
    """One session on one pad."""

    def __init__(
        self,
        url: str,
        pad: str,
        *,
        name: str = "Guest",
        person_key: str | None = None,
        on_change: Callable[[Operation], None] | None = None,
        rng: random.Random | None = None,
    ) -> None:
        """`url` is the server's, `http://host:port`; `on_change` is told of each operation from
        others.

        `person_key` is a secret that names you over several sessions; without one you are new.
        """
        self.text = ""
        self.people: dict[str, Person] = {}
        # Public id, empty until the first welcome.
        self.session = ""
        # How often it has been connected: 1 once connected, more after losses.
        self.connections = 0
        self._socket_url = f"{url.replace('http', 'ws', 1)}/ws/{pad}"
        self._name = name
        self._session_key = secrets.token_urlsafe(16)
        self._person_key = person_key or secrets.token_urlsafe(16)
        self._on_change = on_change
        self._rng = rng or random.Random()
        self._machine = Client()
        # Of the text that is here; None for none.
        self._epoch: str | None = None
        self._welcome: Welcome | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()
        self._failure: Refused | None = None
        self._bell = asyncio.Event()

    @property
    def revision(self) -> int:
        """The newest revision that has arrived."""
        return self._machine.revision

    @property
    def pending(self) -> bool:
        """Whether anything edited here is not acknowledged yet."""
        return self._machine.pending

    async def __aenter__(self) -> PadClient:
        self._task = asyncio.create_task(self._run())
        await self._until(lambda: self._welcome is not None)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Refused):
            await self._task

    def edit(self, op: Operation) -> None:
        """Change the text; it is sent as soon as the connection allows.

        Raises OperationError `bad_operation`, `lone_surrogate`, `op_past_end` if `op` is wrong in
        itself or does not fit the text, and Refused if the server has refused this client.
        """
        if self._failure is not None:
            raise self._failure
        self.text = apply(self.text, validate(op))
        self._machine.edit(op)
        self._bell.set()

    def insert(self, position: int, text: str) -> None:
        """Put `text` at `position` (code points). Raises as `edit` does."""
        self.edit([position, text] if position else [text])

    def delete(self, position: int, length: int) -> None:
        """Remove `length` code points from `position` on. Raises as `edit` does."""
        self.edit([position, -length] if position else [-length])

    async def synchronised(self) -> None:
        """Wait until everything edited here is durable on the server. Raises Refused."""
        await self._until(lambda: not self._machine.pending)

    async def reached(self, revision: int) -> None:
        """Wait until `revision` has arrived. Raises Refused."""
        await self._until(lambda: self._machine.revision >= revision)

    async def disconnect(self) -> None:
        """Cut the connection, without a goodbye; it will be made again."""
        if self._socket is not None and self._socket._response.connection is not None:
            transport = self._socket._response.connection.transport
            if transport is not None:
                transport.abort()

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._failure is not None or condition())
        if self._failure is not None:
            raise self._failure

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _run(self) -> None:
        """Connect, and again whenever the connection is lost."""
        attempt = 0
        async with aiohttp.ClientSession() as http:
            while self._failure is None:
                connections = self.connections
                try:
                    await self._converse(http)
                except (aiohttp.ClientError, ConnectionError, TimeoutError):
                    pass
                except (Desync, DeltapadError) as error:
                    # A fault of the server or of ours: whoever waits is told, `text` stays.
                    self._failure = Refused(ErrorMessage("desync", str(error), "stop"))
                self._socket = None
                attempt = 0 if self.connections > connections else attempt + 1
                bound = min(_BACKOFF_MAX, _BACKOFF_FIRST * 2**attempt)
                if self._failure is None:
                    await asyncio.sleep(self._rng.uniform(0, bound))
        await self._notify()

    async def _converse(self, http: aiohttp.ClientSession) -> None:
        """One connection, from hello to its end."""
        async with http.ws_connect(
            self._socket_url, protocols=(SUBPROTOCOL,), max_msg_size=0
        ) as socket:
            hello = Hello(
                session=self._session_key,
                person=self._person_key,
                name=self._name,
                epoch=self._epoch,
                revision=None if self._epoch is None else self._machine.revision,
            )
            await socket.send_str(encode(hello).decode())
            sender: asyncio.Task[None] | None = None
            try:
                while True:
                    frame = await socket.receive(timeout=_SILENCE_SECONDS)
                    if frame.type is not aiohttp.WSMsgType.TEXT:
                        return
                    try:
                        message = decode_server(frame.data)
                    except ProtocolError as error:
                        if error.code == "unknown_message":
                            continue  # a newer server may say more than we know
                        raise
                    await self._receive(message)
                    if isinstance(message, ErrorMessage) or self._failure is not None:
                        return
                    if isinstance(message, Welcome):
                        self._socket = socket
                        self.connections += 1
                        sender = asyncio.create_task(self._send(socket))
                    self._bell.set()
                    await self._notify()
            finally:
                if sender is not None:
                    sender.cancel()
                    with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                        await sender

    async def _send(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """First what was in flight, exactly as before; then whatever there is, and pings."""
        assert self._welcome is not None
        message = self._machine.resend()
        while True:
            if message is not None:
                await socket.send_str(encode(message).decode())
            self._bell.clear()
            message = self._machine.send(self._welcome.limits)
            if message is None:
                try:
                    async with asyncio.timeout(_PING_SECONDS):
                        await self._bell.wait()
                except TimeoutError:
                    await socket.send_str(encode(Ping()).decode())

    async def _receive(self, message: ServerMessage) -> None:
        if isinstance(message, Welcome):
            self._take_welcome(message)
        elif isinstance(message, OpsMessage | DeltaMessage):
            received = self._machine.receive(message, self.session)
            if received.op is not None:
                self.text = apply(self.text, received.op)
                if self._on_change is not None:
                    self._on_change(received.op)
        elif isinstance(message, PeopleMessage):
            if message.everybody:
                self.people.clear()
            self.people.update({person.session: person for person in message.people})
            for session in message.left:
                self.people.pop(session, None)
        elif isinstance(message, ErrorMessage):
            self._take_error(message)

    def _take_welcome(self, message: Welcome) -> None:
        if message.text is not None:
            if self._machine.pending:
                # Nothing typed is thrown away: `text` still has it.
                self._failure = Refused(
                    ErrorMessage("epoch_changed", "the pad was restored from a backup", "draft")
                )
                return
            self.text = message.text
            self._machine = Client(revision=message.revision, last_seq=message.committed[0])
        self._welcome = message
        self.session = message.session
        self._epoch = message.epoch

    def _take_error(self, message: ErrorMessage) -> None:
        known = CODES.get(message.code)
        action = message.action if known is None else known.action
        if action == "resession":
            self._machine.restart()
            self._session_key = secrets.token_urlsafe(16)
        elif action != "reconnect":
            self._failure = Refused(message)
