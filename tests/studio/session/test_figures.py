"""Reason why no face is worn, as programs and the page are told it, from the first moment of an input."""

import threading
from dataclasses import replace

import pytest

from mien.contracts import LiveSource
from mien.live.loop import DEFAULT_TUNING
from mien.studio.session.figures import SessionFigures
from mien.testing import PacedCamera
from mien.types import Image
from tests.support.deadline import DEADLINE_S, wait_until
from tests.support.live_loop import Running, camera, person


class Opening:
    """Waits to be opened until it may."""

    def __init__(self) -> None:
        self.may = threading.Event()

    def __call__(self) -> LiveSource:
        self.may.wait()
        return camera()


class OneFrame(PacedCamera):
    """Gives a frame, and then nothing until it is stopped."""

    def __init__(self) -> None:
        super().__init__(320, 180, 60, self._frame_of)
        self.stopped = threading.Event()

    def _frame_of(self, index: int) -> Image:
        if index:
            self.stopped.wait()
        return person(index)

    def stop(self) -> None:
        self.stopped.set()
        super().stop()


def why(figures: SessionFigures) -> str:
    return str(figures.described()["why"])


def test_there_is_a_reason_from_the_opening_to_the_worn_face() -> None:
    opening, is_starting = Opening(), threading.Event()
    with Running() as running:
        figures = SessionFigures(running.loop, is_starting.is_set)
        assert why(figures) == "", "no input, nothing to explain"
        running.loop.set_input(opening)
        assert why(figures) == "opening"
        opening.may.set()
        wait_until(lambda: figures.described()["shown"] == "swapped", "a worn face")
        assert why(figures) == ""
        running.loop.wear(replace(running.loop.snapshot, cast=None))
        wait_until(lambda: why(figures) == "no_face", "no face is chosen")


def test_a_live_input_without_a_picture_is_told_apart_from_models_that_load() -> None:
    is_starting = threading.Event()
    with Running(tuning=replace(DEFAULT_TUNING, stuck_input_s=DEADLINE_S)) as running:
        figures = SessionFigures(running.loop, is_starting.is_set)
        source = OneFrame()
        running.loop.set_input(lambda: source)
        # On a slow machine cards come before the frame, too.
        wait_until(lambda: bool(set(figures.read().shown) - {"none"}), "the only frame")
        wait_until(lambda: why(figures) == "silent", "an input that gives nothing more")
        assert figures.described()["fps"] == 0, "cards are not counted as pictures"
        is_starting.set()
        assert why(figures) == "starting"
        is_starting.clear()
        running.loop.cover(True)
        assert why(figures) == "asked"


@pytest.mark.parametrize(("fps", "reason"), [(7.0, "slow"), (20.0, "unseen")])
def test_a_face_that_too_few_frames_show_is_a_matter_of_speed(fps: float, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Running() as running:
        running.loop.set_input(camera)
        wait_until(lambda: running.loop.input_status.state == "live", "the camera")
        figures = SessionFigures(running.loop, lambda: False)
        reading = replace(figures.read(), fps=fps, last_shown="veiled", why="unseen")
        monkeypatch.setattr(running.loop.meter, "read", lambda now_s: reading)
        assert why(figures) == reason
