"""HTML: home, pad, errors; static files; the headers that every answer has

Pages are the same for everybody: what is personal (name, theme, recent pads) stays in the browser.
"""

from __future__ import annotations

import json
import re
import secrets
import string
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web

from server.hub import Hub
from server.presence import clean_name
from server.storage import StorageError

__all__ = ["PAD_ID", "Pages", "security_headers"]

PAD_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Long enough that a pad's address cannot be guessed: 8 characters of 62 (47 bits) behind a name of
# one's own choosing, 22 (131 bits) when there is no name.
_SUFFIX_LENGTH, _RANDOM_LENGTH = 8, 22
_ALPHABET = string.ascii_letters + string.digits
_TITLE_MAX = 80
# Years of caching are right for a file whose name changes with its content.
_FOR_EVER = "public, max-age=31536000, immutable"
# What a page's own style elements carry, and its policy names.
_NONCE = web.RequestKey("nonce", str)
_HERE = Path(__file__).parent


def _folder(name: str, source: str) -> Path:
    """Where pages and bundle are: in the installed package, or in a checkout."""
    installed = _HERE / name
    return installed if installed.is_dir() else _HERE.parent / source


class Pages:
    """What a browser asks for by GET, and the form that makes a pad."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_folder("templates", "templates")),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._dist = _folder("dist", "client_js/dist")
        manifest = self._dist / "manifest.json"
        if not manifest.is_file():
            raise FileNotFoundError(f"{manifest} is not there: build the pages with `make build`")
        self._assets: dict[str, str] = json.loads(manifest.read_text())
        # A fixed map: a request never names a path.
        self._files = {path.name: path for path in self._dist.iterdir() if path.is_file()}
        self._templates.globals["asset"] = lambda name: f"/static/{self._assets[name]}"

    def add_routes(self, app: web.Application) -> None:
        """Put the pages into an application."""
        app.add_routes(
            [
                web.get("/", self.home),
                web.post("/p", self.create),
                web.get("/p/{pad}", self.pad),
                web.get("/static/{name}", self.static),
                web.get("/healthz", self.health),
            ]
        )

    async def home(self, request: web.Request) -> web.Response:
        """`GET /`"""
        return self._page(request, "home.html", origin=request.host)

    async def create(self, request: web.Request) -> web.Response:
        """`POST /p`: make a pad and go to it. `id` asks for one exact address, `name` for a
        readable one.
        """
        # Where the browser says so, only our own pages may make pads in somebody's name.
        if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            raise web.HTTPForbidden(text="pads are made from our own pages", reason="Not from here")
        try:
            form = await request.post()
        except (ValueError, LookupError):
            # Not the encoding that it says, no such encoding, or no parts where it says parts.
            raise web.HTTPBadRequest(text="the form cannot be read", reason="Bad form") from None
        wanted, title = str(form.get("id", "")), _title(str(form.get("name", "")))
        if wanted:
            if not PAD_ID.fullmatch(wanted):
                raise web.HTTPBadRequest(
                    text="an id has 1 to 64 letters, digits, - and _", reason="Bad id"
                )
            # Who is late finds the pad made, which is as good.
            await self._hub.create(wanted, title or wanted)
            raise web.HTTPSeeOther(f"/p/{wanted}")
        while True:
            name = _address(title)
            if await self._hub.create(name, title or "Untitled pad"):
                raise web.HTTPSeeOther(f"/p/{name}")

    async def pad(self, request: web.Request) -> web.Response:
        """`GET /p/{pad}`"""
        name = request.match_info["pad"]
        record = await self._hub.find(name) if PAD_ID.fullmatch(name) else None
        if record is None:
            raise web.HTTPNotFound
        return self._page(request, "pad.html", pad={"id": name, "title": record.title})

    async def static(self, request: web.Request) -> web.StreamResponse:
        """`GET /static/{name}`: a file of the bundle."""
        path = self._files.get(request.match_info["name"])
        if path is None or path.name == "manifest.json":
            raise web.HTTPNotFound
        hashed = self._assets.get(path.name) != path.name
        return web.FileResponse(
            path, headers={"Cache-Control": _FOR_EVER if hashed else "no-cache"}
        )

    async def health(self, request: web.Request) -> web.Response:
        """`GET /healthz`: whether the store answers."""
        await self._hub.find("healthz")
        return web.json_response({"status": "ok"})

    @web.middleware
    async def errors(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Turn errors into pages that say what to do."""
        allow = None
        try:
            response: web.StreamResponse = await handler(request)
            return response
        except StorageError:
            status, message = 503, "The disk did not answer. Your text is safe; try again soon."
            text = "Not available"
        except web.HTTPException as error:
            # Redirects, and the plain answers that programs get.
            if error.status < 400 or request.path.startswith(("/ws/", "/static/")):
                raise
            status, text, message = error.status, error.reason, error.text or error.reason
            allow = error.headers.get("Allow")
        if status == 404:
            text, message = "Nothing here yet", "There is no page at this address."
        name = request.match_info.get("pad", "")
        pad_id = name if status == 404 and PAD_ID.fullmatch(name) else None
        page = self._page(
            request,
            "error.html",
            http_status=status,
            status=status,
            title=text,
            message=message,
            pad_id=pad_id,
            creatable=pad_id is not None,
        )
        if allow is not None:
            page.headers["Allow"] = allow
        return page

    def _page(
        self, request: web.Request, template: str, *, http_status: int = 200, **values: Any
    ) -> web.Response:
        nonce = secrets.token_urlsafe(12)
        request[_NONCE] = nonce
        html = self._templates.get_template(template).render(nonce=nonce, **values)
        return web.Response(
            text=html,
            status=http_status,
            content_type="text/html",
            headers={"Cache-Control": "no-cache"},
        )


async def security_headers(request: web.Request, response: web.StreamResponse) -> None:
    """What every answer says: nothing from elsewhere, in no frame, no type guessed, no address
    told.
    """
    style = f" 'nonce-{request[_NONCE]}'" if _NONCE in request else ""
    response.headers.update(
        {
            "Content-Security-Policy": (
                f"default-src 'none'; script-src 'self'; style-src 'self'{style}; "
                "font-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; "
                "form-action 'self'; frame-ancestors 'none'; "
                "require-trusted-types-for 'script'"
            ),
            "Cross-Origin-Opener-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
    )


def _title(name: str) -> str:
    return clean_name(name, length_max=_TITLE_MAX, otherwise="")


def _address(title: str) -> str:
    """A readable, unguessable address: the link is the key."""
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40].strip("-")
    length = _SUFFIX_LENGTH if words else _RANDOM_LENGTH
    suffix = "".join(secrets.choice(_ALPHABET) for _ in range(length))
    return f"{words}-{suffix}" if words else suffix
