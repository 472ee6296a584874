"""the people of a pad in real browsers: list, panel and sheet, who comes and goes, crowds"""

from __future__ import annotations

import asyncio
import contextlib
import re

from playwright.async_api import expect

from client_py import PadClient
from tests.browser.others import (
    END,
    Join,
    OpenPage,
    at_place,
    box_of,
    caret_of,
    enter_pad,
    open_pad,
    put_caret,
    saved,
)
from tests.conftest import ServerProcess


async def test_own_name_and_color(serve: ServerProcess, open_page: OpenPage, join: Join) -> None:
    """Esc takes a begun name back, a name without a letter is refused, colour and name reach the
    others at once; each row says where its person is.
    """
    page = await open_pad(serve, open_page)
    ada = await join("Ada", 1)
    await ada.at((END[1] + 1, END[1] + 19))
    await page.locator("#people-button").click()
    field = page.get_by_label("Your name")
    name = await field.input_value()
    await field.fill("Somebody")
    await expect(page.locator("#name-count")).to_have_text("8/40")
    await field.press("Escape")
    await expect(field).to_have_value(name)
    await field.fill(" ** ")
    await field.press("Enter")
    await expect(page.get_by_role("alert")).to_have_text("Names need at least one letter or digit.")
    await field.fill("Zoë")
    await page.get_by_role("button", name="Save").click()
    await page.get_by_title("Umber").click()
    await expect(page.get_by_role("radio", name="Umber")).to_be_checked()
    while True:
        told = await ada.wire.receive("presence")
        if any((one["name"], one["color"]) == ("Zoë", 12) for one in told["people"]):
            break
    rows = page.locator("#people-list > li")
    await expect(rows).to_have_count(2)
    await expect(rows.nth(0)).to_contain_text("Zoë(you)")
    await expect(rows.nth(1)).to_contain_text("Selected 18 characters at line 2")
    await ada.at(END[61])
    await expect(rows.nth(1)).to_contain_text("Line 61, below your view")
    async with PadClient(serve.url, "pad", name="Writer") as writer:
        writer.insert(END[7], "!")
        await writer.synchronised()
        await expect(page.locator("#people-list")).to_contain_text("Typing at line 7")
    await expect(page.locator("#people-find")).to_be_hidden()


async def test_own_name_and_color_in_another_tab(serve: ServerProcess, open_page: OpenPage) -> None:
    """The same person's other tabs change as well, for everybody; a name begun there goes on."""
    page = await open_pad(serve, open_page)
    other = await open_page(f"{serve.url}/p/pad", context=page.context)
    await saved(other)
    await other.locator("#people-button").click()
    field = other.get_by_label("Your name")
    await page.locator("#people-button").click()
    await page.get_by_label("Your name").fill("Zoë")
    await page.keyboard.press("Enter")
    await expect(field).to_have_value("Zoë")
    rows = page.locator("#people-list > li")
    await expect(rows).to_contain_text(["Zoë(you)", "Zoë"])

    await field.fill("Half a na")
    await page.get_by_title("Umber").click()
    await expect(other.get_by_role("radio", name="Umber")).to_be_checked()
    await page.get_by_label("Your name").fill("Zora")
    await page.keyboard.press("Enter")
    await expect(other.locator("#people-list > li")).to_contain_text(["Zora(you)", "Zora"])
    await expect(field).to_have_value("Half a na")


async def test_pinned_to_the_side(serve: ServerProcess, open_page: OpenPage, join: Join) -> None:
    """From 1200 px the list can stay at the side, 284 px wide, over a reload too; a narrower window
    has the popover again; the pencil opens name and colour.
    """
    page = await open_pad(serve, open_page, viewport={"width": 1440, "height": 900})
    await join("Ada", 1)
    await page.locator("#people-button").click()
    await page.get_by_role("button", name="Pin to the side").click()
    panel = page.locator("#people")
    await expect(panel).to_be_visible()
    box = await box_of(panel)
    assert (box["width"], box["right"], box["y"]) == (284, 1440, 52)
    text = await box_of(page.locator("main.text"))
    assert text["right"] == 1440 - 284
    footer = await box_of(page.locator("footer"))
    assert (footer["width"], footer["height"], footer["bottom"]) == (1440, 30, 900)
    await page.reload()
    await expect(panel).to_contain_text("2 people here")
    await expect(page.get_by_label("Your name")).to_be_hidden()
    await page.get_by_role("button", name="Edit name and colour").click()
    await expect(page.get_by_label("Your name")).to_be_focused()
    await page.set_viewport_size({"width": 1100, "height": 800})
    await expect(panel).to_be_hidden()
    await page.locator("#people-button").click()
    await expect(panel).to_be_visible()
    await page.keyboard.press("Escape")
    await page.set_viewport_size({"width": 1440, "height": 900})
    await page.get_by_role("button", name="Unpin").click()
    await expect(panel).to_be_hidden()
    await expect(page.locator("#people-button")).to_be_focused()


