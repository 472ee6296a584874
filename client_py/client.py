"""the Python client over a real WebSocket: for programs, tests, load, agents

    async with PadClient("http://127.0.0.1:8080", "notes", name="Robot") as pad:
        pad.insert(len(pad.text), "Hello from Python.\\n")
        await pad.synchronised()

With `view=True` it comes by the view-only link, of which it has the key in place of the pad's name.

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
from typing import Any

import aiohttp

from client_py.comparison import Comparison, compare
from client_py.heartbeat import abort, beat, cut_if_failed, end, watch
from client_py.patience import Backoff, Patience
from ot.client import Client, Desync
from ot.errors import CODES, DeltapadError, ProtocolError
from ot.messages import (
    SUBPROTOCOL,
    DeltaMessage,
    Diverged,
    ErrorMessage,
    Hello,
    OpMessage,
    OpsMessage,
    PeopleMessage,
    Person,
    Pong,
    Properties,
    ServerMessage,
    SetProperties,
    StorageMessage,
    StorageState,
    TraceMessage,
    Welcome,
    decode_server,
    encode,
)
from ot.operation import Operation, apply, validate

__all__ = ["PadClient", "Refused"]

# Seconds that the upgrade may take, and a goodbye.
_UPGRADE_SECONDS, _GOODBYE_SECONDS = 10.0, 1.0
# Close codes behind which it would only happen again.
_FINAL = {1009: "frame_too_large", 4001: "replaced"}


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
        view: bool = False,
        name: str = "Guest",
        person_key: str | None = None,
        on_change: Callable[[Operation], None] | None = None,
        on_message: Callable[[OpMessage | ServerMessage], None] | None = None,
        rng: random.Random | None = None,
    ) -> None:
        """`url` is the server's, `http://host:port`; `on_change` is told of each operation from
        others. With `view`, `pad` is the key of a view-only link. `on_message` is told of each
        operation before it is sent, and of each message of the server before it is taken in: the
        way to keep a record of one's own of what was acknowledged.

        `person_key` is a secret that names you over several sessions; without one you are new.
        """
        self.text = ""
        self.people: dict[str, Person] = {}
        # What is said of the pad; empty until the first welcome.
        self.title = ""
        self.language = ""
        self.view_history = True
        self.view_key: str | None = None  # of the view-only link; None by that link itself
        self.role = "read" if view else "write"  # what the link allows
        self.session = ""  # public id, empty until the first welcome
        # Whether the server's disk takes what is edited, and if not, why.
        self.storage: StorageState = "ok"
        # How often it has been connected: 1 once connected, more after losses.
        self.connections = 0
        self._socket_url = f"{url.replace('http', 'ws', 1)}/ws/{'view/' if view else ''}{pad}"
        self._name = name
        self._on_message = on_message
        self._session_key = secrets.token_urlsafe(16)
        self._person_key = person_key or secrets.token_urlsafe(16)
        self._on_change = on_change
        self._backoff = Backoff(rng or random.Random())
        self._patience = Patience()
        self._machine = Client()
        self._edits = self._sent_edits = self._durable_edits = 0  # how many, made here
        self._epoch: str | None = None  # of the text that is here; None for none
        self._welcome: Welcome | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()
        self._failure: Exception | None = None
        self._over = False  # it is not connected any more, and will not be
        self._bell = asyncio.Event()
        self._comparison = Comparison()
        self._online_at: float | None = None  # when this connection was welcomed

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
        try:
            await self._until(lambda: self._welcome is not None)
        except BaseException:
            # Nobody will leave what nobody has entered: it would try, and connect, for ever.
            await end(self._task)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._task is not None
        with contextlib.suppress(Refused):
            await end(self._task)

    def edit(self, op: Operation) -> None:
        """Change the text; it is sent as soon as the connection allows.

        Raises OperationError `bad_operation`, `lone_surrogate`, `op_past_end` if `op` is wrong in
        itself or does not fit the text, ProtocolError `read_only` by a view-only link, and Refused
        if the server has refused this client.
        """
        self._check_may_write()
        self.text = apply(self.text, validate(op))
        self._machine.edit(op)
        self._edits += 1
        self._comparison.moved()
        self._bell.set()

    def insert(self, position: int, text: str) -> None:
        """Put `text` at `position` (code points). Raises as `edit` does."""
        self.edit([position, text] if position else [text])

    def delete(self, position: int, length: int) -> None:
        """Remove `length` code points from `position` on. Raises as `edit` does."""
        self.edit([position, -length] if position else [-length])

    async def set_properties(
        self,
        *,
        title: str | None = None,
        language: str | None = None,
        view_history: bool | None = None,
        new_view_link: bool = False,
    ) -> None:
        """Change what is said of the pad, for everybody; None leaves it as it is, and with
        `new_view_link` the server makes another view-only link, in place of the old. It is sent if
        there is a connection, and the attributes follow when the server has it.

        Raises ValueError if nothing is to be changed, ConnectionError without a connection,
        ProtocolError `read_only` by a view-only link, and Refused.
        """
        self._check_may_write()
        message = SetProperties(title, language, view_history, new_view_link or None)
        if self._socket is None:
            raise ConnectionError("there is no connection now")
        await self._socket.send_str(encode(message).decode())

    async def synchronised(self) -> None:
        """Wait until everything edited here by now is durable on the server. Raises Refused, what
        one of your callbacks has raised, and ConnectionError if this client is closed meanwhile.
        """
        edits = self._edits
        await self._until(lambda: not self.pending or self._durable_edits >= edits)

    async def reached(self, revision: int) -> None:
        """Wait until `revision` has arrived. Raises as `synchronised` does."""
        await self._until(lambda: self._machine.revision >= revision)

    async def disconnect(self) -> None:
        """Cut the connection, without a goodbye; it will be made again."""
        if self._socket is not None:
            abort(self._socket)

    def _check_may_write(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self.role == "read":
            raise ProtocolError("read_only", "this link is view-only")

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._failure or self._over or condition())
        if self._failure is not None:
            raise self._failure
        if not condition():
            raise ConnectionError("this client was closed")

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _run(self) -> None:
        """Be connected, until there is a reason to end, and tell it to whoever waits."""
        try:
            await self._connect()
        except Exception as error:
            # A bug, or a callback's. Nothing that is waited for will come.
            self._failure = error
            raise
        finally:
            self._over = True
            await self._notify()

    async def _connect(self) -> None:
        """Connect, and again whenever the connection is lost."""
        now = asyncio.get_running_loop().time
        goodbye = aiohttp.ClientWSTimeout(ws_close=_GOODBYE_SECONDS)
        async with aiohttp.ClientSession() as http:
            while True:
                code = None
                options: Any = {"protocols": (SUBPROTOCOL,), "max_msg_size": 0, "timeout": goodbye}
                try:
                    # An upgrade that is never answered would hold us for minutes.
                    async with asyncio.timeout(_UPGRADE_SECONDS):
                        socket = await http.ws_connect(self._socket_url, **options)
                    async with socket:
                        code = await self._converse(socket)
                except (aiohttp.ClientError, ConnectionError, TimeoutError):
                    pass
                except (Desync, DeltapadError) as error:
                    # A fault of the server or of ours: whoever waits is told, `text` stays.
                    self._failure = Refused(ErrorMessage("desync", str(error), "stop"))
                self._socket = None
                online = 0.0 if self._online_at is None else now() - self._online_at
                self._online_at = None
                if self._failure is not None:
                    break
                await asyncio.sleep(self._backoff.wait(online=online, close_code=code))

    async def _converse(self, socket: aiohttp.ClientWebSocketResponse) -> int | None:
        """One connection, from hello to its end; the close code, if one was said."""
        now = asyncio.get_running_loop().time
        self._patience.begin(now())
        keys, epoch = (self._session_key, self._person_key), self._epoch
        revision = None if epoch is None else self._machine.revision
        hello = Hello(*keys, self._name, epoch=epoch, revision=revision)
        tasks = [asyncio.create_task(work(socket, self._patience)) for work in (beat, watch)]
        try:
            await socket.send_str(encode(hello).decode())
            while True:
                frame = await socket.receive()
                if frame.type is aiohttp.WSMsgType.CLOSE:
                    if frame.data in _FINAL:
                        told = ErrorMessage(_FINAL[frame.data], "so the server closed it", "stop")
                        self._failure = Refused(told)
                    return int(frame.data)
                if frame.type is not aiohttp.WSMsgType.TEXT:
                    return None
                self._patience.heard(now())
                try:
                    message = decode_server(frame.data)
                except ProtocolError as error:
                    if error.code == "unknown_message":
                        continue  # a newer server may say more than we know
                    raise
                await self._receive(message)
                if isinstance(message, ErrorMessage):
                    return CODES[message.code].close_code if message.code in CODES else None
                if self._failure is not None:
                    return None
                if isinstance(message, Welcome):
                    self._socket = socket
                    self.connections += 1
                    self._online_at = now()
                    looks = compare(
                        socket,
                        lambda: self._comparison.due(self._machine, self.text, self._welcome),
                    )
                    for work in (self._send(socket), looks):
                        tasks.append(asyncio.create_task(work))
                        tasks[-1].add_done_callback(lambda task: cut_if_failed(socket, task))
                self._bell.set()
                await self._notify()
        finally:
            await end(*tasks)

    async def _send(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """First what was in flight, exactly as before; then whatever there is."""
        assert self._welcome is not None
        message = self._machine.resend()
        while True:
            if message is not None:
                if self._on_message is not None:
                    self._on_message(message)
                await socket.send_str(encode(message).decode())
            self._bell.clear()
            message = self._machine.send(self._welcome.limits)
            if message is None:
                await self._bell.wait()
            elif self._machine.buffer is None:
                self._sent_edits = self._edits

    async def _receive(self, message: ServerMessage) -> None:
        if self._on_message is not None:
            self._on_message(message)
        if isinstance(message, Welcome):
            self._take_welcome(message)
        elif isinstance(message, OpsMessage | DeltaMessage):
            self._comparison.moved()
            received = self._machine.receive(message, self.session)
            if received.acknowledged is not None:
                self._durable_edits = self._sent_edits
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
        elif isinstance(message, Properties):
            self._take_properties(message)
        elif isinstance(message, StorageMessage):
            self.storage = message.state
        elif isinstance(message, Diverged):
            await self._take_diverged(message)
        elif isinstance(message, Pong):
            self._patience.answered(message.n, asyncio.get_running_loop().time())
        elif isinstance(message, ErrorMessage):
            self._take_error(message)

    async def _take_diverged(self, message: Diverged) -> None:
        """A fault of the server or of ours, as when the machine is out of step: tell what is here,
        and end.
        """
        assert self._welcome is not None and self._socket is not None
        trace = encode(TraceMessage(self._machine.revision, self.text))
        if len(trace) > self._welcome.limits.frame_bytes:
            trace = encode(TraceMessage(self._machine.revision))
        await self._socket.send_str(trace.decode())
        words = f"the server has another text at revision {message.revision}"
        self._failure = Refused(ErrorMessage("diverged", words, "stop"))

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
        self.storage = "ok"
        self._take_properties(message)
        self.role = message.role
        self.session = message.session
        self._epoch = message.epoch

    def _take_properties(self, message: Welcome | Properties) -> None:
        self.title = message.title
        self.language = message.language
        self.view_history = message.view_history
        self.view_key = message.view_key

    def _take_error(self, message: ErrorMessage) -> None:
        known = CODES.get(message.code)
        action = message.action if known is None else known.action
        if action == "resession":
            self._machine.restart()
            self._sent_edits = self._durable_edits
            self._session_key = secrets.token_urlsafe(16)
        elif action != "reconnect":
            self._failure = Refused(message)
