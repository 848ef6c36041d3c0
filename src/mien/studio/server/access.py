"""Access to the studio: the token of this run, the password or a lasting token, the right Host, the right Origin.

A foreign page in the same browser can send requests here, and with a name that points to this machine (DNS rebinding)
even read the answers. So the Host must be one of this studio, requests that change something and WebSockets must come
from the studio's own page, and everything except the login needs the cookie. A lasting token of scope `view` opens the page
that shows the labelled picture alone, and nothing that controls, tells or shows more.
"""

import hmac
import ipaddress
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from html import escape
from typing import Self
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mien.studio.server.gate import VISIT, Visit
from mien.studio.server.guesses import Guesses
from mien.studio.server.routes.view_only import VIEW_ONLY
from mien.system.network_address import network_of

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=()",
    "Cache-Control": "no-store",
}
_SAFE = {"GET", "HEAD", "OPTIONS"}
_OPEN = {"/login", "/static/style.css", "/static/favicon.svg"}
_VIEW_PATHS, _VIEW_FOLDER = {"/", "/ws/preview"}, "/static/"
"""All that a view token opens: the page, its parts, and the labelled picture."""
_HTTP_PORT, _HTTPS_PORT = 80, 443
"""Browsers omit these in Host and Origin."""
_AUTHORITY = re.compile(r"(\[[0-9A-Za-z:.%_~-]+\]|[0-9A-Za-z._-]+)(?::([0-9]{0,5}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Authority:
    """Host header in parts: the name in lower case, without brackets and final dot, and the port when it is given."""

    name: str
    port: int | None

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Parse the header; return None for anything else, such as user names and paths, which no Host has."""
        found = _AUTHORITY.fullmatch(text)
        if found is None:
            return None
        return cls(found[1].strip("[]").lower().rstrip("."), int(found[2]) if found[2] else None)


class Access:
    """Secrets of this run. `password` replaces the token when the studio is shared; `scope_of` knows lasting tokens."""

    def __init__(
        self,
        port: int,
        *,
        password: str | None = None,
        tls: bool = False,
        names: Iterable[str] = (),
        clock: Callable[[], float] = time.monotonic,
        scope_of: Callable[[str], str | None] = lambda secret: None,
    ) -> None:
        self.token = secrets.token_urlsafe(24)
        self.cookie_name = f"mien-{port}"
        self.view_cookie_name = f"mien-view-{port}"
        self.tls = tls
        self.shared = password is not None
        self._cookie = secrets.token_urlsafe(32)
        self._password = password
        self._port = port
        self._default_port = _HTTPS_PORT if tls else _HTTP_PORT
        self._names = {"localhost", *(name.lower().rstrip(".") for name in names)}
        self._scope_of = scope_of
        self._guesses = Guesses(clock)
        self._once: str | None = secrets.token_urlsafe(24)
        self._lock = threading.Lock()

    def set_cookie(self, response: Response) -> None:
        """Give the browser the cookie of this run."""
        response.set_cookie(self.cookie_name, self._cookie, httponly=True, samesite="strict", secure=self.tls, path="/")

    def set_view_cookie(self, response: Response, secret: str) -> None:
        """Give the browser the view token, so that the page can load its parts and reconnect after a restart."""
        response.set_cookie(self.view_cookie_name, secret, httponly=True, samesite="strict", secure=self.tls, path="/")

    def is_password(self, given: str, address: str) -> bool | None:
        """Return whether it is the password; None after too many wrong ones from this address or in total (`Guesses`)."""
        return self._guesses.check(network_of(address), lambda: self._password is not None and _is_same(given, self._password))

    @property
    def once(self) -> str:
        """Return a token for a single visit: all users of a machine can read the command that opens the browser."""
        return self._once or ""

    def is_visit(self, given: str) -> bool:
        """Return True for the token of the run, and once for the token of a single visit."""
        with self._lock:
            if self._once is not None and not self.shared and _is_same(given, self._once):
                self._once = None
                return True
        return self.is_token(given)

    def is_token(self, given: str) -> bool:
        """Return True for the token of the run."""
        return not self.shared and _is_same(given, self.token)

    def is_host(self, host: str) -> bool:
        """Return True when a Host header names this studio: localhost, an address of this machine, or a configured name."""
        authority = Authority.parse(host)
        if authority is None or self._port_of(authority) != self._port:
            return False
        if authority.name in self._names:
            return True
        try:
            address = ipaddress.ip_address(authority.name)
        except ValueError:
            return False
        return self.shared or address.is_loopback

    def is_origin(self, origin: str, host: str) -> bool:
        """Return True when a page of this origin was loaded from this Host."""
        scheme, _, rest = origin.partition("://")
        ours, theirs = Authority.parse(host), Authority.parse(rest)
        if ours is None or theirs is None or scheme != ("https" if self.tls else "http"):
            return False
        return (ours.name, self._port_of(ours)) == (theirs.name, self._port_of(theirs))

    def content_policy(self, host: str) -> str:
        """Return the Content-Security-Policy for a page that was requested under this Host.

        Safari before 15.4 does not count WebSockets as 'self'. IPv6 addresses cannot be named in a policy.
        """
        sockets = f" {'wss' if self.tls else 'ws'}://{host}" if self.is_host(host) and not host.startswith("[") else ""
        return (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
            f"connect-src 'self'{sockets}; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
            "frame-ancestors 'none'"
        )

    def _port_of(self, authority: Authority) -> int:
        return self._default_port if authority.port is None else authority.port

    def has_cookie(self, headers: Headers) -> bool:
        """Return True when the request carries the cookie of this run."""
        return any(_is_same(value, self._cookie) for value in _cookies(headers, self.cookie_name))

    def has_bearer(self, headers: Headers) -> bool:
        """Return True when the request carries, as bearer, the token of the run or a lasting one that may control."""
        given = _bearer(headers)
        return given is not None and (self.is_token(given) or self._scope_of(given) == "control")

    def is_view(self, secret: str) -> bool:
        """Return True for a lasting token that may watch."""
        return self._scope_of(secret) == "view"

    def has_view(self, headers: Headers) -> bool:
        """Return True when the request carries, as cookie or bearer, a lasting token that may watch."""
        given = (_bearer(headers), *_cookies(headers, self.view_cookie_name))
        return any(each is not None and self.is_view(each) for each in given)


class Doorkeeper:
    """ASGI middleware that passes permitted requests and puts the security headers on every answer."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        host = Headers(scope=scope).get("host", "")
        refusal, greet = self._judge(scope, host)

        async def send_with_headers(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = self._access.content_policy(host)
                for name, value in _HEADERS.items():
                    headers[name] = value
                if greet is not None:
                    cookie = Response()
                    greet(cookie)
                    headers.append("set-cookie", cookie.headers["set-cookie"])
            await send(message)

        if refusal is None:
            await self._app(scope, receive, send_with_headers)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 4401 if refusal.status_code == 401 else 4403})
        else:
            await refusal(scope, receive, send_with_headers)

    def _judge(self, scope: Scope, host: str) -> tuple[Response | None, Callable[[Response], None] | None]:
        """Return the refusal, if the request may not pass, and what gives the browser its cookie if it brought a token."""
        access, headers, path = self._access, Headers(scope=scope), str(scope["path"])
        if not access.is_host(host):
            return PlainTextResponse("this name does not belong to the studio", 421), None
        if self._is_foreign(scope, headers, host):
            return _refusal(403, "the request does not come from the studio's page", "use the page, or a bearer token"), None
        if access.has_cookie(headers) or access.has_bearer(headers):
            _trust(scope)
            return None, None
        if path in _OPEN:
            return None, None
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        given, view = query.get("token", [""])[-1], query.get("view", [""])[-1]
        if path == "/" and given and access.is_visit(given):
            _trust(scope)
            return None, access.set_cookie
        if path == "/" and view and access.is_view(view):
            _trust(scope)
            return None, lambda response: access.set_view_cookie(response, view)
        if access.has_view(headers) and (path in _VIEW_PATHS or path.startswith(_VIEW_FOLDER)):
            _trust(scope)
            scope.setdefault("state", {})[VIEW_ONLY] = True
            return None, None
        if access.shared and path == "/" and not view:
            return RedirectResponse("/login", 303), None
        remedy = "make a new address in the studio" if view else "open the address that `mien live` printed"
        refusal = _over(remedy) if path == "/" else _refusal(401, "the page does not belong to this session", remedy)
        return refusal, None

    def _is_foreign(self, scope: Scope, headers: Headers, host: str) -> bool:
        """Return True for a change or a WebSocket that comes neither from the studio's page nor from a program."""
        if scope["type"] != "websocket" and scope["method"] in _SAFE:
            return False
        origin = headers.get("origin")
        if origin is not None and self._access.is_origin(origin, host):
            return False
        may_watch = scope["path"] in _VIEW_PATHS and self._access.is_view(_bearer(headers) or "")
        return not may_watch and not self._access.has_bearer(headers)


