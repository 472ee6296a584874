"""the real browser, and a watch over everything that a page may not do"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    WebError,
    async_playwright,
    expect,
)

from tests.browser.others import Join, joining
from tests.conftest import ServerProcess

ACTION_MILLISECONDS_MAX = 15_000  # for one action or wait of playwright
# And for what is expected: two browsers share the machine, and who waits too short tells nothing.
expect.set_options(timeout=ACTION_MILLISECONDS_MAX)
ARGS = [
    "--headless",
    "--no-sandbox",  # tests run as root too, in containers
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Whatever a page or the browser itself asks for, it finds only this machine.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]
UNPACK = 'import chromium from "@sparticuz/chromium"; await chromium.executablePath();'
WATCH = """addEventListener("securitypolicyviolation", (event) =>
    console.error(`content security policy: ${event.violatedDirective} ${event.blockedURI}`))"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests in this folder need the browser, and run in the event loop that it lives in."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("browser")
            if pytest_asyncio.is_async_test(item):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


class Problems:
    """What pages did that they may not do: the test fails at its end if there is anything left."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._allowed: list[re.Pattern[str]] = []
        self._origins: set[str] = set()

    def allow(self, pattern: str) -> None:
        """A problem that matches is expected: `problems.allow("404")`."""
        self._allowed.append(re.compile(pattern))

    def allow_lost_connection(self) -> None:
        """The server or the network goes away. What the browser says of it depends on what it was
        just doing: refused, reset, an answer cut off in its middle, ...
        """
        self.allow("net::ERR_|WebSocket connection to ")

    @property
    def unexpected(self) -> list[str]:
        return [text for text in self.seen if not any(p.search(text) for p in self._allowed)]

    def allow_origin(self, url: str) -> None:
        self._origins.add(urlsplit(url).netloc)

    def watch(self, context: BrowserContext) -> None:
        context.on("console", self._console)
        context.on("weberror", self._uncaught)
        context.on("request", self._request)
        context.on("page", self._page)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.seen.append(f"console: {message.text}")

    def _uncaught(self, error: WebError) -> None:
        self.seen.append(f"uncaught: {error.error}")

    def _page(self, page: Page) -> None:
        page.on("crash", lambda _: self.seen.append(f"the page crashed: {page.url}"))
        page.on("websocket", lambda socket: self._address(socket.url))

    def _request(self, request: Request) -> None:
        self._address(request.url)

    def _address(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob", "about") and parts.netloc not in self._origins:
            self.seen.append(f"left its origin: {url}")


def unpack_chromium(repo: Path) -> Path:
    """The folder with the unpacked browser: made once for each version, in a few seconds."""
    package = repo / "node_modules/@sparticuz/chromium/package.json"
    version = json.loads(package.read_text())["version"]
    home = repo / "node_modules/.cache" / f"chromium-{version}"
    if home.exists():
        return home
    home.parent.mkdir(exist_ok=True)
    # Into a folder of its own, then renamed: an unpacking that is cut short leaves no half browser.
    scratch = Path(tempfile.mkdtemp(dir=home.parent))
    node = repo / ".venv/bin/node"
    # On "AWS" the package also unpacks the libraries that a bare machine lacks.
    env = {**os.environ, "TMPDIR": str(scratch), "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs24.x"}
    command = [str(node), "--input-type=module", "--eval", UNPACK]
    subprocess.run(command, cwd=repo, env=env, check=True, timeout=100)
    fonts = scratch / "fonts/fonts.conf"
    fonts.write_text(fonts.read_text().replace("/tmp/fonts", str(home / "fonts")))
    try:
        scratch.rename(home)
    except OSError:  # another run was faster
        shutil.rmtree(scratch)
    return home


def chromium_environment(home: Path) -> dict[str, str | float | bool]:
    """The browser's environment: with its own libraries and fonts where there are none."""
    env: dict[str, str | float | bool] = dict(os.environ)
    linked = subprocess.run(["ldd", home / "chromium"], capture_output=True, text=True, check=True)
    if "not found" in linked.stdout:
        env["LD_LIBRARY_PATH"] = str(home / "al2023/lib")
    if not Path("/etc/fonts/fonts.conf").exists():
        env["FONTCONFIG_PATH"] = str(home / "fonts")
    return env


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium(repo: Path) -> AsyncIterator[Browser]:
    """One browser for all tests; each test has its own contexts (profiles) in it."""
    home = unpack_chromium(repo)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=home / "chromium", args=ARGS, env=chromium_environment(home)
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def join(serve: ServerProcess) -> AsyncIterator[Join]:
    """Lets somebody come to the pad of the test: `ada = await join("Ada", 1)`."""
    async with joining(serve) as join:
        yield join


@pytest.fixture
def problems() -> Problems:
    """Take this fixture to allow what a test expects to go wrong."""
    return Problems()


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(
    chromium: Browser, problems: Problems
) -> AsyncIterator[Callable[..., Awaitable[Page]]]:
    """Opens a page: `page = await open_page(url)`.

    Without `context=` the page has a browser profile of its own, as another person's would; other
    keywords are the options of that profile (`viewport=`, `color_scheme=`, ...). A second tab of
    the same person: `await open_page(url, context=page.context)`. The service worker, which would
    answer in the server's place, is there only with `service_workers="allow"`.
    """
    contexts: list[BrowserContext] = []

    async def open_page(url: str, *, context: BrowserContext | None = None, **options: Any) -> Page:
        if context is None:
            context = await chromium.new_context(**{"service_workers": "block", **options})
            context.set_default_timeout(ACTION_MILLISECONDS_MAX)
            await context.add_init_script(WATCH)
            problems.watch(context)
            contexts.append(context)
        problems.allow_origin(url)
        page = await context.new_page()
        await page.goto(url)
        return page

    yield open_page
    for context in contexts:
        for page in context.pages:
            await page.evaluate("null")  # what it has reported so far arrives before this answer
        await context.close()
    if problems.unexpected:
        pytest.fail("the browser reported:\n  " + "\n  ".join(problems.unexpected))


async def run_command(page: Page, command: str) -> None:
    """Run a command of the page, wherever its button is."""
    await page.evaluate(
        """(command) => {
            const button = document.createElement("button");
            button.dataset.command = command;
            document.body.append(button);
            button.click();
            button.remove();
        }""",
        command,
    )
