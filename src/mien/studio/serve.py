"""Runs the studio: makes the session, binds the port, serves until it is stopped."""

import contextlib
import getpass
import ipaddress
import os
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import uvicorn

from mien.errors import UsageError
from mien.settings import Settings
from mien.studio.access import Access
from mien.studio.app import make_app
from mien.studio.browsercamera import MOST_MESSAGE_BYTES
from mien.studio.certificate import fingerprint, own_certificate
from mien.studio.folder import session_folder
from mien.studio.inputs import input_of_text
from mien.studio.session import StudioSession
from mien.trust import Signing, open_trust

PASSWORD_VARIABLE = "MIEN_PASSWORD"
_LEAST_PASSWORD = 10
_MOST_CONNECTIONS = 300


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    host: str
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
    input: str | None
    outputs: tuple[str, ...]
    settings: Settings
    signing: Signing


@dataclass(frozen=True, slots=True)
class Opened:
    """What the person is told when the studio is up."""

    url: str
    note: str
    once: str
    """The same address with a token that is good for one visit, for the command that opens the browser."""


def run_studio(options: Options, ready: Callable[[Opened], None]) -> None:
    """Serve until Ctrl-C; raises a `MienError` before anything is served when something is in the way."""
    password = _password() if options.share else None
    _check_host(options)
    with _listening(options.host, options.port) as listener, session_folder() as uploads:
        port = int(listener.getsockname()[1])
        certificate, key = _tls(options) if options.share else (None, None)
        access = Access(port, password=password, tls=options.share, names=(socket.gethostname(), *options.names))
        trust = open_trust(options.data, options.signing)
        session = StudioSession(options.settings, trust, options.data, options.recordings, uploads, shared=options.share)
        try:
            session.start()
            _begin(session, options)
            server = _Server(_config(session, access, certificate, key))
            _tell_when_up(server, ready, _opened(options, access, port, certificate))
            server.run([listener])
        finally:
            with _unhurried():
                session.close()


class _Server(uvicorn.Server):
    """Ends in order, however often it is told to: a second Ctrl-C must not cut off what the first has begun."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if not self.should_exit:
            super().handle_exit(sig, frame)


@contextmanager
def _unhurried() -> Iterator[None]:
    """Ctrl-C and `kill` do nothing meanwhile: recordings are being finished."""
    before = {each: signal.signal(each, signal.SIG_IGN) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _begin(session: StudioSession, options: Options) -> None:
    """What the command line has chosen already."""
    if options.photo is not None:
        session.add_photo(options.photo, options.consent, options.also)
    if options.input is not None:
        session.set_input(input_of_text(options.input), trusted=True)
    for output in options.outputs:
        session.outputs.add(_output_of_text(output))


def _output_of_text(text: str) -> dict[str, str]:
    if text in {"mp4", "mkv"}:
        return {"kind": "recording", "container": text}
    return {"kind": "stream", "url": text} if "://" in text else {"kind": text}


def _config(session: StudioSession, access: Access, certificate: Path | None, key: Path | None) -> uvicorn.Config:
    return uvicorn.Config(
        make_app(session, access),
        log_level="error",
        access_log=False,
        server_header=False,
        # Deflate would cost milliseconds for each picture and win nothing on JPEG.
        ws_per_message_deflate=False,
        ws_max_size=MOST_MESSAGE_BYTES,
        ws_ping_interval=20,
        timeout_graceful_shutdown=2,
        limit_concurrency=_MOST_CONNECTIONS,
        ssl_certfile=None if certificate is None else str(certificate),
        ssl_keyfile=None if key is None else str(key),
    )


def _opened(options: Options, access: Access, port: int, certificate: Path | None) -> Opened:
    host = options.host if options.host not in {"0.0.0.0", "::"} else (options.names or (socket.gethostname(),))[0]
    shown = f"[{host}]" if ":" in host else host
    if not options.share:
        base = f"http://{shown}:{port}/?token="
        return Opened(base + access.token, "", base + access.once)
    assert certificate is not None
    url = f"https://{shown}:{port}/"
    return Opened(url, f"certificate SHA-256: {fingerprint(certificate)}", url)


def _tell_when_up(server: uvicorn.Server, ready: Callable[[Opened], None], opened: Opened) -> None:
    startup = server.startup

    async def startup_and_tell(sockets: list[socket.socket] | None = None) -> None:
        await startup(sockets)
        if server.started:
            ready(opened)

    server.startup = startup_and_tell  # type: ignore[method-assign]


def _check_host(options: Options) -> None:
    if options.share:
        return
    try:
        local = ipaddress.ip_address(options.host).is_loopback
    except ValueError:
        local = options.host == "localhost"
    if not local:
        raise UsageError(
            f"{options.host} can be reached by other machines", "add --share, which asks for a password and encrypts"
        )  # fmt: skip
    if options.certificate or options.key:
        raise UsageError("a certificate is of use only with --share", "add --share or leave --cert and --key out")


def _password() -> str:
    given = os.environ.get(PASSWORD_VARIABLE)
    if given is None:
        try:
            given = getpass.getpass("password for the shared studio: ")
        except EOFError:
            given = ""
    if len(given) < _LEAST_PASSWORD:
        raise UsageError(
            f"a shared studio needs a password of at least {_LEAST_PASSWORD} letters",
            f"type it when asked, or put it into the variable {PASSWORD_VARIABLE}",
        )
    return given


def _tls(options: Options) -> tuple[Path, Path]:
    if (options.certificate is None) != (options.key is None):
        raise UsageError("--cert and --key go together", "name both files, or neither to have one made")
    if options.certificate is None or options.key is None:
        return own_certificate(options.data / "tls", (options.host, *options.names))
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(options.certificate, options.key, password="")
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"the certificate cannot be used: {error}", "name PEM files that belong together") from error
    return options.certificate, options.key


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """The bound socket; raises `UsageError` when the port is in use."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise UsageError(f"{host} is no address of this machine: {error}", "leave --host out") from error
    with contextlib.closing(socket.socket(family, kind, protocol)) as listener:
        if os.name != "nt":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(128)
        except OSError as error:
            reason = error.strerror or str(error)
            raise UsageError(
                f"port {port} on {host} cannot be opened: {reason}",
                "if a studio runs already, use its page; else choose another --port (0 = any free one)",
            ) from error
        yield listener
