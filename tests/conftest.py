"""Fixtures for all tests, and two rules for every test: no logged errors, no threads left behind."""

import hashlib
import logging
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from mien.models.library.download import MIRROR_VARIABLE
from mien.models.networks.mesh.plan import read_plan
from mien.models.runtime.onnx_session import OnnxSession
from mien.system.folders import DATA_VARIABLE, MODELS_VARIABLE
from tests.support.clips import resized

pytest.register_assert_rewrite("tests.support.conformance")

_WEIGHTS = Path(__file__).parent.parent / "src" / "mien" / "models" / "weights"
_THREAD_END_S = 5.0  # a thread that is about to end gets this long, also on a busy machine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests that need POSIX on Windows, with a reason that shows."""
    skip = pytest.mark.skip(reason="NOT TESTED on Windows: needs signals, pipes, modes or limits of POSIX")
    if sys.platform == "win32":
        for item in items:
            if item.get_closest_marker("posix"):
                item.add_marker(skip)


@pytest.fixture(scope="session", autouse=True)
def _own_data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep key, ledger, consents and models of the tests apart from those of the user, in child processes too."""
    with pytest.MonkeyPatch.context() as patch:
        for name in (MODELS_VARIABLE, MIRROR_VARIABLE):
            patch.delenv(name, raising=False)
        data = tmp_path_factory.mktemp("mien-data")
        # The notice of the first start would come before the first error, of whatever test is first.
        (data / "terms-told").touch()
        patch.setenv(DATA_VARIABLE, str(data))
        yield


@pytest.fixture(scope="session", autouse=True)
def _shared_networks() -> Iterator[None]:
    """Open each bundled network once: a command opens nine, half a second each time, and there are a thousand commands.

    What is shared is the session of onnxruntime, which many threads may use; those of other files and devices stay their own.
    So is the table of the face mesh's steps, which nobody writes to.
    """
    new, opened = OnnxSession._new, dict[tuple[object, ...], Any]()
    bundled = {hashlib.sha256(each.read_bytes()).digest() for each in _WEIGHTS.glob("*.onnx")}

    def shared(self: OnnxSession, content: bytes | Path, options: Mapping[str, str], threads: int, library: Any) -> Any:
        digest = hashlib.sha256(content).digest() if isinstance(content, bytes) else b""
        if digest not in bundled or library is not onnxruntime:
            return new(self, content, options, threads, library)
        key = (digest, threads, self._device.name, self._plain, *sorted(options.items()))
        if key not in opened:
            opened[key] = new(self, content, options, threads, library)
        return opened[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OnnxSession, "_new", shared)
        patch.setattr("mien.models.networks.mesh.blocks.read_plan", lru_cache(maxsize=1)(read_plan))
        yield


@pytest.fixture(scope="session")
def examples() -> Path:
    """Return the folder of the bundled pictures and clip."""
    return Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="session")
def small_clip(tmp_path_factory: pytest.TempPathFactory, examples: Path) -> Path:
    """Return the bundled clip at 640 x 360 and 10 frames a second, with its sound, for what takes place at every size alike.

    A live loop works while a test waits: at 30 frames a second two cores would do nothing else.
    """
    return resized(examples / "clip.mp4", tmp_path_factory.mktemp("clip") / "small.mp4", 640, 360, every=3)


@pytest.fixture(scope="session")
def lasting_clip(tmp_path_factory: pytest.TempPathFactory, examples: Path) -> Path:
    """Return the bundled clip at 640 x 360 with all its 120 frames, for jobs that are stopped on their way."""
    return resized(examples / "clip.mp4", tmp_path_factory.mktemp("clip") / "lasting.mp4", 640, 360)


@pytest.fixture(scope="session")
def media() -> Path:
    """Return the folder with faces/ and clips/ named by MIEN_MEDIA; skip the test without it."""
    named = os.environ.get("MIEN_MEDIA")
    if not named:
        pytest.skip("NOT MEASURED on real faces and clips: set MIEN_MEDIA to a folder that holds faces/ and clips/")
    folder = Path(named)
    missing = [name for name in ("faces", "clips") if not (folder / name).is_dir()]
    if missing:
        pytest.fail(f"MIEN_MEDIA names {folder}, which has no {' and no '.join(missing)}")
    return folder


@pytest.fixture(autouse=True)
def _no_logged_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    logged = [
        record.getMessage()
        for when in ("setup", "call")
        for record in caplog.get_records(when)
        if record.levelno >= logging.ERROR
    ]
    if logged:
        pytest.fail(f"errors were logged: {logged}")


@pytest.fixture(autouse=True)
def _no_threads_left(request: pytest.FixtureRequest) -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    if request.node.get_closest_marker("lasting_server"):
        # A server that outlives the test starts threads while the test runs.
        return
    # Helpers of an event loop come when it needs them, as of a server that others share; its own thread is no such helper.
    left = [thread for thread in threading.enumerate() if thread not in before and not thread.name.startswith("asyncio_")]
    for thread in left:
        thread.join(_THREAD_END_S)
    alive = sorted(thread.name for thread in left if thread.is_alive())
    if alive:
        pytest.fail(f"threads were left behind: {alive}")


@pytest.fixture(autouse=True)
def _ordinary_scheduling() -> Iterator[None]:
    """Fail a test that leaves this process in a real-time class: all that comes after it would starve the machine."""
    if sys.platform != "linux":
        yield
        return
    before = os.sched_getscheduler(0)
    yield
    after = os.sched_getscheduler(0)
    if after != before:
        os.sched_setscheduler(0, before, os.sched_param(0))
        pytest.fail(f"the scheduling policy of this process was changed to {after}")