async def test_sheet_on_a_phone(serve: ServerProcess, open_page: OpenPage, join: Join) -> None:
    """On a phone the list is a sheet at the bottom, with targets for a thumb; two avatars and a
    count; a short chip.
    """
    size = {"width": 390, "height": 844}
    page = await open_pad(serve, open_page, viewport=size, has_touch=True)
    lin = await join("Lin", 2)
    for name in ("Ada", "Noor", "Zoe"):
        await join(name)
    await lin.at(END[80])
    chip = page.locator(".chip")
    await expect(chip).to_have_text("Lin below")
    await expect(page.locator("#avatars")).to_have_text(re.compile(r"^L.\+3$"))
    await page.locator("#people-button").tap()
    await page.evaluate("Promise.all(document.getAnimations().map(({finished}) => finished))")
    sheet = await box_of(page.locator("#people"))
    assert (sheet["x"], sheet["width"], round(sheet["bottom"])) == (0, 390, 844)
    await page.get_by_role("button", name="Follow Lin").tap()
    await page.touchscreen.tap(195, 20)
    await expect(page.locator("#people")).to_be_hidden()
    await expect(page.locator(".follow-badge")).to_contain_text("Following Lin")
    await expect(caret_of(page, lin)).to_be_in_viewport()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_live_region_and_places_in_words(
    serve: ServerProcess, open_page: OpenPage, join: Join
) -> None:
    """Who comes and goes is told together, who was here at the start is not; "Where is everyone?"
    reads the places.
    """
    page = await open_pad(serve, open_page)
    said = page.locator("#live-people")
    lin, ada = await join("Lin", 2), await join("Ada", 1)
    await expect(said).to_have_text("2 people joined. 3 people here.")
    await ada.leave()
    await expect(said).to_have_text("Ada left.", timeout=12_000)
    await lin.at(END[61])
    await expect(page.locator(".tick")).to_have_count(1)
    await page.evaluate(
        """() => {
            const button = document.createElement("button");
            button.dataset.command = "people.where";
            document.body.append(button);
            button.click();
        }"""
    )
    await expect(said).to_have_text("Lin: Line 61, below your view.")
    await expect(page.locator("#people-list")).to_be_visible()


async def test_a_leaving_caret_fades_and_a_reload_keeps_the_place(
    serve: ServerProcess, open_page: OpenPage, join: Join
) -> None:
    """A caret fades when its person leaves; who reloads has colour and place as before, and no
    word is said of it.
    """
    page = await open_pad(serve, open_page)
    blue, ada = await join("Blue", 1), await join("Ada", 2)
    await blue.at(4)
    await ada.at(END[3])
    await expect(caret_of(page, ada)).to_have_count(1)
    other = await enter_pad(serve, open_page)
    await put_caret(other, 6)
    theirs = page.locator('.caret:not([class*="person-1 "]).person-3')
    await expect(theirs).to_have_count(1)
    end_of_line = await box_of(page.locator(".cm-line").nth(6))
    await expect(theirs).to_have_class(re.compile("beside"))
    place = await box_of(theirs)
    assert abs(place["y"] - end_of_line["y"]) < 8
    said = page.locator("#live-people")
    await expect(said).to_contain_text("4 people here.", timeout=12_000)

    await page.evaluate(
        """() => new MutationObserver((seen) => {
            for (const {target: {classList}} of seen)
                if (classList.contains("leaving")) document.body.dataset.faded = "";
        }).observe(document.querySelector(".cm-carets"), {subtree: true, attributes: true})"""
    )
    await ada.leave()
    await expect(page.locator("body")).to_have_attribute("data-faded", "")
    await expect(caret_of(page, ada)).to_have_count(0)
    await blue.leave()
    await other.reload()
    await saved(other)
    await expect(theirs).to_have_count(1)
    await at_place(theirs, place)
    await expect(said).to_have_text("2 people left. 2 people here.", timeout=12_000)


async def test_two_hundred_people(serve: ServerProcess, open_page: OpenPage, join: Join) -> None:
    """200 people, 50 of them writing: the list finds anybody, only what is in view is drawn, five
    have flags, the screen reader is not flooded, and the page goes on answering.
    """
    page = await open_pad(serve, open_page)
    crowd = [await join(f"Person {number}") for number in range(150)]
    async with contextlib.AsyncExitStack() as stack:
        writers = [
            await stack.enter_async_context(PadClient(serve.url, "pad", name=f"Writer {number}"))
            for number in range(50)
        ]
        await expect(page.locator("#people-count")).to_have_text("201 here", timeout=30_000)
        await expect(page.locator("#avatars")).to_contain_text("+197")
        for number, somebody in enumerate(crowd):
            await somebody.at(END[1 + number])

        async def write(number: int) -> None:
            for letter in range(12):
                writers[number].insert(END[1 + number % 20], "abcdefghijkl"[letter])
                await asyncio.sleep(0.2)

        writing = asyncio.gather(*[write(number) for number in range(50)])
        await page.locator("#people-button").click()
        rows = page.locator("#people-list > li")
        await expect(rows).to_have_count(201)
        listed = await box_of(page.locator("#people-list"))
        size = page.viewport_size
        assert size is not None
        assert listed["height"] <= 0.6 * size["height"] + 1
        await page.get_by_role("searchbox", name="Find a person").fill("person 14")
        await expect(page.locator("#people-list > li:visible")).to_have_count(11)
        await page.get_by_role("searchbox").fill("nobody at all")
        await expect(page.locator("#people")).to_contain_text("Nobody by that name.")
        await page.keyboard.press("Escape")
        await page.keyboard.press("Escape")
        frames = await page.evaluate(SCROLL_FRAMES)
        await page.evaluate("() => { document.querySelector('.cm-scroller').scrollTop = 0; }")
        flags = page.locator(".caret .flag:not([hidden])")
        await expect(flags.first).to_be_attached()
        assert await flags.count() <= 5
        assert await page.locator(".caret").count() < 130
        await writing
        assert frames > 20, "scrolling goes on while they write"
    assert await page.locator("#live-people").text_content() == ""


# Scrolls through the text for 60 animation frames, or as many as there are in 10 s.
SCROLL_FRAMES = """() => new Promise((resolve) => {
    const scroller = document.querySelector(".cm-scroller");
    const end = performance.now() + 10_000;
    let frames = 0;
    const next = () => {
        scroller.scrollTop += 40;
        frames += 1;
        if (frames < 60 && performance.now() < end) requestAnimationFrame(next);
        else resolve(frames);
    };
    requestAnimationFrame(next);
})"""
