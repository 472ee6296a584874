"""the texts: every language has all of them, with the same places in them; who gets which"""

from __future__ import annotations

import json
import re

import pytest
from markupsafe import Markup

from server.languages import load_languages, preferred
from tests.conftest import REPO

FOLDER = REPO / "strings"
CATALOGUES = {path.stem: json.loads(path.read_text()) for path in FOLDER.glob("*.json")}
LANGUAGES = load_languages(FOLDER)


def texts(code: str) -> dict[str, dict[str, str]]:
    """Key -> forms; a text without forms has one, `other`."""
    return {
        f"{section}.{name}": text if isinstance(text, dict) else {"other": text}
        for section, entries in CATALOGUES[code].items()
        for name, text in entries.items()
    }


def places(text: str) -> set[str]:
    return set(re.findall(r"\{(\w*)\}", text))


@pytest.mark.parametrize("code", CATALOGUES)
def test_complete(code: str) -> None:
    """Every language says everything that English says, with the same places for values."""
    english, other = texts("en"), texts(code)
    assert list(other) == list(english), "other keys, or in another order"
    for key, forms in other.items():
        assert forms["other"].strip(), key
        for form in forms.values():
            assert places(form) == places(english[key]["other"]), key
        # Japanese has one form for all numbers.
        wanted = {"other"} if code == "ja" else set(english[key])
        assert set(forms) == wanted, key


def test_no_text_is_forgotten() -> None:
    """Every text is used by a template or a script, and what these ask for is there."""
    sources = [*(REPO / "client_js").glob("*.js"), *(REPO / "templates").rglob("*.html")]
    sources += [*(REPO / "server").glob("*.py")]
    source = "\n".join(path.read_text() for path in sources)
    known = texts("en")
    asked = set(re.findall(r"""\bt\(\s*["'](\w+\.\w+)["']""", source))
    assert asked <= set(known)
    # A key may stand in a table, or be put together from a section and a name.
    sections = (
        {"language"}
        | set(re.findall(r"`(\w+)\.\$\{", source))
        | set(re.findall(r'f"(\w+)\.\{', source))
        | set(re.findall(r"""["'](\w+)\.["'] ~""", source))
    )
    forgotten = [key for key in known if f'"{key}"' not in source and key not in asked]
    assert [key for key in forgotten if key.partition(".")[0] not in sections] == []


@pytest.mark.parametrize(
    ("chosen", "accept", "code"),
    [
        (None, "", "en"),
        (None, "de-AT,de;q=0.9,en;q=0.8", "de"),
        (None, "fr, ja;q=0.5, de;q=0.4", "ja"),
        (None, "en;q=0.1, de;q=0", "en"),
        (None, "fr;q=nonsense,*", "en"),
        ("ja", "de", "ja"),
        ("tlh", "de", "de"),
    ],
)
def test_preferred(chosen: str | None, accept: str, code: str) -> None:
    """A choice counts before the browser's wish, and a wish that nobody can fulfil is English."""
    assert preferred(LANGUAGES, chosen, accept).code == code


def test_values_are_escaped() -> None:
    """A pad's name is text, whatever stands in it; only Markup is markup."""
    text = LANGUAGES["en"].text
    assert "called &lt;b&gt;" in text("errors.noPadHelp", pad_id="<b>")
    assert "called <code>x</code>" in text("errors.noPadHelp", pad_id=Markup("<code>x</code>"))
