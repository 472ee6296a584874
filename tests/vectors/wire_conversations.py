"""the scripts of `wire.json` that a server takes part in"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ot.messages import Hello, OpMessage, Ping, SetProperties
from tests.vectors.wire import EPOCH, PAD_LENGTH_MAX, Script, key

__all__ = ["CONVERSATIONS", "FOR_SERVERS", "NEEDS"]

Play = Callable[[Script], None]

# --- Conversations: for both sides ----------------------------------------------------------------


def first_words(s: Script) -> None:
    s.open("ada")
    s.edit("ada", "hello")
    s.tell("ada")
    s.open("ben")
    s.pad()


def tie(s: Script) -> None:
    s.open("ada", "ben")
    s.edit("ada", "ada ")
    s.edit("ben", "ben ")
    s.tell("ada", "ben")
    s.pad()


def buffer(s: Script) -> None:
    s.open("ada")
    s.edit("ada", "a")
    s.edit("ada", 1, "b")
    s.edit("ada", 2, "c")
    s.tell("ada")
    s.pad()


def lost_acknowledgement(s: Script) -> None:
    s.open("ada", "ben")
    s.edit("ada", "once")
    s.tell("ada", lost=True)
    s.cut("ada")
    s.tell("ben")
    s.edit("ben", 4, " only")
    s.tell("ben")
    s.edit("ada", -1, "O")
    s.open("ada")
    s.tell("ada", "ben")
    s.pad()


def never_arrived(s: Script) -> None:
    s.open("ada", "ben")
    s.edit("ada", "late", lost=True)
    s.cut("ada")
    s.edit("ben", "early ")
    s.tell("ben")
    s.open("ada")
    s.tell("ada", "ben")
    s.pad()


def resent_twice(s: Script) -> None:
    s.open("ada")
    s.edit("ada", "once")
    for _ in range(2):
        s.tell("ada", lost=True)
        s.cut("ada")
        s.open("ada")
    s.tell("ada")
    s.edit("ada", 4, "!")
    s.tell("ada")
    s.pad()


def stale_base(s: Script) -> None:
    s.open("ada", "ben")
    s.edit("ada", "A")
    s.tell("ada", "ben")
    s.edit("ada", 1, "z")
    s.tell("ada")
    s.edit("ada", -1)
    s.tell("ada")
    s.edit("ben", "ee", -1)
    s.tell("ada", "ben")
    s.pad()


def nothing_left(s: Script) -> None:
    s.open("ada", "ben")
    s.edit("ada", "gone")
    s.tell("ada", "ben")
    s.edit("ada", -4)
    s.edit("ben", 1, -2)
    s.tell("ada", "ben")
    s.edit("ben", "still here")
    s.tell("ben", "ada")
    s.pad()


def catch_up(s: Script) -> None:
    s.open("ada", "ben")
    s.edit("ada", "1")
    s.tell("ada", "ben")
    s.cut("ben")
    s.edit("ada", 1, "2")
    s.tell("ada")
    s.edit("ada", 2, "3")
    s.tell("ada")
    s.open("ben")
    s.tell("ben")
    s.pad()


def live_while_catching_up(s: Script) -> None:
    """What was missed, what comes meanwhile, and the own entry, in the order of the log."""
    s.open("ada", "ben")
    s.edit("ada", "abc")
    s.tell("ada", "ben")
    s.cut("ben")
    s.edit("ben", 3, "!")
    s.edit("ada", 1, -1)
    s.tell("ada")
    s.open("ben")
    s.edit("ada", "x")
    s.tell("ben", "ada")
    s.pad()


def _write(s: Script, who: str, *parts: str) -> None:
    for part in parts:
        s.edit(who, part)
        s.tell(who)


def far_behind(s: Script) -> None:
    s.open("ada", "ben")
    s.edit("ada", "end")
    s.tell("ada", "ben")
    s.cut("ben")
    _write(s, "ada", "f", "e", "d", "c", "b", "a")
    s.open("ben")
    s.tell("ben")
    s.edit("ben", 3, "-")
    s.tell("ben", "ada")
    s.pad()


def far_behind_in_flight(s: Script) -> None:
    s.open("ada", "ben")
    s.edit("ada", "end")
    s.tell("ada", "ben")
    _write(s, "ada", "d", "c", "b", "a")
    s.edit("ben", 3, " of ben")
    s.cut("ben")
    _write(s, "ada", "4", "3", "2", "1")
    s.open("ben")
    s.tell("ben", "ada")
    s.pad()


def offline(s: Script) -> None:
    s.open("ada", "ben")
    s.edit("ada", "draft")
    s.tell("ada", "ben")
    s.cut("ben")
    s.edit("ben", 5, "s")
    s.edit("ben", -1, "D")
    s.edit("ada", "A ")
    s.tell("ada")
    s.open("ben")
    s.tell("ben", "ada")
    s.pad()


def emoji(s: Script) -> None:
    """Positions are code points: a pair is one, a family of three joined emoji is five."""
    s.open("ada", "ben")
    s.edit("ada", "😀🚀e\u0301👩‍🚀")
    s.tell("ada", "ben")
    s.edit("ada", 1, "|")
    s.edit("ben", 1, -1, 2, "é", 1, -1)
    s.tell("ada", "ben")
    s.pad()


def refused(s: Script) -> None:
    """The text stays with its writer, and all go on; who is refused is another session then."""
    s.open("ada", "ben")
    s.edit("ada", "x" * (PAD_LENGTH_MAX - 5))
    s.tell("ada", "ben")
    s.edit("ada", "too much")
    s.open("ada")
    s.edit("ada", "fits")
    s.tell("ada", "ben")
    s.pad()


CONVERSATIONS: dict[str, Play] = {
    "hello, welcome, and the own entry as acknowledgement": first_words,
    "two write at one place: who is in the log first goes left": tie,
    "one operation in flight, the rest in the buffer": buffer,
    "the acknowledgement is lost: an exact resend changes nothing": lost_acknowledgement,
    "the operation never arrived: the resend is the first that the server hears of it": (
        never_arrived
    ),
    "resent twice, and then the next": resent_twice,
    "a stale base: the counter-example of the catch-up law": stale_base,
    "an entry of which nothing is left is an acknowledgement": nothing_left,
    "reconnected with a copy: no text, only what was missed": catch_up,
    "what is live joins what is caught up with": live_while_catching_up,
    "far behind: one delta": far_behind,
    "far behind with an operation in flight: the delta ends before it": far_behind_in_flight,
    "typed while offline": offline,
    "emoji": emoji,
    "refused: a draft, a new session, and on": refused,
}
# A server has to be set up like this for a case; otherwise the case is left out.
NEEDS = {"refused: a draft, a new session, and on": {"pad_length": PAD_LENGTH_MAX}}


# --- What a client may say besides: for servers ---------------------------------------------------


def _hello(**members: Any) -> Hello:
    keys = {"session": key("session", "ada"), "person": key("person", "ada")}
    return Hello(**{**keys, "name": "ada", **members})


def old_copy(s: Script) -> None:
    s.open("ben")
    s.edit("ben", "abc")
    s.tell("ben")
    for members in ({"epoch": "of-a-backup", "revision": 1}, {"epoch": EPOCH, "revision": 2}):
        s.connect("ada")
        s.say("ada", _hello(**members))
        s.cut("ada")


def heartbeat(s: Script) -> None:
    s.open("ada")
    s.say("ada", Ping(n=41))


def resend_of_the_past(s: Script) -> None:
    """As of a tab that was restored from an older record: its base is before its own entry."""
    s.open("ada")
    s.edit("ada", "abc")
    s.tell("ada")
    s.say("ada", OpMessage(base=0, seq=1, op=["abc"]))
    s.edit("ada", 3, "d")
    s.tell("ada")
    s.pad()


def set_properties(s: Script) -> None:
    """Told to who has sent it as well, always all three; who comes later has them in `welcome`."""
    s.open("ada", "ben")
    for change in (
        SetProperties(title="  Autumn \n release ", view_history=True),
        SetProperties(language="c++", view_history=False),
        SetProperties(title="Winter release"),
    ):
        s.say("ben", change)
        s.tell("ada", "ben")
    s.cut("ada")
    s.open("ada")


FOR_SERVERS: dict[str, Play] = {
    "a copy that the pad does not have: the text": old_copy,
    "ping and pong": heartbeat,
    "a resend of what was acknowledged is not an error": resend_of_the_past,
    "title, language and history setting are told to everybody": set_properties,
}
