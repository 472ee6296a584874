"""the admin token: how it is given, who has it, and who is on this very machine"""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request

from server.admin import TRIES_PER_MINUTE, Admin, TokenError, read_token
from server.settings import Settings

TOKEN = "0123456789abcdef"


class Transport:
    """A connection from an address."""

    def __init__(self, address: str) -> None:
        self._address = address

    def get_extra_info(self, name, default=None):
        return (self._address, 40_000) if name == "peername" else default


def request(address="127.0.0.1", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named.setdefault("Host", "127.0.0.1:8080")
    return make_mocked_request("GET", "/ops", headers=named, transport=Transport(address))


def admin(**settings) -> Admin:
    return Admin(Settings(**{"admin_token": TOKEN, **settings}), clock=lambda: 0.0)


@pytest.mark.parametrize(
    ("header", "may"),
    [
        (f"Bearer {TOKEN}", True),
        (f"bearer {TOKEN}", True),
        ("Bearer 0123456789abcdeg", False),
        (f"Basic {TOKEN}", False),
        (TOKEN, False),
        ("Bearer ", False),
        ("Bearer ü", False),
    ],
)
def test_only_the_token_as_a_bearer_is_authorized(header, may):
    """Another token, another scheme or none at all is refused."""
    assert admin().authorized(request(Authorization=header)) is may


def test_without_a_token_nobody_is_authorized():
    """An empty token is nobody's, also not of who sends an empty one."""
    nobody = admin(admin_token="")

    assert not nobody.authorized(request(Authorization="Bearer "))
    assert not nobody.authorized(request())
    assert not nobody.signed_in(request(Cookie="deltapad_admin="))


def test_the_token_comes_from_a_file(tmp_path):
    """A line end after it is not part of it."""
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")

    by_file = admin(admin_token="", admin_token_file=str(file))

    assert by_file.authorized(request(Authorization=f"Bearer {TOKEN}"))


@pytest.mark.parametrize("content", [None, "", "short"])
def test_a_bad_token_is_an_error_that_says_what_to_do(tmp_path, content):
    """A file that is missing, empty or too short stops the server from starting."""
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)

    with pytest.raises(TokenError, match=r"cannot be read|openssl rand"):
        read_token("", str(file))


def test_a_short_token_and_two_tokens_are_errors():
    """Neither a token that can be guessed, nor a doubt which one counts."""
    with pytest.raises(TokenError, match="15 characters"):
        read_token(TOKEN[1:], "")
    with pytest.raises(TokenError, match="not both"):
        read_token(TOKEN, "file")


def test_settings_do_not_show_the_token():
    """What prints the settings, such as a traceback, must not print it."""
    assert TOKEN not in repr(Settings(admin_token=TOKEN))


def test_wrong_tokens_are_counted_by_address():
    """After as many as a person types one waits; others do not."""
    one = admin()

    waits = [one.seconds_to_wait(request("192.0.2.1")) for _ in range(TRIES_PER_MINUTE + 1)]

    assert waits[:-1] == [0] * TRIES_PER_MINUTE
    assert waits[-1] > 0
    assert one.seconds_to_wait(request("192.0.2.2")) == 0


@pytest.mark.parametrize(
    ("host", "asks", "open_"),
    [
        ("127.0.0.1", request(), True),
        ("localhost", request(Host="localhost:8080"), True),
        ("::1", request("::1", Host="[::1]:8080"), True),
        ("0.0.0.0", request(), False),
        ("127.0.0.1", request("192.0.2.1"), False),
        ("127.0.0.1", request(X_Forwarded_For="192.0.2.1"), False),
        ("127.0.0.1", request(Host="rebound.example.org"), False),
    ],
)
def test_this_machine_is_told_from_others(host, asks, open_):
    """Only who asks on this machine, by its own name, a server that listens nowhere else."""
    assert admin(host=host).is_this_machine(asks) is open_
