"""the pages that belong to no pad: home, messages, static files, health"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from aiohttp import web

from ot.errors import GoneError, UnavailableError
from server.demo import DEMO
from server.health import CHECK_SECONDS_MAX, RETRY_AFTER_SECONDS
from server.html import Html, Message, deleted, folder
from server.hub import Hub
from server.settings import Settings
from server.storage import PadRecord, StorageError

__all__ = ["Pages"]

# How long a chosen language is remembered.
_LANGUAGE_SECONDS = 365 * 24 * 60 * 60
# Code points of the demo pad that the home page shows before its script takes over.
_DEMO_TEXT_MAX = 1_000
# Years of caching are right for a file whose name changes with its content.
_FOR_EVER = "public, max-age=31536000, immutable"
# What HTTP itself refuses, as texts.
_MESSAGES = {400: "badRequest", 403: "foreign", 404: "notFound", 413: "tooLarge"}


class Pages:
    """What a browser asks for by GET, but for the pads."""

    def __init__(self, hub: Hub, settings: Settings) -> None:
        self._hub = hub
        self._settings = settings
        dist = folder("dist", "client_js/dist")
        manifest = dist / "manifest.json"
        if not manifest.is_file():
            raise FileNotFoundError(f"{manifest} is not there: build the pages with `make build`")
        self._assets: dict[str, str] = json.loads(manifest.read_text())
        # Whether the store can be read is being tried out.
        self._finding: asyncio.Task[PadRecord | None] | None = None
        # A fixed map: a request never names a path.
        self._files = {path.name: path for path in dist.iterdir() if path.is_file()}
        imports = json.loads((dist / "imports.json").read_text())
        self.html = Html(self._assets, imports, remote_images=settings.remote_images)

    def add_routes(self, app: web.Application) -> None:
        """Put the pages into an application."""
        app.add_routes(
            [
                web.get("/", self.home),
                web.get("/offline", self.offline),
                web.get("/static/{name}", self.static),
                web.get("/service_worker.js", self.service_worker),
                web.get("/healthz", self.health),
            ]
        )

    async def home(self, request: web.Request) -> web.Response:
        """`GET /`, and `GET /?language=de`, which chooses a language and remembers it."""
        chosen = request.query.get("language", "")
        if self.html.speaks(chosen):
            home = web.HTTPSeeOther("/")
            home.set_cookie("language", chosen, max_age=_LANGUAGE_SECONDS, samesite="Lax")
            raise home
        demo = None
        if self._settings.demo:
            with contextlib.suppress(GoneError):
                async with self._hub.open(DEMO) as pad:
                    if pad is not None:
                        title, text = pad.record.title, pad.document.text()[:_DEMO_TEXT_MAX]
                        demo = {"id": DEMO, "title": title, "text": text}
        return self.html.page(
            request,
            "home.html",
            origin=request.host,
            demo=demo,
            source_url=self._settings.source_url,
        )

    async def offline(self, request: web.Request) -> web.Response:
        """`GET /offline`: what a browser may keep, to show it when a page cannot be had."""
        return self.html.page(request, "offline.html")

    async def static(self, request: web.Request) -> web.StreamResponse:
        """`GET /static/{name}`: a file of the bundle."""
        path = self._files.get(request.match_info["name"])
        if path is None or path.suffix == ".json" or path.suffix == ".gz":
            raise web.HTTPNotFound
        hashed = self._assets.get(path.name) != path.name
        # A packed file that lies beside it is sent in its place, if the browser takes that.
        return web.FileResponse(
            path, headers={"Cache-Control": _FOR_EVER if hashed else "no-cache"}
        )

    async def service_worker(self, request: web.Request) -> web.StreamResponse:
        """`GET /service_worker.js`: at the top, since it is for what lies below its address."""
        return web.FileResponse(
            self._files["service_worker.js"], headers={"Cache-Control": "no-cache"}
        )

    async def health(self, request: web.Request) -> web.Response:
        """`GET /healthz`: whether the store can be read and written, and what waits for it."""
        hub = self._hub
        reads = hub.health.reads
        try:
            try:
                async with asyncio.timeout(CHECK_SECONDS_MAX):
                    if self._finding is None or self._finding.done():
                        # No pad has this name, nor has had.
                        self._finding = asyncio.create_task(hub.find(""))
                    # One for all who ask: a disk that does not answer would be asked ever more.
                    await asyncio.shield(self._finding)
            except TimeoutError:
                # After a restart a thousand pads may be read before it: then these are answered.
                if hub.health.reads == reads:
                    raise
            state = await hub.health.check()
        except (StorageError, UnavailableError, TimeoutError):
            state = "failing"
        content = {"status": state, "waiting": hub.waiting, "wal_bytes": hub.health.wal_bytes}
        if state == "ok":
            return web.json_response(content)
        content["since_seconds"] = round(hub.health.since_seconds)
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        return web.json_response(content, status=503, headers=headers)

    @web.middleware
    async def errors(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Turn errors into pages that say what to do."""
        allow = None
        try:
            response: web.StreamResponse = await handler(request)
            return response
        except Message as error:
            message = error
        except GoneError as error:
            message = deleted(error.time_ms)
        except (StorageError, UnavailableError):
            message = Message(503, "disk")
        except ConnectionError:
            # Whoever asked has gone, which is no error of ours; nobody hears the answer.
            return web.Response(status=400)
        except web.HTTPException as error:
            # Redirects, and the plain answers that programs get.
            if error.status < 400 or request.path.startswith(("/ws/", "/static/")):
                raise
            message = Message(error.status, _MESSAGES.get(error.status, "other"))
            allow = error.headers.get("Allow")
        except Exception:
            # The edge of the server: it is logged, and whoever asked is told that it is our fault.
            request.app.logger.exception("%s %s", request.method, request.path)
            message = Message(500, "broken")
        page = self.html.message(request, message)
        if allow is not None:
            page.headers["Allow"] = allow
        retry_seconds = message.values.get("retry_seconds")
        if retry_seconds is None and message.status == 503:
            retry_seconds = RETRY_AFTER_SECONDS
        if retry_seconds is not None:
            page.headers["Retry-After"] = str(retry_seconds)
        return page
