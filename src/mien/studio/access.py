"""Who may talk to the studio: the token of this run or the password, the right Host, the right Origin.

A page of somebody else in the same browser can send requests here, and with a name of its own that points to this
machine (DNS rebinding) even read the answers. So the Host must be one of ours, whatever changes something or opens a
WebSocket must come from our own page, and all but the login needs the cookie.
"""

import hmac
import ipaddress
import secrets
import threading
import time
from collections import deque
from collections.abc import Iterable
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self' ws: wss:; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
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
_MOST_GUESSES, _GUESS_WINDOW_S = 6, 60.0
_MOST_GUESSERS = 1000


class Access:
    """The secrets of this run. `password` replaces the token when the studio is shared."""

    def __init__(self, port: int, *, password: str | None = None, tls: bool = False, names: Iterable[str] = ()) -> None:
        self.token = secrets.token_urlsafe(24)
        self.cookie_name = f"mien-{port}"
        self.tls = tls
        self.shared = password is not None
        self._cookie = secrets.token_urlsafe(32)
        self._password = password
        self._port = port
        self._names = {"localhost", *(name.lower().rstrip(".") for name in names)}
        self._guesses: dict[str, deque[float]] = {}
        self._once: str | None = secrets.token_urlsafe(24)
        self._lock = threading.Lock()

    def set_cookie(self, response: Response) -> None:
        response.set_cookie(self.cookie_name, self._cookie, httponly=True, samesite="strict", secure=self.tls, path="/")

    def is_password(self, given: str, address: str) -> bool | None:
        """Whether it is the password; None when there were too many guesses from this address of late."""
        with self._lock:
            now = time.monotonic()
            while len(self._guesses) >= _MOST_GUESSERS:
                del self._guesses[next(iter(self._guesses))]
            guesses = self._guesses.setdefault(address, deque(maxlen=_MOST_GUESSES))
            if len(guesses) == _MOST_GUESSES and now - guesses[0] < _GUESS_WINDOW_S:
                return None
            right = self._password is not None and hmac.compare_digest(given.encode(), self._password.encode())
            if not right:
                guesses.append(now)
            return right

    @property
    def once(self) -> str:
        """A token that is good for one visit: the command that opens the browser can be read by all users of a machine."""
        return self._once or ""

    def is_visit(self, given: str) -> bool:
        """Whether this token lets a page in: the one of the run, or the one for a single visit, which it uses up."""
        with self._lock:
            if self._once is not None and not self.shared and hmac.compare_digest(given.encode(), self._once.encode()):
                self._once = None
                return True
        return self.is_token(given)

    def is_token(self, given: str) -> bool:
        return not self.shared and hmac.compare_digest(given.encode(), self.token.encode())

    def is_host(self, host: str) -> bool:
        """Whether a Host header names this machine: localhost, an address of ours, or a name that was given."""
        try:
            parts = urlsplit(f"//{host}")
            name, port = (parts.hostname or "").rstrip("."), parts.port
        except ValueError:
            return False
        if port not in {self._port, None if self._port not in {80, 443} else self._port}:
            return False
        if name in self._names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return self.shared or address.is_loopback

    def is_origin(self, origin: str, host: str) -> bool:
        return origin == f"{'https' if self.tls else 'http'}://{host}"

    def has_cookie(self, headers: Headers) -> bool:
        # By hand: other programs on this host share the header, and odd cookies of theirs must not hide ours.
        pairs = (each.strip().partition("=") for each in headers.get("cookie", "").split(";"))
        values = [value for name, _, value in pairs if name == self.cookie_name]
        return any(hmac.compare_digest(value.encode(), self._cookie.encode()) for value in values)

    def has_bearer(self, headers: Headers) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and self.is_token(given.strip())


class Doorkeeper:
    """ASGI middleware: lets requests through that may pass, and puts the security headers on every answer."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        refusal, greet = self._judge(scope)

        async def send_with_headers(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                if greet:
                    cookie = Response()
                    self._access.set_cookie(cookie)
                    headers.append("set-cookie", cookie.headers["set-cookie"])
            await send(message)

        if refusal is None:
            await self._app(scope, receive, send_with_headers)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 4401 if refusal.status_code == 401 else 4403})
        else:
            await refusal(scope, receive, send_with_headers)

    def _judge(self, scope: Scope) -> tuple[Response | None, bool]:
        """Why the request may not pass, if so, and whether it brought the token and gets the cookie."""
        access, headers, path = self._access, Headers(scope=scope), str(scope["path"])
        host = headers.get("host", "")
        if not access.is_host(host):
            return PlainTextResponse("this name does not belong to the studio", 421), False
        origin = headers.get("origin")
        changes = scope["type"] == "websocket" or scope["method"] not in _SAFE
        if changes and not access.has_bearer(headers) and (origin is None or not access.is_origin(origin, host)):
            return _refusal(403, "the request does not come from the studio's page", "use the page, or a bearer token"), False
        if path in _OPEN:
            return None, False
        if access.has_cookie(headers) or access.has_bearer(headers):
            return None, False
        given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])[-1]
        if path == "/" and given and access.is_visit(given):
            return None, True
        if access.shared and path == "/":
            return RedirectResponse("/login", 303), False
        return _refusal(401, "this is not the session of this page", "open the address that `mien live` printed"), False


def _refusal(status: int, error: str, remedy: str) -> JSONResponse:
    return JSONResponse({"error": error, "remedy": remedy, "code": "refused"}, status)
