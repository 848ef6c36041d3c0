"""`mien live` and `mien devices` as a person starts them: real processes, real signals."""

import io
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import av
import pytest

from mien.commands.main import main
from mien.studio.session.folder import session_folder
from tests.support.places import EXAMPLES

_DEADLINE_S = 60  # of a child process on a busy machine
PASSWORD = "correct horse battery"


def command(tmp_path: Path, *arguments: str) -> list[str]:
    folders = ["--data", str(tmp_path / "data"), "--recordings", str(tmp_path / "recordings")]
    return [sys.executable, "-m", "mien.commands.main", "live", "--no-browser", *folders, *arguments]


class Starts:
    """Starts in this process that must fail with exit code 2."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._tmp_path, self._monkeypatch, self._capsys = tmp_path, monkeypatch, capsys
        monkeypatch.setattr(sys, "stdin", io.StringIO())

    def refused(self, *arguments: str, **environment: str) -> str:
        """Return the error output."""
        for name, value in environment.items():
            self._monkeypatch.setenv(name, value)
        assert main(command(self._tmp_path, *arguments)[3:]) == 2
        said = self._capsys.readouterr().err
        assert "Traceback" not in said
        return said


@pytest.fixture
def starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Starts:
    return Starts(tmp_path, monkeypatch, capsys)


@contextmanager
def started(tmp_path: Path, *arguments: str, **environment: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Start a studio and yield it with its address."""
    temporary = tmp_path / "temporary"
    temporary.mkdir(exist_ok=True)
    variables = {**os.environ, "PYTHONUNBUFFERED": "1", "TMPDIR": str(temporary), **environment}
    process = subprocess.Popen(
        command(tmp_path, "--port", "0", *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables
    )
    with process:
        try:
            assert process.stdout is not None
            found = re.search(r"https?://\S+", process.stdout.readline())
            assert found, process.stderr.read() if process.stderr else ""
            yield process, found[0]
        finally:
            process.kill()


def ended(process: "subprocess.Popen[str]", how: signal.Signals) -> str:
    process.send_signal(how)
    _, said = process.communicate(timeout=_DEADLINE_S)
    assert process.returncode in {0, 130}, said
    return str(said)


def test_a_port_in_use_is_reported(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = command(tmp_path, "--port", str(taken.getsockname()[1]))
        run = subprocess.run(wanted, capture_output=True, text=True, timeout=_DEADLINE_S, stdin=subprocess.DEVNULL, check=False)
    assert run.returncode == 2
    assert "cannot be opened" in run.stderr
    assert "--port" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--port", "99999"), "invalid port"),
        (("--host", "0.0.0.0"), "--share"),
        (("--host", "no.such.host.example"), "--share"),
        (("--host", ""), "--host is empty"),
        (("--cert", "a.pem"), "--share"),
        (("--photo", str(EXAMPLES / "eileen_collins.png")), "--consent"),
        (("--photo", "stand-in-2", "--also", str(EXAMPLES / "eileen_collins.png")), "leave out --also"),
        (("--input", "gopher://x"), "gopher"),
        (("--input", "/no/such/file.mp4"), "does not exist"),
        (("--output", "teleport"), "teleport"),
        (("--opacity", "7"), "opacity"),
    ],
)
def test_invalid_starts_are_refused(starts: Starts, arguments: tuple[str, ...], words: str) -> None:
    assert words in starts.refused(*([] if "--port" in arguments else ["--port", "0"]), *arguments)


@pytest.mark.parametrize("password", ["", "short"])
def test_sharing_needs_a_password(starts: Starts, password: str) -> None:
    assert "password" in starts.refused("--share", "--port", "0", MIEN_PASSWORD=password)


def test_sharing_needs_both_files_of_a_certificate(starts: Starts, tmp_path: Path) -> None:
    assert "--key" in starts.refused("--share", "--port", "0", "--cert", "a.pem", MIEN_PASSWORD=PASSWORD)
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    arguments = ("--share", "--port", "0", "--cert", str(broken), "--key", str(broken))
    assert "certificate" in starts.refused(*arguments, MIEN_PASSWORD=PASSWORD)


