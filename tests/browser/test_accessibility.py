"""every page and state, in both themes and on a phone, checked by axe: WCAG 2.2 AA"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Page

from tests.browser.accessibility import violations
from tests.browser.conftest import Problems
from tests.browser.scenes import SCENES
from tests.browser.stage import LOOKS, Look, Stage
from tests.conftest import ServerProcess


@pytest.mark.parametrize("look", LOOKS[:3], ids=lambda look: look.name)
@pytest.mark.parametrize("name", SCENES)
async def test_scene(
    name: str,
    look: Look,
    serve: ServerProcess,
    open_page: Callable[..., Awaitable[Page]],
    problems: Problems,
) -> None:
    """No violation on any page, in any state, in light, dark and on a phone."""
    async with Stage(serve, open_page, problems) as stage:
        stage.look = look
        page = await SCENES[name](stage)

        found = await violations(page)

        assert not found, "\n".join(found)
