"""Hold on one job: an interrupt while its thread ends is neither lost nor in the way."""

import threading
from pathlib import Path

import pytest

from mien.assembly.jobs.holding import Holding
from tests.support.queues import Times


def test_ctrl_c_while_the_thread_ends_reaches_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    holding = Holding(Times().store(tmp_path), 1, "owner", threading.Event())
    joined, join = list[threading.Thread](), threading.Thread.join

    def interrupted(thread: threading.Thread, timeout: float | None = None) -> None:
        joined.append(thread)
        if len(joined) == 1:
            raise KeyboardInterrupt
        join(thread, timeout)

    with pytest.raises(KeyboardInterrupt), holding:
        monkeypatch.setattr(threading.Thread, "join", interrupted)
    assert len(joined) == 2
    assert not joined[0].is_alive()
