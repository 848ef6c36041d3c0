"""Run the studio: make the session, bind the port, serve until it is stopped."""

import contextlib
import errno
import getpass
import logging
import os
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn
from starlette.types import ASGIApp

from mien.errors import UsageError
from mien.settings import Settings
from mien.studio.server.access import Access
from mien.studio.server.gate import Gate, entrances
from mien.studio.server.starting import StartingApp
from mien.studio.server.websocket import WebSocketProtocol
from mien.studio.session.database import StudioDatabase
from mien.studio.session.folder import session_folder
from mien.studio.session.message_size import MAX_MESSAGE_BYTES
from mien.studio.session.tokens import Tokens
from mien.system.network_address import in_url, is_loopback, is_unspecified

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from mien.provenance.signing.choice import Signing
    from mien.studio.session.session import StudioSession

PASSWORD_VARIABLE = "MIEN_PASSWORD"
_MIN_PASSWORD_LETTERS = 10  # with `Guesses`, random letters take longer than a life to guess
_PING_PERIOD_S = 20  # of WebSockets; a page that has gone is noticed after one more
_SHUTDOWN_S = 2  # requests that run longer at the end are cut off
_LOCAL_HOST, _SHARED_HOST = "127.0.0.1", "0.0.0.0"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_NO_SUCH_ADDRESS = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}


@dataclass(frozen=True, slots=True)
class Options:
    """Arguments of the command line; `host` is None when it names none."""

    host: str | None
    port: int
    share: bool
    names: tuple[str, ...]
    certificate: Path | None
    key: Path | None
    data: Path
    recordings: Path
    photo: Path | None
    also: tuple[Path, ...]
    consent: str | None
    adult: bool
    input: str | None
    outputs: tuple[str, ...]
    settings: Settings
    signing: "Signing"


@dataclass(frozen=True, slots=True)
class Opened:
    """Addresses of a running studio, for the person."""

    url: str
    note: str
    once: str
    """The same address with a token for a single visit, for the command that opens the browser."""


def run_studio(options: Options, answering: Callable[[Opened], None], ready: Callable[[Opened], None]) -> None:
    """Serve until Ctrl-C; `answering` is called when the page answers, `ready` when the studio behind it is there.

    Raises a `MienError` when it does not start.
    """
    host, names = _host(options), _names(options)
    password = _password() if options.share else None
    with _listening(host, options.port, share=options.share) as listener, session_folder() as uploads:
        port = int(listener.getsockname()[1])
        tls = _tls(options, host, names) if options.share else None
        tokens = Tokens(StudioDatabase(options.data))
        access = _access(options, host, port, password, tokens)
        opened = _opened(access, names[0] if names else "", host, port, tls)
        with contextlib.ExitStack() as sessions:

            def start() -> "Starlette":
                return _started(options, uploads, access, tokens, sessions)

            app = StartingApp(access, start, lambda: ready(opened), lambda: server.ask_to_end())
            server = StudioServer(app, None if tls is None else tls.context, lambda: answering(opened))
            server.run([listener])
            if app.error is not None:
                raise app.error


def _started(options: Options, uploads: Path, access: Access, tokens: Tokens, sessions: contextlib.ExitStack) -> "Starlette":
    """Start a session, which `sessions` close, and return its application. Raises a `MienError`."""
    # What takes most of the start is imported while the page answers.
    from mien.provenance.trust import open_trust
    from mien.studio.server.app import make_app
    from mien.studio.session.session import StudioSession

    trust = open_trust(options.data, options.signing)
    session = StudioSession(
        options.settings, trust, options.data, options.recordings, uploads, shared=options.share, tokens=tokens
    )
    sessions.callback(_close, session)
    session.start()
    _apply(session, options)
    return make_app(session, access)


def _close(session: "StudioSession") -> None:
    with _signals_ignored():
        session.close()


