"""the vectors in tests/vectors/: `ot` passes them, and they are what `make.py` makes

JavaScript runs the same files in `client_js/test/vectors.test.js`.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from ot.checksum import SLICE_LENGTH, text_crc32
from ot.client import Client
from ot.errors import OperationError
from ot.operation import (
    apply,
    caret_after,
    compose,
    invert,
    split,
    transform,
    transform_position,
    validate,
)
from ot.steps import client_state, restore, run_step
from tests.reference_operations import MISTAKES, Rules
from tests.vectors.make import FILES, HERE, render


def cases(name: str, section: str = "cases") -> list[Any]:
    """The cases of a file, each under its name."""
    found = json.loads((HERE / name).read_text())[section]
    return [pytest.param(case, id=case.get("name") or repr(case["text"])) for case in found]


@pytest.mark.parametrize("name", FILES)
def test_the_file_is_what_make_makes(name):
    """A change of the rules shows as a change of the files; `python -m tests.vectors.make`."""
    assert (HERE / name).read_text() == render(FILES[name]())


@pytest.mark.parametrize("case", cases("apply.json"))
def test_apply(case):
    """The text, or the named error."""
    if "error" in case:
        with pytest.raises(OperationError) as raised:
            apply(case["text"], validate(case["op"]))
        assert raised.value.code == case["error"]
    else:
        assert apply(case["text"], validate(case["op"])) == case["result"]


@pytest.mark.parametrize("case", cases("checksum.json"))
def test_checksum(case):
    """At once, and in slices, wherever these are cut."""
    text = case["text"] * case["times"]
    sliced = 0
    for start in range(0, len(text), SLICE_LENGTH - 1):
        sliced = text_crc32(text[start : start + SLICE_LENGTH - 1], sliced)

    assert (len(text), text_crc32(text), sliced) == (case["length"], case["crc32"], case["crc32"])


@pytest.mark.parametrize("case", cases("transform.json"))
def test_transform(case):
    """Both ways around the diamond."""
    log_op, op = transform(case["log_op"], case["op"])

    assert (log_op, op) == (case["new_log_op"], case["new_op"])
    assert apply(apply(case["text"], case["log_op"]), op) == case["result"]
    assert apply(apply(case["text"], case["op"]), log_op) == case["result"]


@pytest.mark.parametrize("case", cases("transform.json", "catch_up"))
def test_catch_up(case):
    """Against the composed operation, and one by one."""
    a, b, c = case["a"], case["b"], case["c"]

    assert transform(compose(b, c), a)[1] == case["new_a"]
    assert transform(c, transform(b, a)[1])[1] == case["new_a"]


@pytest.mark.parametrize("case", cases("compose.json"))
def test_compose(case):
    """One operation for two."""
    assert compose(case["a"], case["b"]) == case["composed"]
    assert apply(case["text"], case["composed"]) == case["result"]
    assert apply(apply(case["text"], case["a"]), case["b"]) == case["result"]


@pytest.mark.parametrize("case", cases("compose.json", "split"))
def test_split(case):
    """Two operations for one."""
    limits = {name: case[name] for name in ("inserted_max", "components_max")}

    assert split(case["op"], **limits) == (case["first"], case["rest"])
    assert compose(case["first"], case["rest"]) == case["op"]


@pytest.mark.parametrize("case", cases("invert.json"))
def test_invert(case):
    """There and back."""
    assert invert(case["op"], case["text"]) == case["inverse"]
    assert apply(apply(case["text"], case["op"]), case["inverse"]) == case["text"]


@pytest.mark.parametrize("case", cases("positions.json"))
def test_positions(case):
    """To both sides."""
    position, op = case["position"], case["op"]

    assert transform_position(position, op) == case["left"]
    assert transform_position(position, op, sticky="right") == case["right"]


@pytest.mark.parametrize("case", cases("positions.json", "caret_after"))
def test_caret_after(case):
    """Behind the last thing done."""
    assert caret_after(case["op"]) == case["caret"]


@pytest.mark.parametrize("case", cases("utf16.json", "changes"))
def test_utf16(case):
    """The operation does to the text what the changes do to its UTF-16 units."""
    units = case["text"].encode("utf-16-le")
    for change in reversed(case["changes"]):
        start, end = 2 * change["from"], 2 * change["to"]
        units = units[:start] + change["insert"].encode("utf-16-le") + units[end:]

    assert units.decode("utf-16-le") == case["result"] == apply(case["text"], case["op"])


@pytest.mark.parametrize("case", cases("client.json"))
def test_client(case):
    """Every step gives what it should and leaves the state that it should, also after a restart
    of the program.
    """
    client = Client()
    for step in case["steps"]:
        assert run_step(client, step) == step["gives"]
        if "state" in step:
            assert client_state(client) == step["state"]
            client = restore(json.loads(json.dumps(step["state"])))


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_fails_some_vector(mistake):
    """Each way to get the rules wrong that a reader of other systems could find."""
    rules = Rules(mistake)
    transforms = json.loads((HERE / "transform.json").read_text())["cases"]
    compositions = json.loads((HERE / "compose.json").read_text())["cases"]

    wrong = [
        *(c for c in transforms if rules.transform(c["log_op"], c["op"])[1] != c["new_op"]),
        *(c for c in compositions if rules.compose(c["a"], c["b"]) != c["composed"]),
    ]

    assert wrong
