"""the aiohttp application; opens and closes resources; embedding

app = create_app(Settings(data=Path("pads")))
aiohttp.web.run_app(app)                           # or, beside an application of your own:
parent.add_domain("pads.example.org", app)         # its addresses start at /, so not under a path
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib.metadata import version

from aiohttp import web

from server.admin import ADMIN, Admin
from server.data import Data
from server.demo import make_demo
from server.divergence import Divergence
from server.doorstep import body_deadline
from server.html import security_headers
from server.hub import Hub
from server.metrics import Metrics
from server.ops import Ops
from server.pad_pages import PadPages
from server.pages import Pages
from server.removal import Removal
from server.settings import Settings
from server.sqlite import SQLiteStore
from server.websocket import Sockets

__all__ = ["create_app"]

# What a form holds besides the text: names, keys, boundaries.
_FORM_BYTES = 65_536
# A code point takes up to four bytes of UTF-8.
_BYTES_PER_CODE_POINT = 4


def create_app(settings: Settings) -> web.Application:
    """The whole server. Raises StorageError if the data folder cannot be used."""
    store = SQLiteStore(settings.data)
    hub = Hub(store, settings)
    pages = Pages(hub, settings)

    async def run_hub(app: web.Application) -> AsyncIterator[None]:
        hub.start()
        if settings.demo:
            await make_demo(hub)
        yield

    async def close_hub(app: web.Application) -> None:
        # While connections are still open, so that they are told.
        await hub.close()

    app = web.Application(
        middlewares=[pages.errors, body_deadline(settings.body_seconds)],
        client_max_size=_FORM_BYTES + _BYTES_PER_CODE_POINT * settings.pad_length_max,
    )
    app[ADMIN] = Admin(settings)
    app.cleanup_ctx.append(run_hub)
    app.on_shutdown.append(close_hub)
    app.on_response_prepare.append(security_headers(remote_images=settings.remote_images))
    divergence = Divergence(hub.counters, settings.data / "divergence", package=version("deltapad"))
    sockets = Sockets(hub, settings, divergence)
    app.router.add_get("/ws/{pad}", sockets.handle)
    app.router.add_get("/ws/view/{view_key}", sockets.handle)
    pages.add_routes(app)
    PadPages(hub, pages.html, settings).add_routes(app)
    Data(hub).add_routes(app)
    Removal(hub, settings.data / "divergence").add_routes(app)
    Ops(hub, store, pages.html, app[ADMIN], settings).add_routes(app)
    if settings.metrics:
        Metrics(hub, sockets).add_routes(app)
    return app
