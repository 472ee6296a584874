"""the corpus of hostile operations and frames: each is refused by its code, and changes nothing"""

from __future__ import annotations

import json
from typing import Any

import pytest

from ot.document import Document
from ot.errors import DeltapadError
from ot.messages import decode_client
from tests.faults.hostile_line import Line, Peer, scene
from tests.vectors.hostile import LENGTH_MAX, TEXT, expanded, outcome
from tests.vectors.make import HERE
from tests.wire import hello

CORPUS: dict[str, list[dict[str, Any]]] = json.loads((HERE / "hostile.json").read_text())
OPERATIONS, FRAMES, ACCEPTED = (CORPUS[name] for name in ("operations", "frames", "accepted"))
GOOD_HELLO = json.dumps(hello("offender")).encode()


def bytes_of(case: dict[str, Any]) -> bytes:
    return expanded(case).encode("utf-8", "surrogatepass")


def frame_of(operation: dict[str, Any], *, base: int) -> bytes:
    return b'{"type":"op","base":%d,"seq":1,"op":%s}' % (base, bytes_of(operation))


def text_for(operation: dict[str, Any]) -> str:
    """The text that the operation is made on; one case needs a pad that is nearly full."""
    return TEXT + "." * 20_000 if operation["code"] == "pad_full" else TEXT


def test_the_corpus_is_large():
    """Three hundred operations at least, each with a name of its own in its group."""
    assert len(OPERATIONS) >= 300 and len(FRAMES) >= 150
    names = [(case["group"], case["name"]) for case in OPERATIONS + FRAMES + ACCEPTED]
    assert len(names) == len(set(names))
    codes = {case["code"] for case in OPERATIONS}
    assert codes >= {"bad_json", "bad_message", "bad_operation", "lone_surrogate", "op_past_end"}
    assert codes >= {"op_too_large", "pad_full"}


@pytest.mark.parametrize("group", sorted({case["group"] for case in OPERATIONS}))
def test_operations(group):
    """Refused by its code, by decoder or document; the document is as it was."""
    for case in OPERATIONS:
        if case["group"] == group:
            document = Document(text=text_for(case), length_max=LENGTH_MAX)
            assert outcome(document, case) == case["code"], case["name"]
            assert (document.log.head, document.head_length) == (0, len(text_for(case)))
            assert document.text() == text_for(case) and document.sessions == {}


def test_accepted():
    """What only looks hostile is a text like any other, to the letter."""
    for case in ACCEPTED:
        document = Document(text=TEXT, length_max=LENGTH_MAX)
        assert outcome(document, case) is None, case["name"]
        document.hand_over()
        document.commit(1)
        assert document.text() == case["result"], case["name"]


@pytest.mark.parametrize("group", sorted({case["group"] for case in FRAMES}))
def test_frames(group):
    """Refused by its code before it means anything."""
    for case in FRAMES:
        if case["group"] == group:
            with pytest.raises(DeltapadError) as refused:
                decode_client(bytes_of(case))
            assert refused.value.code == case["code"], case["name"]
            refused.value.message.encode()


@pytest.mark.slow
async def test_a_live_pad_takes_none_of_it(tmp_path):
    """Said in a conversation on a real file, each ends that conversation by its code, and nothing
    else: text, log, title and the others are as before, and who behaves goes on typing.
    """
    async with scene(tmp_path / "data", pad_length_max=LENGTH_MAX) as here:
        witness = Peer(here, "witness")
        await witness.enter()
        await witness.edit([TEXT])
        for number, case in enumerate(OPERATIONS + FRAMES):
            if case["code"] == "pad_full":
                continue
            if number % 50 == 0:
                await witness.edit(["w", -1] if number else ["w"])
                await witness.edit([-1])
            line = Line()
            talk = here.talk(line)
            assert await here.offend(line, GOOD_HELLO) is None
            before = here.state()
            base = here.pad.document.committed
            frame = frame_of(case, base=base) if case in OPERATIONS else bytes_of(case)
            code = await here.offend(line, frame)
            await talk
            assert code is not None and code[0] == case["code"], case["name"]
            assert here.state() == before, case["name"]
        await witness.catch_up(here.pad.document.committed)
        assert witness.text == here.pad.document.text()
        await witness.leave()


@pytest.mark.slow
async def test_texts_like_any_other_survive_the_disk(tmp_path):
    """NUL, bidirectional controls, joiners and all: what comes back from the file is what went
    in, to the letter.
    """
    texts = []
    async with scene(tmp_path / "data") as here:
        peer = Peer(here, "ada")
        await peer.enter()
        for case in ACCEPTED:
            for part in json.loads(expanded(case)):
                if isinstance(part, str):
                    await peer.edit([part])
        texts.append(here.pad.document.text())
        await peer.leave()
    async with scene(tmp_path / "data") as here:
        texts.append(here.pad.document.text())
    assert texts[0] == texts[1] == peer.text
    assert {"\0", "\u202e", "\ufeff", "\u2028", "\ufffe"} < set(texts[1])
