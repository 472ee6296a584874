"""the operations page in a real browser: live, paused, stalled, signed in to, without a script"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Page, Route, expect

from client_py import PadClient
from tests.browser.conftest import Problems
from tests.browser.ops_figures import busy
from tests.conftest import ServerProcess

OpenPage = Callable[..., Awaitable[Page]]
TOKEN = "a token of the tests"


@pytest.mark.slow
async def test_a_feed_that_stalls_says_since_when_and_comes_back(
    serve: ServerProcess, open_page: OpenPage, problems: Problems
) -> None:
    """Figures that are old look old; when the server answers again they do not."""
    problems.allow("ERR_FAILED")
    page = await open_page(f"{serve.url}/ops")
    await expect(page.locator("#updated")).to_contain_text("Updated")
    await expect(page.locator("body")).not_to_have_class(re.compile("stalled"))
    color = "(figure) => getComputedStyle(figure).color"
    fresh = await page.locator("#tile-pads .value").evaluate(color)

    async def fail(route: Route) -> None:
        await route.abort()

    await page.route("**/ops/figures*", fail)
    await expect(page.locator("#updated")).to_contain_text("No data since")
    await expect(page.locator("#live")).to_contain_text("No data since")
    assert await page.locator("#tile-pads .value").evaluate(color) != fresh

    await page.unroute("**/ops/figures*", fail)
    await expect(page.locator("#updated")).to_contain_text("Updated")
    await expect(page.locator("#live")).to_have_text("")
    assert await page.locator("#tile-pads .value").evaluate(color) == fresh


@pytest.mark.slow
async def test_it_follows_what_people_do_until_it_is_paused(
    serve: ServerProcess, open_page: OpenPage
) -> None:
    """Somebody comes and types; paused it asks no more, and goes on when it is told to."""
    page = await open_page(f"{serve.url}/ops")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    async with PadClient(serve.url, "demo") as writer:
        writer.insert(0, "x")
        await writer.synchronised()
        await expect(page.locator("#tile-people .value")).to_have_text("1")
        await expect(page.locator("#pad-rows tr").first).to_contain_text("d…")
    await page.keyboard.press("Tab")
    await page.locator("#pause").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#updated")).to_contain_text("Paused")
    count = len(asked)
    await page.get_by_label("1 h", exact=True).check()
    # A range that one asks for is shown, also while it is paused; then nothing more is asked.
    await expect(page).to_have_url(re.compile("range=1h"))
    await page.locator("#pause").press("Enter")
    await expect(page.locator("#updated")).to_contain_text("Updated")
    assert all("range=1h" in url for url in asked[count:])


@pytest.mark.slow
async def test_lines_are_told_apart_without_colours_and_a_peak_has_its_time(
    serve: ServerProcess, open_page: OpenPage
) -> None:
    """Three lines with three patterns; the time of a peak is that of the reader's clock."""
    page = await open_page(f"{serve.url}/ops")

    async def answer(route: Route) -> None:
        await route.fulfill(json=busy())

    await page.route("**/ops/figures*", answer)
    await expect(page.locator("#pad-rows tr").first.locator("td").nth(4)).to_have_text("9.2 MB")
    lines = page.locator("#chart path.line")
    await expect(lines).to_have_count(3)
    patterns = await lines.evaluate_all(
        "lines => lines.map((line) => getComputedStyle(line).strokeDasharray)"
    )
    assert len(set(patterns)) == 3, patterns
    context = page.locator("#tile-people .context")
    await expect(context).to_have_text(re.compile(r"^peak 151 at \d\d:\d\d$"))
    tile = next(tile for tile in busy()["tiles"] if tile["name"] == "people")
    minutes = await page.evaluate("(ms) => new Date(ms).getMinutes()", tile["peak_ms"])
    # A moment may have passed between the two answers.
    shown = int((await context.inner_text())[-2:])
    assert (minutes - shown) % 60 <= 1


@pytest.mark.slow
async def test_the_chart_is_drawn_for_the_width_that_there_is(
    serve: ServerProcess, open_page: OpenPage
) -> None:
    """Its letters keep their size when the window becomes narrow, and wide again, also while no
    figures come.
    """
    page = await open_page(f"{serve.url}/ops")
    asked: list[str] = []

    async def answer(route: Route) -> None:
        asked.append(route.request.url)
        await route.fulfill(json=busy())

    await page.route("**/ops/figures*", answer)
    await expect(page.locator("#pad-rows tr").first.locator("td").nth(4)).to_have_text("9.2 MB")
    await page.locator("#pause").click()
    await expect(page.locator("#updated")).to_contain_text("Paused")
    count = len(asked)
    picture = page.locator("#chart svg")
    widths = []
    for width in (1_280, 320, 1_280):
        await page.set_viewport_size({"width": width, "height": 800})
        room = await page.locator("#chart").evaluate("(chart) => chart.clientWidth")
        # At least 280: below, it is scaled.
        await expect(picture).to_have_attribute("width", str(max(280, room)))
        widths.append(max(280, room))
    assert widths[0] == widths[2] > 2 * widths[1]
    assert len(asked) == count


async def test_the_theme_of_another_tab(serve: ServerProcess, open_page: OpenPage) -> None:
    """What is chosen there is shown here at once."""
    page = await open_page(f"{serve.url}/ops")
    await expect(page.locator("#updated")).to_contain_text("Updated")
    other = await open_page(serve.url, context=page.context)
    await other.locator("#theme").click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await other.locator("#theme").click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "light")


async def test_the_token_is_asked_for(
    start_server: Callable[..., ServerProcess],
    open_page: OpenPage,
    problems: Problems,
    tmp_path: Path,
) -> None:
    """A wrong one is refused, the right one opens the page, also after a reload."""
    problems.allow("403")
    (tmp_path / "token").write_text(TOKEN)
    server = start_server("--admin-token-file", str(tmp_path / "token"))
    page = await open_page(f"{server.url}/ops")
    await page.get_by_label("Admin token").fill("not this one at all")
    await page.keyboard.press("Enter")
    await expect(page.locator("#token-error")).to_have_text("That is not the token.")
    await page.get_by_label("Admin token").fill(TOKEN)
    await page.keyboard.press("Enter")
    await expect(page.locator("#tile-pads")).to_be_visible()
    await page.reload()
    await expect(page.locator("#updated")).to_contain_text("Updated")
    assert await page.evaluate("document.cookie") == ""


async def test_without_a_script_the_figures_are_in_the_page(
    serve: ServerProcess, open_page: OpenPage
) -> None:
    """Tiles and tables as of the request, and another range by a button."""
    page = await open_page(f"{serve.url}/ops", java_script_enabled=False)
    await expect(page.locator(".tile")).to_have_count(6)
    await expect(page.locator("#checks li")).to_have_count(6)
    await expect(page.locator("#events li").last).to_contain_text("Server started")
    await expect(page.locator("#pause")).to_be_hidden()
    await page.get_by_label("24 h").check()
    await page.get_by_role("button", name="Show").click()
    await page.wait_for_url("**/ops?range=24h")
    await expect(page.get_by_label("24 h")).to_be_checked()
