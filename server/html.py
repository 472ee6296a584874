"""HTML from templates, in the language of the browser; the headers that every answer has

Pages are the same for everybody: what is personal (name, theme, recent pads) stays in the browser.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web
from markupsafe import Markup

from server.languages import Language, load_languages, preferred

__all__ = ["Html", "Message", "deleted", "folder", "packed", "security_headers"]

# What a page's own style elements carry, and its policy names.
_NONCE = web.RequestKey("nonce", str)
# Smaller answers gain nothing from being packed.
_PACK_BYTES_MIN = 1_000
_HERE = Path(__file__).parent


def folder(name: str, source: str) -> Path:
    """Where files of ours are: in the installed package, or in a checkout."""
    installed = _HERE / name
    return installed if installed.is_dir() else _HERE.parent / source


class Message(Exception):
    """A page that says what is the matter, to be shown in place of the one that was asked for.

    `name` is a text of section `errors`, whose title is `{name}` and whose help is `{name}Help`;
    `values` are put into them and given to the template.
    """

    def __init__(self, status: int, name: str, **values: Any) -> None:
        super().__init__(name)
        self.status = status
        self.name = name
        self.values = values


def deleted(time_ms: int, *, kept: str | None = None) -> Message:
    """The page in the place of a pad that was deleted then; `kept` is what was to be put into it.
    A script says the date in words.
    """
    date = time.strftime("%Y-%m-%d", time.gmtime(time_ms / 1000))
    return Message(410, "deleted", gone_ms=time_ms, date=date, kept=kept)


@cache
def _environment(templates: Path) -> jinja2.Environment:
    """Compiled templates: the same for every application of a process."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        icons=json.loads((templates / "icons.json").read_text()),
        shortcuts=json.loads((templates / "shortcuts.json").read_text()),
        markup=Markup,
    )
    return environment


class Html:
    """The templates."""

    def __init__(
        self, assets: dict[str, str], imports: dict[str, list[str]], *, remote_images: bool
    ) -> None:
        """`assets` are the hashed names of the bundle's files, by their plain ones; `imports` are
        the files that a page's script needs at once.
        """
        templates = folder("templates", "templates")
        self._languages = load_languages(folder("strings", "strings"))
        self._templates = _environment(templates)
        # What templates know besides what each page gives them.
        self._known = {
            "asset": lambda name: f"/static/{assets[name]}",
            "imports": imports,
            "languages": list(self._languages.values()),
            "remote_images": remote_images,
        }

    def language(self, request: web.Request) -> Language:
        """The language to answer in."""
        accept = request.headers.get("Accept-Language", "")
        return preferred(self._languages, request.cookies.get("language"), accept)

    def speaks(self, language: str) -> bool:
        """Whether there are texts in a language."""
        return language in self._languages

    def page(
        self, request: web.Request, template: str, *, http_status: int = 200, **values: Any
    ) -> web.Response:
        """A template as an answer."""
        nonce = secrets.token_urlsafe(12)
        request[_NONCE] = nonce
        language = self.language(request)
        html = self._templates.get_template(template).render(
            **self._known, nonce=nonce, language=language, t=language.text, **values
        )
        return packed(
            web.Response(
                text=html,
                status=http_status,
                content_type="text/html",
                headers={"Cache-Control": "no-cache", "Vary": "Accept-Language, Cookie"},
            )
        )

    def message(self, request: web.Request, message: Message) -> web.Response:
        """The page of a message."""
        t = self.language(request).text
        values = {
            "pad_id": None,
            "view_key": None,
            "kept": None,
            # When what was asked for was deleted.
            "gone_ms": None,
            "retry_seconds": None,
            # The fields of a form that may be sent again.
            "form": None,
            **message.values,
        }
        places = {key: value for key, value in values.items() if value is not None}
        return self.page(
            request,
            "error.html",
            http_status=message.status,
            status=message.status,
            title=t(f"errors.{message.name}"),
            message=t(f"errors.{message.name}Help", **places),
            # Where a form was refused, there is nothing to be seen.
            retry_url="/" if request.path == "/p" else request.path_qs,
            **values,
        )


def packed(answer: web.Response) -> web.Response:
    """The answer, packed if that is worth it and the client can unpack it: in a thread."""
    assert isinstance(answer.body, bytes)
    vary = answer.headers.get("Vary")
    answer.headers["Vary"] = f"{vary}, Accept-Encoding" if vary else "Accept-Encoding"
    if len(answer.body) >= _PACK_BYTES_MIN:
        answer.enable_compression()
    return answer


_Signal = Callable[[web.Request, web.StreamResponse], Awaitable[None]]


def security_headers(*, remote_images: bool) -> _Signal:
    """What every answer says: nothing from elsewhere, in no frame, no type guessed, no address
    told. With `remote_images`, pictures in texts may come from elsewhere.
    """
    images = " https: http:" if remote_images else ""

    async def add(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(_headers(request, images))

    return add


def _headers(request: web.Request, images: str) -> dict[str, str]:
    style = f" 'nonce-{request[_NONCE]}'" if _NONCE in request else ""
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'{style}; "
            f"font-src 'self'; connect-src 'self'; img-src 'self' data:{images}; base-uri 'none'; "
            "form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