@pytest.mark.posix
@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_it_ends_in_order_and_leaves_nothing_uploaded(tmp_path: Path, examples: Path, small_clip: Path, how: str) -> None:
    photo, clip = examples / "eileen_collins.png", small_clip
    wanted = ("--photo", str(photo), "--consent", "public-domain", "--input", str(clip), "--output", "mp4")
    with started(tmp_path, *wanted) as (process, url):
        base, token = url.split("/?token=")
        assert any((tmp_path / "temporary").glob("mien-studio-*/*.png")), "the photo is in the session's folder"
        deadline, pause = time.monotonic() + _DEADLINE_S, threading.Event()
        while _state(base, token)["outputs"][0]["frames"] < 15:
            assert time.monotonic() < deadline
            pause.wait(0.05)
        said = ended(process, signal.Signals[how])
    assert "Traceback" not in said
    assert not list((tmp_path / "temporary").glob("mien-studio-*"))
    (recording,) = (tmp_path / "recordings").iterdir()
    with av.open(str(recording), "r") as container:
        assert sum(1 for _ in container.decode(video=0)) >= 10


@pytest.mark.posix
def test_a_stand_in_is_worn_from_the_start_without_a_statement(tmp_path: Path) -> None:
    with started(tmp_path, "--photo", "stand-in-2") as (process, url):
        base, token = url.split("/?token=")
        assert _state(base, token)["face"] == "stand-in-2"
        assert "Traceback" not in ended(process, signal.SIGTERM)


def _state(base: str, token: str) -> dict[str, Any]:
    request = urllib.request.Request(f"{base}/api/state", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        state: dict[str, Any] = json.load(answer)
    return state


@pytest.mark.posix
def test_a_shared_studio_speaks_tls_and_tells_its_fingerprint(tmp_path: Path) -> None:
    with started(tmp_path, "--share", "--host", "127.0.0.1", MIEN_PASSWORD=PASSWORD) as (process, url):
        assert process.stdout is not None
        assert re.search(r"SHA-256: ([0-9A-F]{2}:){31}", process.stdout.readline())
        port = url.rstrip("/").rsplit(":", 1)[1]
        context = ssl.create_default_context(cafile=str(tmp_path / "data" / "tls" / "certificate.pem"))
        base = f"https://localhost:{port}"
        with urllib.request.urlopen(f"{base}/", context=context, timeout=20) as answer:
            assert answer.url == f"{base}/login"
            assert b"password" in answer.read()
        with pytest.raises(HTTPError, match="401"):
            urllib.request.urlopen(f"{base}/api/state", context=context, timeout=20)
        with pytest.raises(ConnectionRefusedError):
            # Another address of this machine, which 0.0.0.0 would include.
            socket.create_connection(("127.0.0.2", int(port)), timeout=20)
        ended(process, signal.SIGINT)


def test_uploads_of_a_session_that_was_cut_off_go_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left, alive = tmp_path / f"mien-studio-{dead.pid}-abc", tmp_path / f"mien-studio-{os.getppid()}-abc"
    for folder in (left, alive):
        folder.mkdir()
        (folder / "photo.jpg").write_bytes(b"x")
    with session_folder() as folder:
        assert not left.exists()
        assert alive.exists(), "another studio that runs keeps its own"
        assert folder.is_dir()
    assert not folder.exists()


def test_devices_are_listed_for_people_and_programs() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "mien.commands.main", "devices", "--json"],
        capture_output=True,
        text=True,
        timeout=_DEADLINE_S,
        check=True,
    )
    assert set(json.loads(run.stdout)) == {"cameras", "microphones", "screens", "virtual_cameras"}
    plain = subprocess.run(
        [sys.executable, "-m", "mien.commands.main", "devices"], capture_output=True, text=True, timeout=_DEADLINE_S, check=True
    )
    assert "microphones" in plain.stdout
