"""Encoders that put threads into a real-time class must not keep them there."""

import contextlib
import os
import sys
import threading
from fractions import Fraction
from pathlib import Path

import av
import pytest

from mien.system.scheduling import ordinary_scheduling

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="NOT TESTED: Linux only")


def _policies() -> set[int]:
    return {os.sched_getscheduler(int(each.name)) for each in Path("/proc/self/task").iterdir()}


def test_svt_av1_leaves_no_real_time_thread(tmp_path: Path) -> None:
    """Bites for root only: others may not enter the class."""
    with av.open(tmp_path / "out.mkv", "w") as container:
        video = container.add_stream("libsvtav1", rate=Fraction(25), options={"svtav1-params": "lp=1"})
        video.width, video.height, video.pix_fmt = 128, 128, "yuv420p"
        with ordinary_scheduling():
            container.start_encoding()
        assert _policies() == {os.SCHED_OTHER}
        for _ in range(2):
            container.mux(video.encode(av.VideoFrame(128, 128, "yuv420p")))
        container.mux(video.encode(None))
    assert _policies() == {os.SCHED_OTHER}


def _raise_in_real_time() -> None:
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        pytest.skip("NOT TESTED: a real-time class needs root")
    raise ValueError("within")


def test_the_policy_comes_back_after_an_error() -> None:
    with pytest.raises(ValueError, match="within"), ordinary_scheduling():
        _raise_in_real_time()
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_a_thread_that_was_in_real_time_before_stays_there() -> None:
    entered, done = threading.Event(), threading.Event()
    told: list[int] = []

    def host() -> None:
        with contextlib.suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        entered.set()
        done.wait()
        told.append(os.sched_getscheduler(0))

    thread = threading.Thread(target=host)
    thread.start()
    entered.wait()
    was = os.sched_getscheduler(thread.native_id or 0)
    with ordinary_scheduling():
        pass
    done.set()
    thread.join()
    assert told == [was]
