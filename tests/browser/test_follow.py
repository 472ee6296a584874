"""following others in real browsers, and the ways to them: the chip and the rail"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from playwright.async_api import Page, expect

from tests.browser.others import (
    END,
    Join,
    OpenPage,
    Somebody,
    box_of,
    caret_of,
    open_pad,
)
from tests.conftest import ServerProcess


async def test_chip_and_rail_lead_to_others_once(
    serve: ServerProcess, open_page: OpenPage, join: Join
) -> None:
    """Who does something outside the view is named at the bottom right, for 6 s; a click scrolls
    there once; the rail has a tick for each caret.
    """
    page = await open_pad(serve, open_page)
    noor, ada = await join("Noor", 3), await join("Ada", 1)
    await ada.at(END[150])
    await noor.at(END[61])
    chip = page.locator(".chip")
    await expect(chip).to_be_visible()
    await noor.at(END[61] - 1)
    await ada.at(END[2])
    await expect(chip).to_have_text("Noor is at line 61")
    ticks = page.locator(".tick")
    await expect(ticks).to_have_count(2)
    rail = await box_of(page.locator(".rail"))
    tick = await box_of(page.locator(".tick.person-3"))
    assert 0.27 < (tick["y"] - rail["y"]) / rail["height"] < 0.33
    assert (tick["width"], tick["height"]) == (6, 4)

    await ada.at(END[60])
    await chip.click()
    await expect(caret_of(page, noor)).to_be_in_viewport()
    await expect(chip).to_be_hidden()
    await expect(page.locator(".follow-badge")).to_be_hidden()
    await page.mouse.move(300, 300)
    await noor.at(END[190])
    await expect(chip).to_have_text("Noor is at line 190")
    await expect(chip).to_be_hidden(timeout=9_000)
    await page.locator(".tick.person-1").click()
    await expect(caret_of(page, ada)).to_be_in_viewport()


async def follow(page: Page, name: str) -> None:
    """Begin to follow somebody by the list."""
    await page.locator("#people-button").click()
    await page.get_by_role("button", name=f"Follow {name}").click()
    await page.keyboard.press("Escape")
    await expect(page.locator(".follow-badge")).to_contain_text(f"Following {name}")


async def in_middle_third(page: Page, somebody: Somebody) -> None:
    view = await box_of(page.locator(".cm-scroller"))
    third = view["height"] / 3
    caret = caret_of(page, somebody)
    for _ in range(100):
        box = await caret.bounding_box()
        if box and third <= box["y"] + box["height"] / 2 - view["y"] <= 2 * third:
            return
        await page.wait_for_timeout(30)
    raise AssertionError((view, box))


async def test_following(serve: ServerProcess, open_page: OpenPage, join: Join) -> None:
    """Their caret stays in the middle third; typing, a click, the wheel, an arrow key and Esc each
    end it, with a way back; what others do does not.
    """
    page = await open_pad(serve, open_page)
    lin, ada = await join("Lin", 2), await join("Ada", 1)
    await lin.at(END[100])
    await follow(page, "Lin")
    await in_middle_third(page, lin)
    frame = page.locator(".follow-frame")
    color = await frame.evaluate("(frame) => getComputedStyle(frame).borderTopColor")
    assert color == "rgb(196, 81, 21)"
    assert await frame.evaluate("(frame) => getComputedStyle(frame).borderTopWidth") == "2px"
    await lin.at(END[40])
    await in_middle_third(page, lin)
    scrolled = "() => document.querySelector('.cm-scroller').scrollTop"
    await expect_still(page, scrolled)
    top = await page.evaluate(scrolled)
    await lin.at(END[42])
    await ada.at(END[180])
    await expect(caret_of(page, lin)).to_be_in_viewport()
    await page.wait_for_timeout(150)
    assert await page.evaluate(scrolled) == top, "within the middle third nothing scrolls"

    toast = page.locator("#toast")
    badge = page.locator(".follow-badge")

    async def click() -> None:
        await page.locator(".cm-line").nth(20).click()

    ends: list[Callable[[], Awaitable[None]]] = [
        click,
        lambda: page.keyboard.type("x"),
        lambda: page.keyboard.press("ArrowLeft"),
        lambda: page.mouse.wheel(0, 40),
        lambda: page.keyboard.press("Escape"),
        lambda: badge.get_by_role("button").click(),
    ]
    await page.mouse.move(700, 400)
    for end in ends:
        await expect(badge).to_be_visible()
        await end()
        await expect(badge).to_be_hidden()
        await expect(frame).to_be_hidden()
        await expect(toast).to_contain_text("Stopped following Lin.")
        await toast.get_by_role("button", name="Follow again").click()
        await page.mouse.move(700, 400)
    await lin.leave()
    await expect(toast).to_have_text("Lin left. Stopped following.", timeout=12_000)
    await expect(badge).to_be_hidden()


async def expect_still(page: Page, expression: str) -> None:
    """Wait until a value no longer changes."""
    before = None
    for _ in range(50):
        now = await page.evaluate(expression)
        if now == before:
            return
        before = now
        await page.wait_for_timeout(80)


async def test_following_beside_the_preview(
    serve: ServerProcess, open_page: OpenPage, join: Join
) -> None:
    """In the preview, to select something ends nothing and to scroll does; in a narrow pane the
    chip leaves the way to stop free.
    """
    page = await open_pad(serve, open_page, viewport={"width": 900, "height": 600})
    lin = await join("Lin the Unforgettable", 2)
    noor = await join("Noor", 3)
    await lin.at(END[1])
    await page.locator(".bar-centre .views [value=split]").check()
    preview = page.locator("#preview")
    await expect(preview).to_have_attribute("data-ready", "true")
    badge = page.locator(".follow-badge")
    await follow(page, "Lin")
    await noor.at(END[180])
    chip = await box_of(page.locator(".chip"))
    assert chip["bottom"] <= (await box_of(badge))["y"]

    await preview.locator("p").first.click(click_count=2, position={"x": 10, "y": 10})
    await expect(badge).to_be_visible()
    again = page.locator("#toast").get_by_role("button", name="Follow again")
    for end in (lambda: page.mouse.wheel(0, 300), lambda: preview.press("PageDown")):
        await preview.hover()
        await end()
        await expect(badge).to_be_hidden()
        await again.click()
        await expect(badge).to_be_visible()


async def test_following_a_follower_and_never_in_a_circle(
    serve: ServerProcess, open_page: OpenPage, join: Join
) -> None:
    """Following a follower follows the followed; who follows me cannot be followed; the badge says
    when they look at history; the others are told whom I follow.
    """
    page = await open_pad(serve, open_page)
    lin, ada, sam = await join("Lin", 2), await join("Ada", 1), await join("Sam", 4)
    await lin.at(END[10])
    await ada.at(END[90], following=lin.session)
    me = await page.locator("#avatars .me").get_attribute("data-session")
    await sam.at(5, following=me)
    await page.locator("#people-button").click()
    await expect(page.get_by_role("button", name="Follow Sam")).to_be_disabled()
    await page.get_by_role("button", name="Follow Ada").click()
    badge = page.locator(".follow-badge")
    await expect(badge).to_contain_text("Following Lin")
    pressed = page.get_by_role("button", name="Following Lin")
    await expect(pressed).to_have_attribute("aria-pressed", "true")
    await expect(pressed).to_have_text("Following")
    while True:
        told = await lin.wire.receive("presence")
        if any(
            person.get("following") == lin.session
            for person in told["people"]
            if person["session"] == me
        ):
            break
    await lin.at(history=1)
    await expect(badge).to_contain_text("Lin is looking at history")
    await expect(page.locator("#people-list")).to_contain_text("Looking at history")
    await pressed.click()
    await expect(badge).to_be_hidden()
