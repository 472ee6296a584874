"""the aiohttp application; opens and closes resources; embedding

app = create_app(Settings(data=Path("pads")))
aiohttp.web.run_app(app)                           # or, beside an application of your own:
parent.add_domain("pads.example.org", app)         # its addresses start at /, so not under a path
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from server.hub import Hub
from server.pages import Pages, security_headers
from server.settings import Settings
from server.sqlite import SQLiteStore
from server.websocket import Sockets

__all__ = ["create_app"]

# Forms hold a name and an id; nothing larger is posted.
_FORM_BYTES_MAX = 65_536


def create_app(settings: Settings) -> web.Application:
    """The whole server. Raises StorageError if the data folder cannot be used."""
    store = SQLiteStore(settings.data)
    hub = Hub(store, settings)
    pages = Pages(hub)

    async def run_hub(app: web.Application) -> AsyncIterator[None]:
        hub.start()
        yield

    async def close_hub(app: web.Application) -> None:
        # While connections are still open, so that they are told.
        await hub.close()

    app = web.Application(middlewares=[pages.errors], client_max_size=_FORM_BYTES_MAX)
    app.cleanup_ctx.append(run_hub)
    app.on_shutdown.append(close_hub)
    app.on_response_prepare.append(security_headers)
    app.router.add_get("/ws/{pad}", Sockets(hub, settings).handle)
    pages.add_routes(app)
    return app
