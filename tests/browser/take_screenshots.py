"""`make screenshots`: every page and state in every look, into build/screenshots; those that the
docs show go to docs/images
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Page

from tests.browser.conftest import Problems
from tests.browser.scenes import SCENES
from tests.browser.stage import LOOKS, Look, Stage
from tests.conftest import REPO, ServerProcess

FOLDER = REPO / "build/screenshots"
DOCS = REPO / "docs/images"


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
@pytest.mark.parametrize("name", SCENES)
async def test_take(
    name: str,
    look: Look,
    serve: ServerProcess,
    open_page: Callable[..., Awaitable[Page]],
    problems: Problems,
) -> None:
    async with Stage(serve, open_page, problems) as stage:
        stage.look = look
        page = await SCENES[name](stage)
        await page.evaluate("document.fonts.ready")
        # Transitions of 220 ms at most have ended, and what follows a caret has been drawn.
        await page.wait_for_timeout(400)
        picture = FOLDER / f"{name}-{look.name}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=picture, scale="css")
        if (DOCS / picture.name).exists():
            shrink(picture, DOCS / picture.name)


def shrink(picture: Path, to: Path) -> None:
    """Save a picture in 256 colours, a third of the bytes. Maximum coverage and then k-means keep
    the few pixels of a caret in their own colour. Pillow is there with matplotlib.
    """
    with Image.open(picture) as image:
        few = image.convert("RGB").quantize(
            256, method=Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE
        )
    few.save(to, optimize=True)
