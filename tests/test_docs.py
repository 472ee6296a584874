"""the reference pages are complete: settings, commands, errors; and every link leads somewhere

What can be generated stands between markers. `make docs` writes it; the tests here compare.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import click
import pytest

from ot.errors import CODES
from server.__main__ import main
from server.settings import HELP, Settings

REPO = Path(__file__).resolve().parent.parent
REFERENCE = REPO / "docs/reference"
PAGES = [*REPO.glob("*.md"), *REPO.glob("docs/**/*.md"), *REPO.glob("tests/**/*.md")]


def errors() -> str:
    """The table of errors: what the client is told, and what it does."""
    rows = [f"| `{e.code}` | `{e.action}` | {e.close_code} | {e.meaning} |" for e in CODES.values()]
    return "\n".join(["| code | action | close | meaning |", "| --- | --- | --- | --- |", *rows])


def settings() -> str:
    """The table of settings: flag, variable, default, meaning."""
    rows = ["| flag | variable | default | meaning |", "| --- | --- | --- | --- |"]
    options = {option.name: option for option in main.commands["serve"].params}
    for field in dataclasses.fields(Settings):
        default = ", ".join(field.default) if isinstance(field.default, tuple) else field.default
        flag, variable = options[field.name].opts[0], options[field.name].envvar
        shown = f"`{default}`" if default != "" else "none"
        rows.append(f"| `{flag}` | `{variable}` | {shown} | {HELP[field.name]} |")
    return "\n".join(rows)


def commands() -> str:
    """What `--help` says, of the command line and of each command."""
    parts = []

    def describe(command: click.Command, path: str, parent: click.Context | None) -> None:
        context = command.make_context(
            path.split()[-1], [], parent, resilient_parsing=True, terminal_width=80
        )
        parts.append(f"## {path}\n\n```text\n{command.get_help(context)}\n```")
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                child = command.get_command(context, name)
                assert child is not None
                describe(child, f"{path} {name}", context)

    describe(main, "deltapad", None)
    return "\n\n".join(parts)


GENERATED = {
    "errors": (REFERENCE / "protocol.md", errors),
    "settings": (REFERENCE / "settings.md", settings),
    "commands": (REFERENCE / "commands.md", commands),
}


def split(name: str) -> tuple[str, str, str]:
    """The page before, between and after the markers of this name."""
    path = GENERATED[name][0]
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, found, rest = path.read_text().partition(begin)
    between, ended, after = rest.partition(end)
    assert found and ended, f"{path.name} has no {begin} … {end}"
    return before + begin, between, end + after


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as the usual renderers make them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", GENERATED)
def test_generated_parts_are_up_to_date(name):
    """The page says what the code says; `make docs` repairs a difference."""
    assert split(name)[1].strip() == GENERATED[name][1]().strip()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPO)))
def test_links_lead_somewhere(page):
    """Every relative link names a file that is there, and a heading that is in it."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(<?([^)\s>]+)", text) + re.findall(
        r'(?:src|srcset|href)="([^"]+)"', text
    )
    missing = []
    for link in links:
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if re.match(r"[a-z]+:", link):
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            missing.append(link)

    assert missing == []


def write() -> None:
    """Rewrites the generated parts."""
    for name, (path, generate) in GENERATED.items():
        before, _, after = split(name)
        path.write_text(f"{before}\n\n{generate().strip()}\n\n{after}")


if __name__ == "__main__":
    write()
