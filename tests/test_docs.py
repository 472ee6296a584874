"""the reference pages are complete: settings, commands, errors; and every link leads somewhere

What can be generated stands between markers. `make docs` writes it; the tests here compare.
"""

from __future__ import annotations

import dataclasses
import json
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
        option = options.get(field.name)
        # A secret has no flag.
        flag = f"`{option.opts[0]}`" if option else "none"
        variable = f"DELTAPAD_{field.name.upper()}"
        shown = f"`{default}`" if default != "" else "none"
        rows.append(f"| {flag} | `{variable}` | {shown} | {HELP[field.name]} |")
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


def keyboard() -> str:
    """The table of keys, from the rows of the sheet of shortcuts."""
    texts = json.loads((REPO / "strings/en.json").read_text())
    parts = []
    for group in json.loads((REPO / "templates/shortcuts.json").read_text()):
        rows = [f"| {keys(row)} | {text(texts, row['text'])} |" for row in group["rows"]]
        title = texts["shortcuts"][group["group"]]
        parts.append(
            "\n".join([f"## {title}", "", "| keys | what it does |", "| --- | --- |", *rows])
        )
    return "\n\n".join(parts)


# Words for what the page writes on its keys as signs.
KEY_NAMES = {
    "Escape": "Esc",
    "ArrowUp": "Up",
    "ArrowDown": "Down",
    "ArrowLeft": "Left",
    "ArrowRight": "Right",
    "PageUp": "Page Up",
    "PageDown": "Page Down",
}


def keys(row: dict[str, list[str]]) -> str:
    """`Ctrl` `Z`, as on the page; what a Mac has instead in brackets."""

    def caps(shortcuts: list[str], mod: str) -> str:
        named = {**KEY_NAMES, "Mod": mod}
        pressed = [
            " ".join(f"`{named.get(key, key.upper() if len(key) == 1 else key)}`" for key in keys)
            for keys in (name.split("-") for name in shortcuts)
        ]
        return ", ".join(pressed)

    mac = row.get("macKeys")
    return caps(row["keys"], "Ctrl") + (f" (Mac: {caps(mac, 'Cmd')})" if mac else "")


def text(texts: dict[str, dict[str, str]], key: str) -> str:
    section, _, name = key.partition(".")
    return texts[section][name]


GENERATED = {
    "errors": (REFERENCE / "protocol.md", errors),
    "settings": (REFERENCE / "settings.md", settings),
    "commands": (REFERENCE / "commands.md", commands),
    "keyboard": (REFERENCE / "keyboard.md", keyboard),
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


def test_the_readme_leads_to_every_page():
    """No page of docs/ that the README's table does not name."""
    linked = re.findall(r"\]\((docs/[^)#]+)", (REPO / "README.md").read_text())
    pages = [str(page.relative_to(REPO)) for page in REPO.glob("docs/**/*.md")]

    assert sorted(set(pages) - set(linked)) == []


def test_every_file_of_vectors_is_told():
    """No file of cases that the page for writers of other clients does not tell about."""
    table = (REFERENCE / "conformance.md").read_text().partition("## The files")[2]
    told = re.findall(r"^\| `(\w+\.json)`", table, re.MULTILINE)

    assert sorted(told) == sorted(path.name for path in (REPO / "tests/vectors").glob("*.json"))


def test_every_package_has_its_reason():
    """No package of the browser that CONTRIBUTING does not say what it is for."""
    table = (REPO / "CONTRIBUTING.md").read_text().partition("What the browser")[2]
    packages = json.loads((REPO / "package.json").read_text())
    names = [*packages["dependencies"], *packages["devDependencies"]]
    told = set(re.findall(r"`([\w@/-]+)`", table))

    assert [n for n in names if n not in told and n.rpartition("/")[2] not in told] == []


def test_every_picture_is_shown():
    """No picture lies in docs/images that no page shows, and all of them say in words what they
    show.
    """
    shown = set()
    for page in PAGES:
        text = page.read_text()
        markdown = re.findall(r"!\[(.*?)\]\((.+?)\)", text)
        elements = [(alt, src) for alt, src in re.findall(r'<img .*?alt="(.*?)" src="(.+?)"', text)]
        sources = re.findall(r'<source .*?srcset="(.+?)"', text)
        assert all(alt for alt, _ in [*markdown, *elements]), page
        shown |= {(page.parent / src).resolve() for src in sources}
        shown |= {(page.parent / src).resolve() for _, src in [*markdown, *elements]}

    assert shown == set((REPO / "docs/images").iterdir())


def write() -> None:
    """Rewrites the generated parts."""
    for name, (path, generate) in GENERATED.items():
        before, _, after = split(name)
        path.write_text(f"{before}\n\n{generate().strip()}\n\n{after}")


if __name__ == "__main__":
    write()
