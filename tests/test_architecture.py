"""every import, and every module's first line, is held against the table in the docs"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPO

PACKAGES = ("ot", "server", "client_py")
PAGE = REPO / "docs/explanation/architecture.md"
# What a pure module may use: no clock, randomness, file, socket or thread in any of them.
PURE = [
    *("__future__", "abc", "base64", "binascii", "bisect", "collections", "dataclasses", "enum"),
    *("functools", "hashlib", "heapq", "itertools", "json", "math", "operator", "re", "string"),
    *("types", "typing", "unicodedata"),
]


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(REPO).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(p): p for package in PACKAGES for p in (REPO / package).rglob("*.py")}


def table() -> dict[str, tuple[str, list[str]]]:
    """The rows of the page: module -> its first line, and what it may import."""
    text = (
        PAGE.read_text().partition("<!-- imports:begin -->")[2].partition("<!-- imports:end -->")[0]
    )
    rows = re.findall(r"^\| `(.+?)` \| (.*?) \| ?(.*?) ?\|$", text, re.MULTILINE)
    return {name: (line, re.findall(r"[\w.]+(?: library)?", may)) for name, line, may in rows}


def imports(name: str, path: Path) -> Iterator[str]:
    """Every module that this one imports, wherever in it the import stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: say `from {name.partition('.')[0]}.… import`"
            for (
                alias
            ) in node.names:  # `from ot import log` imports a module, `… import apply` a name
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES else node.module or ""


def test_the_table_has_a_row_for_every_module():
    """No module without a row, and no row without a module."""
    assert sorted(table()) == sorted(MODULES)


def test_the_browser_table_has_every_file_once():
    """Each script of the browser has its place in the table of the browser's side."""
    page = PAGE.read_text()
    rows = page.partition("<!-- browser:begin -->")[2].partition("<!-- browser:end -->")[0]
    named = re.findall(r"`(\w+\.js)`", rows)
    assert sorted(named) == sorted(path.name for path in (REPO / "client_js").glob("*.js"))


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports(name):
    """A module imports what its row allows, and nothing else."""
    allowed = table()[name][1]
    allowed = allowed + (sorted(sys.stdlib_module_names) if "standard library" in allowed else PURE)
    may = [part + "." for part in allowed]

    wrong = [m for m in imports(name, MODULES[name]) if not f"{m}.".startswith(tuple(may))]

    assert wrong == []


@pytest.mark.parametrize("name", sorted(MODULES))
def test_the_first_line_says_what_the_module_is(name):
    """The first line of the docstring is the row's, word for word."""
    docstring = ast.get_docstring(ast.parse(MODULES[name].read_text())) or ""

    assert docstring.partition("\n")[0] == table()[name][0]