def _trust(scope: Scope) -> None:
    """Tell the gate, if there is one, that the connection of this request belongs to the owner."""
    visit = scope.get("state", {}).get(VISIT)
    if isinstance(visit, Visit):
        visit.trusted = True


def _cookies(headers: Headers, name: str) -> list[str]:
    """Return the values of the cookies of this name.

    By hand: other programs on this host share the header, and malformed cookies of theirs must not hide ours.
    """
    pairs = (each.strip().partition("=") for each in headers.get("cookie", "").split(";"))
    return [value for given, _, value in pairs if given == name]


def _bearer(headers: Headers) -> str | None:
    """Return what the request carries as bearer token."""
    kind, _, given = headers.get("authorization", "").partition(" ")
    return given.strip() if kind.lower() == "bearer" else None


def _is_same(given: str, secret: str) -> bool:
    # A lone surrogate cannot be encoded otherwise.
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), secret.encode())


def _over(remedy: str) -> Response:
    """Return the page for a person whose browser shows a page of an earlier run, such as one from before an update."""
    words = escape(remedy.replace("`", ""))
    text = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="dark light"><title>mien</title><link rel="stylesheet" href="/static/style.css">'
        '<body class="login"><main class="card"><h1 class="brand">mien</h1>'
        f"<p>The page does not belong to this session: {words}.</p></main>"
    )
    return HTMLResponse(text, 401)


def _refusal(status: int, error: str, remedy: str) -> JSONResponse:
    answer = {"error": error, "remedy": remedy, "code": "refused", "key": f"refused-{status}", "values": {}}
    return JSONResponse(answer, status)
