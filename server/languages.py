"""the texts of the interface by language, and which language a browser asks for

They are kept in `strings/*.json`, one file for each language, for the templates and for the scripts
of the browser alike.
"""

from __future__ import annotations

import json
from pathlib import Path

from markupsafe import Markup, escape

__all__ = ["Language", "load_languages", "preferred"]

# What is spoken where nothing else is asked for.
_DEFAULT = "en"


class Language:
    """The texts of one language."""

    def __init__(self, code: str, sections: dict[str, dict[str, str | dict[str, str]]]) -> None:
        self.code = code
        self.name = str(sections["language"]["name"])
        self._sections = sections

    def text(self, key: str, **values: object) -> Markup:
        """The text `section.name` with its values put in, each escaped unless it is Markup.

        Raises KeyError if there is no such text.
        """
        section, name = key.split(".")
        text = self._sections[section][name]
        assert isinstance(text, str), f"{key} has forms for numbers, which templates never count"
        # Escaping leaves the braces of the places as they are.
        return escape(text).format(**values)


def load_languages(folder: Path) -> dict[str, Language]:
    """All languages of a folder, by code."""
    return {
        path.stem: Language(path.stem, json.loads(path.read_text()))
        for path in sorted(folder.glob("*.json"))
    }


def preferred(known: dict[str, Language], chosen: str | None, accept: str) -> Language:
    """The language to answer in: the chosen one, else the best of an `Accept-Language` header."""
    if chosen in known:
        return known[chosen]
    wanted = []
    for part in accept.split(","):
        code, _, parameter = part.strip().partition(";")
        try:
            weight = float(parameter.partition("=")[2] or 1)
        except ValueError:
            weight = 0.0
        wanted.append((weight, code.partition("-")[0].lower()))
    # Stable: of two that are wished for alike, the first one.
    for weight, code in sorted(wanted, key=lambda item: -item[0]):
        if weight > 0 and code in known:
            return known[code]
    return known[_DEFAULT]