class StudioServer(uvicorn.Server):
    """Server of an application on a socket that already listens; `ready` is called when it serves.

    It ends in order, however often it is asked to: a second Ctrl-C must not cut off what the first has begun.
    """

    def __init__(
        self,
        app: ASGIApp,
        tls: ssl.SSLContext | None = None,
        ready: Callable[[], None] = lambda: None,
        gate: Gate | None = None,
    ) -> None:
        self._gate = gate or Gate()
        self._ready = ready
        config = uvicorn.Config(
            app,
            # All three fixed, whatever else is installed: the gate depends on them.
            loop="asyncio",
            http=entrances(self._gate, tls),  # type: ignore[arg-type]
            ws=WebSocketProtocol,
            log_level="error",
            access_log=False,
            server_header=False,
            # Any program on this machine could choose the address for which guesses are counted.
            proxy_headers=False,
            # Deflate would cost milliseconds for each picture and gain nothing on JPEG.
            ws_per_message_deflate=False,
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_ping_interval=_PING_PERIOD_S,
            timeout_graceful_shutdown=_SHUTDOWN_S,
            limit_concurrency=self._gate.limits.connections,
            backlog=self._gate.limits.burst,
        )
        # After the configuration, which sets up the logger.
        logging.getLogger("uvicorn.error").addFilter(_is_no_client_fault)
        super().__init__(config)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start serving, with a longer queue in the kernel, and call `ready`."""
        await super().startup(sockets)
        for listener in sockets or ():
            # asyncio takes one number for both; this changes the kernel's only.
            listener.listen(self._gate.limits.queue)
        if self.started:
            self._ready()

    async def on_tick(self, counter: int) -> bool:
        """Sweep the gate; called ten times a second."""
        self._gate.sweep()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End strangers at once, then the owner's connections in order."""
        self._gate.close()
        await super().shutdown(sockets)

    def ask_to_end(self) -> None:
        """Have the server end in order; from its own thread."""
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take the first signal; ignore the others."""
        if not self.should_exit:
            super().handle_exit(sig, frame)


def _is_no_client_fault(record: logging.LogRecord) -> bool:
    """Return False for the traceback that uvicorn logs of a WebSocket message that is not UTF-8; it closes with 1007."""
    return record.exc_info is None or not isinstance(record.exc_info[1], UnicodeDecodeError)


@contextmanager
def _signals_ignored() -> Iterator[None]:
    """Ignore Ctrl-C and `kill` meanwhile: recordings are being finished."""
    before = {each: signal.signal(each, signal.SIG_IGN) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _wear(session: "StudioSession", photo: Path, options: Options) -> None:
    from mien.assembly import stand_ins

    if stand_ins.statement_for(photo) is None:
        session.wardrobe.wear_photo(photo, options.consent, options.also, adult=options.adult)
    elif options.also:
        raise UsageError(f"{photo.stem} shows no one person, so no other photo shows the same", "leave out --also")
    else:
        session.wardrobe.select(photo.stem)


def _apply(session: "StudioSession", options: Options) -> None:
    """Choose face, input and outputs that the command line names."""
    from mien.assembly import stand_ins
    from mien.studio.session.requests import input_of_text, output_of_text

    if options.photo is not None:
        _wear(session, stand_ins.named(options.photo), options)
    if options.input is not None:
        session.inputs.set_input(input_of_text(options.input), trusted=True)
    for output in options.outputs:
        session.outputs.add(output_of_text(output), trusted=True)


def _access(options: Options, host: str, port: int, password: str | None, tokens: Tokens) -> Access:
    names = (socket.gethostname(), host, *_names(options))
    return Access(port, password=password, tls=options.share, names=names, scope_of=tokens.scope_of)


def _opened(access: Access, name: str, host: str, port: int, tls: "_Tls | None") -> Opened:
    shown = in_url((name or socket.gethostname()) if is_unspecified(host) else host)
    scheme = "http" if tls is None else "https"
    base = f"{scheme}://{shown}/" if port == _DEFAULT_PORTS[scheme] else f"{scheme}://{shown}:{port}/"
    if tls is None:
        return Opened(f"{base}?token={access.token}", "", f"{base}?token={access.once}")
    return Opened(base, f"certificate SHA-256: {tls.fingerprint}", base)


def _host(options: Options) -> str:
    """Return the address to listen on. Raises `UsageError` where other machines reach one of a studio that is not shared."""
    if options.host is None:
        host = _SHARED_HOST if options.share else _LOCAL_HOST
    else:
        host = options.host.strip().removeprefix("[").removesuffix("]")
    if not host:
        raise UsageError("--host is empty", f"name an address, or omit it to listen on {_LOCAL_HOST}")
    if options.share:
        return host
    if host != "localhost" and not is_loopback(host):
        raise UsageError(f"{host} can be reached by other machines", "add --share, which asks for a password and encrypts")
    if options.certificate or options.key:
        raise UsageError("a certificate is only used with --share", "add --share, or omit --cert and --key")
    return host


def _names(options: Options) -> tuple[str, ...]:
    """Return the names as browsers send them, which is Punycode for letters outside ASCII. Raises `UsageError`."""
    try:
        return tuple(name.strip().encode("idna").decode() for name in options.names if name.strip())
    except UnicodeError as error:
        raise UsageError(f"invalid --name: {error}", "use a host name such as studio.example") from error


def _password() -> str:
    given = os.environ.get(PASSWORD_VARIABLE)
    if given is None:
        try:
            given = getpass.getpass("password for the shared studio: ")
        except EOFError:
            given = ""
    if len(given) < _MIN_PASSWORD_LETTERS:
        raise UsageError(
            f"a shared studio needs a password of at least {_MIN_PASSWORD_LETTERS} letters",
            f"type it when asked, or put it into the variable {PASSWORD_VARIABLE}",
        )
    return given


@dataclass(frozen=True, slots=True)
class _Tls:
    context: ssl.SSLContext
    fingerprint: str


def _tls(options: Options, host: str, names: tuple[str, ...]) -> _Tls:
    """Load the named certificate, or one that is made. Raises a `MienError`."""
    if (options.certificate is None) != (options.key is None):
        raise UsageError("--cert and --key go together", "name both files, or neither to have one made")
    if options.certificate is not None and options.key is not None:
        return _loaded(options.certificate, options.key)
    hosts = names if is_unspecified(host) else (host, *names)
    from mien.studio.server.certificate import own_certificate

    # Another studio that starts with other names makes another pair: it has to wait until this one is loaded.
    with StudioDatabase(options.data).opened():
        return _loaded(*own_certificate(options.data / "tls", hosts))


def _loaded(certificate: Path, key: Path) -> _Tls:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"the certificate cannot be used: {error}", "name PEM files that belong together") from error
    from mien.studio.server.certificate import fingerprint

    return _Tls(context, fingerprint(certificate))


@contextmanager
def _listening(host: str, port: int, *, share: bool) -> Iterator[socket.socket]:
    """Yield the bound socket. Raises `UsageError` when the port is in use or the address is not of this machine."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise _not_ours(host, str(error)) from error
    if not share and not is_loopback(str(address[0])):
        raise UsageError(f"{host} stands for {address[0]} here, which other machines reach", f"use --host {_LOCAL_HOST}")
    with contextlib.ExitStack() as stack:
        try:
            listener = stack.enter_context(contextlib.closing(socket.socket(family, kind, protocol)))
            if os.name != "nt":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6 and is_unspecified(host):
                # All addresses, including IPv4, on every system: the default of most Linux, but not of Windows.
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            listener.bind(address)
            listener.listen()
        except OSError as error:
            raise _cannot_listen(host, port, error) from error
        yield listener


def _not_ours(host: str, reason: str) -> UsageError:
    return UsageError(f"{host} is not an address of this machine: {reason}", "name another --host, or omit it")


def _cannot_listen(host: str, port: int, error: OSError) -> UsageError:
    reason = error.strerror or str(error)
    if error.errno in _NO_SUCH_ADDRESS:
        return _not_ours(host, reason)
    if error.errno == errno.EACCES:
        remedy = "choose a --port above 1023, or let this program open lower ones"
    else:
        remedy = "if a studio is already running, use its page; else choose another --port (0 = any free one)"
    return UsageError(f"port {port} on {host} cannot be opened: {reason}", remedy)
