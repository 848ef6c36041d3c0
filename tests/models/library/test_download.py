"""Pulling a model from a real server on this machine, and all the ways in which it can go wrong."""

import contextlib
import errno
import hashlib
import http.server
import os
import shutil
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from mien.errors import DownloadFailed, ModelError, UsageError
from mien.models.library import download as pulling
from mien.models.library.download import Progress, addresses, pull
from mien.models.library.https import Refused, check_address, open_url
from mien.models.library.store import ModelEntry, Store

CONTENT = bytes(range(256)) * 4096
"""A megabyte, four of the chunks in which it is read."""
ENTRY = ModelEntry(
    id="ghost_1_256", role="swapper", family="ghost", file="ghost_1_256.onnx", bundled=False, bytes=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(), licence="MIT", terms="any use", credit="nobody", origin="a test", feed="",
)  # fmt: skip


@dataclass
class Server:
    """What the server does with each request, one after another; the last one stays. And what it was asked."""

    url: str
    faults: list[str] = field(default_factory=lambda: ["whole"])
    content: bytes = CONTENT
    asked: list[str | None] = field(default_factory=list)

    def next_fault(self) -> str:
        return self.faults.pop(0) if len(self.faults) > 1 else self.faults[0]


class _Handler(http.server.BaseHTTPRequestHandler):
    server_box: Server
    stopped: threading.Event

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass

    def log_error(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        box, wanted = self.server_box, self.headers.get("Range")
        box.asked.append(wanted)
        fault, content = box.next_fault(), box.content
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        if fault in {"404", "403", "503"}:
            self.send_error(int(fault))
        elif fault == "no http":
            self.wfile.write(b"\x00\xff" * 20_000)
        elif fault == "absurd length":
            self._head(200, {"Content-Length": "9" * 5000})
        elif "/" in fault:
            box.faults = ["whole"]
            self._head(302, {"Location": fault, "Content-Length": "0"})
        elif fault == "endless":
            self._head(200, {})
            with contextlib.suppress(OSError):
                while not self.stopped.is_set():
                    self.wfile.write(bytes(1 << 16))
        elif fault == "silent":
            self._head(200, {"Content-Length": str(len(content))})
            self.wfile.write(content[:1000])
            self.stopped.wait(5)
        elif fault == "slow":
            self._head(200, {"Content-Length": str(len(content))})
            for begin in range(0, len(content), 1 << 18):
                self.stopped.wait(0.15)
                self.wfile.write(content[begin : begin + (1 << 18)])
        elif fault == "ignores range":
            self._head(200, {"Content-Length": str(len(content))})
            self.wfile.write(content)
        elif fault == "another part":
            self._head(206, {"Content-Range": f"bytes {start + 7}-{len(content) - 1}/{len(content)}"})
            self.wfile.write(content[start + 7 :])
        elif start >= len(content):
            self._head(416, {"Content-Range": f"bytes */{len(content)}", "Content-Length": "0"})
        else:
            code, headers = 200, {"Content-Length": str(len(content) - start)}
            if wanted:
                code, headers["Content-Range"] = 206, f"bytes {start}-{len(content) - 1}/{len(content)}"
            self._head(code, {} if fault == "no length" else headers)
            body = content[start:]
            self.wfile.write(body[: len(body) // 2] if fault == "half" else body)

    def _head(self, code: int, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


@pytest.fixture
def server() -> Iterator[Server]:
    stopped = threading.Event()
    box = Server("")
    handler = type("Handler", (_Handler,), {"server_box": box, "stopped": stopped})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        box.url = f"http://127.0.0.1:{listening.server_address[1]}/models"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield box
        stopped.set()
        listening.shutdown()
        thread.join()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(installed=tmp_path / "models")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def _pull(
    server: Server, store: Store, entry: ModelEntry = ENTRY, report: pulling.Report = lambda progress: None,
    timeout_s: float = 5.0, waits: list[float] | None = None,
) -> Path:  # fmt: skip
    fetch = partial(open_url, plain=True, timeout_s=timeout_s)
    asked = entry if entry.urls else replace(entry, urls=(f"{server.url}/{entry.file}",))
    return pull(asked, store, fetch, report, pause=(waits if waits is not None else []).append)


def _part(store: Store) -> Path:
    place = store.path(ENTRY.id)
    return place.with_name(f".{place.name}.part")


def _begin(store: Store, content: bytes) -> None:
    _part(store).parent.mkdir(parents=True)
    _part(store).write_bytes(content)


def test_a_model_is_pulled_whole_and_reported(server: Server, store: Store) -> None:
    seen: list[Progress] = []
    path = _pull(server, store, report=seen.append)
    assert path == store.path(ENTRY.id)
    assert path.read_bytes() == CONTENT
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 or os.name == "nt"
    assert seen[-1] == Progress(ENTRY.id, "checking", len(CONTENT), len(CONTENT))
    assert [each.done for each in seen if each.doing == "pulling"][-1] == len(CONTENT)


def test_what_is_there_and_right_is_left_alone(server: Server, store: Store) -> None:
    path = _pull(server, store)
    before = path.stat().st_mtime_ns
    assert _pull(server, store) == path
    assert (path.stat().st_mtime_ns, len(server.asked)) == (before, 1)


def test_a_damaged_one_is_replaced(server: Server, store: Store) -> None:
    path = _pull(server, store)
    path.write_bytes(CONTENT[:-1] + b"x")
    assert _pull(server, store).read_bytes() == CONTENT


def test_a_transfer_that_stops_half_way_goes_on_from_there(server: Server, store: Store) -> None:
    server.faults = ["half", "half", "whole"]
    waits: list[float] = []
    assert _pull(server, store, waits=waits).read_bytes() == CONTENT
    half = len(CONTENT) // 2
    assert server.asked == [None, f"bytes={half}-", f"bytes={half + half // 2}-"]
    assert waits == [1.0, 2.0]


def test_what_has_arrived_stays_for_the_next_time(server: Server, store: Store) -> None:
    server.faults = ["half", "404"]
    with pytest.raises(DownloadFailed, match="404"):
        _pull(server, store)
    assert _part(store).read_bytes() == CONTENT[: len(CONTENT) // 2]
    assert not store.path(ENTRY.id).exists()
    server.faults = ["whole"]
    assert _pull(server, store).read_bytes() == CONTENT
    assert server.asked[-1] == f"bytes={len(CONTENT) // 2}-"


def test_a_server_that_ignores_ranges_starts_anew(server: Server, store: Store) -> None:
    _begin(store, CONTENT[:1000])
    server.faults = ["ignores range"]
    assert _pull(server, store).read_bytes() == CONTENT


def test_a_part_of_other_bytes_is_thrown_away_and_pulled_once_more(server: Server, store: Store) -> None:
    _begin(store, b"other" * 100)
    assert _pull(server, store).read_bytes() == CONTENT
    assert server.asked == ["bytes=500-", None]


@pytest.mark.parametrize("extra", [b"", b"more"], ids=["as long", "longer"])
def test_a_part_that_is_long_enough_is_checked_without_asking(server: Server, store: Store, extra: bytes) -> None:
    _begin(store, CONTENT + extra)
    assert _pull(server, store).read_bytes() == CONTENT
    assert server.asked == ([None] if extra else [])


@pytest.mark.parametrize(
    ("begun", "asked"), [(CONTENT, ["bytes=1048576-"]), (CONTENT + b"more", ["bytes=1048580-", None])], ids=["all", "too much"]
)
def test_a_size_that_nobody_has_published(server: Server, store: Store, begun: bytes, asked: list[str | None]) -> None:
    _begin(store, begun)
    assert _pull(server, store, replace(ENTRY, bytes=0)).read_bytes() == CONTENT
    assert server.asked == asked


def test_no_length_at_all(server: Server, store: Store) -> None:
    server.faults = ["no length"]
    assert _pull(server, store, replace(ENTRY, bytes=0)).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("404", "answered 404"),
        ("403", "answered 403"),
        ("503", "answered 503"),
        ("endless", "sends more than 1048576 bytes"),
        ("silent", "did not answer in time"),
        ("another part", "another part"),
        ("http://example.com/x", "redirects to http://"),
        ("ftp://127.0.0.1/x", "redirects to ftp://"),
        ("file:///etc/passwd", "file:///etc/passwd"),
        ("https://[::1/x", "is invalid"),
        (f"https://{'a' * 70}.example/x", "is invalid"),
        ("absurd length", "stopped after 0 of"),
        ("no http", "127.0.0.1: "),
    ],
)
def test_what_a_server_does_wrong_is_said(server: Server, store: Store, fault: str, said: str) -> None:
    if fault == "another part":
        _begin(store, CONTENT[:1000])
    server.faults = [fault]
    waits: list[float] = []
    with pytest.raises(DownloadFailed, match=said) as raised:
        _pull(server, store, timeout_s=0.2, waits=waits)
    assert "mien models import" in raised.value.remedy
    assert not store.path(ENTRY.id).exists()
    assert waits == ([1.0, 2.0, 4.0] if fault in {"503", "silent", "absurd length", "no http"} else [])
    assert len(str(raised.value)) < 300


def test_wrong_bytes_are_deleted(server: Server, store: Store) -> None:
    server.content = CONTENT[:-1] + b"x"
    with pytest.raises(DownloadFailed, match="another sha256"):
        _pull(server, store)
    assert not list(store.path(ENTRY.id).parent.iterdir())


@pytest.mark.parametrize("length", [len(CONTENT) - 1, len(CONTENT) + 1], ids=["shorter", "longer"])
def test_another_length_is_refused_before_the_first_byte(server: Server, store: Store, length: int) -> None:
    server.content = (CONTENT + b"x")[:length]
    with pytest.raises(DownloadFailed, match=f"has {length} bytes, the catalogue's {len(CONTENT)}"):
        _pull(server, store)
    assert not _part(store).exists()


def test_a_redirect_that_stays_is_followed(server: Server, store: Store) -> None:
    server.faults = ["/elsewhere"]
    assert _pull(server, store).read_bytes() == CONTENT


@pytest.mark.parametrize("mirror", [f"https://{'a' * 70}.example", "https://127.0.0.1:1/é"])
def test_an_address_that_nobody_can_have_is_no_crash(store: Store, mirror: str) -> None:
    with pytest.raises(DownloadFailed, match="is invalid"):
        pull(ENTRY, store, open_url, lambda progress: None, mirror, pause=lambda seconds: None)


def test_addresses_are_tried_in_order_and_all_reasons_are_kept(server: Server, store: Store) -> None:
    server.faults = ["404", "403"]
    entry = replace(ENTRY, urls=(f"{server.url}/a", f"{server.url}/b"))
    with pytest.raises(DownloadFailed, match=r"404.*403"):
        _pull(server, store, entry)
    server.faults = ["404", "whole"]
    assert _pull(server, store, entry).read_bytes() == CONTENT


def test_offline_says_what_can_be_done(store: Store) -> None:
    entry = replace(ENTRY, urls=("https://models.invalid/a",))
    with pytest.raises(DownloadFailed, match="online") as raised:
        pull(entry, store, open_url, lambda progress: None, pause=lambda seconds: None)
    assert "bring from another machine" in raised.value.remedy


def test_nobody_listens(server: Server, store: Store) -> None:
    entry = replace(ENTRY, urls=("http://127.0.0.1:9/a",))
    with pytest.raises(DownloadFailed, match="refused"):
        _pull(server, store, entry)


def test_a_proxy_of_the_environment_is_asked(server: Server, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.url.removesuffix("/models"))
    monkeypatch.setenv("no_proxy", "")
    assert _pull(server, store, replace(ENTRY, urls=("http://localhost:9/a",))).read_bytes() == CONTENT


def test_plain_http_is_for_tests_only(server: Server, store: Store) -> None:
    entry = replace(ENTRY, urls=(f"{server.url}/a",))
    with pytest.raises(DownloadFailed, match="not an https address"):
        pull(entry, store, open_url, lambda progress: None)
    assert not server.asked
    with pytest.raises(Refused), open_url("http://example.com/a", 0, plain=True):
        pass


@pytest.mark.parametrize("mirror", ["https://mirror.example/m", "https://mirror.example/m/"])
def test_a_mirror_stands_in_for_all_addresses(mirror: str) -> None:
    entry = replace(ENTRY, urls=("https://a.example/x.onnx",))
    assert addresses(entry, mirror) == ("https://mirror.example/m/ghost_1_256.onnx",)
    assert addresses(replace(entry, urls=()), mirror) == addresses(entry, mirror)
    assert addresses(entry) == entry.urls


@pytest.mark.parametrize(
    "address", ["", "mirror.example", "http://mirror.example", "ftp://x/", "file:///etc", "https://", "https://[::1"]
)
def test_a_mirror_is_https(address: str) -> None:
    with pytest.raises(UsageError, match="https"):
        check_address(address)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (replace(ENTRY, sha256=""), "no sha256 is published"),
        (replace(ENTRY, bundled=True), "ships with mien"),
        (ENTRY, "no address of its own"),
    ],
)
def test_what_cannot_be_pulled(entry: ModelEntry, said: str, store: Store) -> None:
    with pytest.raises(DownloadFailed, match=said):
        pull(entry, store, open_url, lambda progress: None)


def _full(*_: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_disk_without_room_is_told_first(server: Server, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(ModelError, match="0 MB free, 68 MB are needed"):
        _pull(server, store)
    assert not _part(store).exists()


@pytest.mark.parametrize("call", ["fsync", "open"])
def test_a_disk_that_fills_up(server: Server, store: Store, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    monkeypatch.setattr(os, call, _full)
    waits: list[float] = []
    with pytest.raises(ModelError, match="No space left") as raised:
        _pull(server, store, waits=waits)
    assert "MIEN_MODELS" in raised.value.remedy
    assert not waits
    assert not store.path(ENTRY.id).exists()


def test_a_full_device(server: Server, store: Store) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("NOT TESTED: this system has no /dev/full")
    _part(store).parent.mkdir(parents=True)
    _part(store).symlink_to("/dev/full")
    with pytest.raises(ModelError, match="cannot write"):
        _pull(server, store)


def test_ctrl_c_keeps_what_has_arrived(server: Server, store: Store) -> None:
    def report(progress: Progress) -> None:
        if progress.done > 1000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _pull(server, store, report=report)
    kept = _part(store).read_bytes()
    assert kept
    assert CONTENT.startswith(kept)
    assert _pull(server, store).read_bytes() == CONTENT
    assert server.asked == [None, f"bytes={len(kept)}-"]


def test_a_slow_server_is_waited_for(server: Server, store: Store) -> None:
    server.faults = ["slow"]
    seen: list[int] = []
    assert _pull(server, store, report=lambda progress: seen.append(progress.done), timeout_s=0.5).read_bytes() == CONTENT
    assert seen[0] < len(CONTENT)
