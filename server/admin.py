"""who runs the server: the admin token, how it is given and how it is checked

The token comes from the environment or from a file, never from a flag, which `ps` shows everybody.
A program sends it as `Authorization: Bearer TOKEN`. A browser sends it once, by a form, and gets a
cookie from which the token cannot be told.
"""

from __future__ import annotations

import hmac
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final

from aiohttp import web

from server.pace import Pace
from server.settings import Settings

__all__ = ["ADMIN", "Admin", "TokenError", "read_token"]

# Characters of a token: so many random ones cannot be guessed by asking.
TOKEN_LENGTH_MIN: Final = 16
# Wrong tokens that one address may type in a minute: more than a person does, and few for a
# program.
TRIES_PER_MINUTE: Final = 10
# Addresses of which wrong tokens are remembered, some 200 bytes each; the oldest is forgotten.
_ADDRESSES_MAX: Final = 1_000
_COOKIE: Final = "deltapad_admin"
# A working day; then the token is asked for again.
_COOKIE_SECONDS: Final = 12 * 60 * 60


class TokenError(ValueError):
    """The token cannot be used; the message says what to do."""


def read_token(token: str, file: str) -> str:
    """The token itself, or what is in the file of that name; nothing for neither. Raises
    TokenError.
    """
    if file:
        if token:
            raise TokenError("give DELTAPAD_ADMIN_TOKEN or --admin-token-file, not both")
        try:
            token = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise TokenError(f"the file of the admin token cannot be read: {error}") from None
    if (token or file) and len(token) < TOKEN_LENGTH_MIN:
        raise TokenError(
            f"the admin token has {len(token)} characters and needs at least {TOKEN_LENGTH_MIN}:"
            " make one with `openssl rand -hex 16`"
        )
    return token


class Admin:
    """Tells whoever has the token from everybody else."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` tells when a token was tried, in seconds. Raises TokenError."""
        token = read_token(settings.admin_token, settings.admin_token_file)
        self.has_token = token != ""
        self._token = _digest(token)
        self._cookie = hmac.new(token.encode(), b"deltapad operations page", sha256).hexdigest()
        self._listens_on_loopback = _is_loopback(settings.host)
        self._clock = clock
        # By address, the latest last.
        self._tries: OrderedDict[str, Pace] = OrderedDict()

    def authorized(self, request: web.Request) -> bool:
        """Whether the request has the token: `Authorization: Bearer TOKEN`."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self.is_token(token.strip())

    def is_token(self, token: str) -> bool:
        """Whether this is the token; takes as long for any other."""
        return hmac.compare_digest(_digest(token), self._token) and self.has_token

    def signed_in(self, request: web.Request) -> bool:
        """Whether the request has the token, or the cookie of a browser that has sent it."""
        cookie = request.cookies.get(_COOKIE, "")
        known = hmac.compare_digest(_digest(cookie), _digest(self._cookie)) and self.has_token
        return known or self.authorized(request)

    def sign_in(self, request: web.Request, answer: web.StreamResponse, path: str) -> None:
        """Give the browser the cookie, for addresses below `path`."""
        answer.set_cookie(
            _COOKIE,
            self._cookie,
            max_age=_COOKIE_SECONDS,
            path=path,
            # A proxy that ends TLS says so; who says it wrongly gets a cookie of no use.
            secure=request.secure or request.headers.get("X-Forwarded-Proto") == "https",
            httponly=True,
            samesite="Strict",
        )

    def seconds_to_wait(self, request: web.Request) -> float:
        """Count a wrong token; the seconds that this address has to wait, 0 for none."""
        address, now = request.remote or "", self._clock()
        pace = self._tries.pop(address, None)
        pace = pace or Pace(TRIES_PER_MINUTE / 60, TRIES_PER_MINUTE, now=now)
        self._tries[address] = pace
        if len(self._tries) > _ADDRESSES_MAX:
            self._tries.popitem(last=False)
        return pace.take(1, now=now)

    def is_this_machine(self, request: web.Request) -> bool:
        """Whether somebody on this very machine asks a server that nobody else reaches: not
        through a proxy, and not a page of elsewhere whose name leads here.
        """
        forwarded = "Forwarded" in request.headers or "X-Forwarded-For" in request.headers
        return (
            self._listens_on_loopback
            and not forwarded
            and _is_loopback(request.remote or "")
            and _is_loopback(request.url.host or "")
        )


ADMIN: Final = web.AppKey("admin", Admin)


def _digest(text: str) -> bytes:
    """Of one length for any text, so that comparing tells nothing of the length."""
    return sha256(text.encode("utf-8", "surrogateescape")).digest()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
