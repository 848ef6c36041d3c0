"""Figures of a session: frame rate, latency, load."""

import time
from collections.abc import Callable
from typing import Any

import psutil

from mien.live.loop import LiveLoop
from mien.live.meter import Figures

_TOO_SLOW_FPS = 8.0  # chosen, as on the page: a face is confirmed by several frames in a row
_NEEDS_SPEED = {"hand", "unseen"}  # reasons that frames which come too late look like


class SessionFigures:
    """Readings of the loop's meter and of the load of this process; `is_starting` is true while models are loaded."""

    def __init__(self, loop: LiveLoop, is_starting: Callable[[], bool]) -> None:
        self._loop = loop
        self._is_starting = is_starting
        self._process = psutil.Process()
        # The first reading is 0; later ones count from here.
        self._process.cpu_percent()

    def read(self) -> Figures:
        """Return the figures of the meter."""
        return self._loop.meter.read(time.monotonic())

    def load(self) -> tuple[float, int]:
        """Return the processor use since the last call, 100 = one core, and resident memory in bytes."""
        return round(self._process.cpu_percent(), 1), int(self._process.memory_info().rss)

    def described(self) -> dict[str, Any]:
        """Return figures and load, rounded, for the page and for programs."""
        figures = self.read()
        cpu, memory = self.load()
        return {
            "fps": round(figures.fps, 2),
            "capture_fps": round(figures.capture_fps, 2),
            "frames": figures.frames,
            "dropped": figures.dropped,
            "latency_ms": {"median": _rounded(figures.latency_median_ms), "p95": _rounded(figures.latency_p95_ms)},
            "stages_ms": {name: round(value, 2) for name, value in figures.stages_ms.items()},
            "cpu_percent": cpu,
            "memory_mb": round(memory / 1e6, 1),
            "shown": figures.last_shown,
            "shown_frames": figures.shown,
            "crowded": figures.crowded,
            "why": self._why(figures),
            "sound_delay_ms": _rounded(figures.latency_median_ms),
        }

    def _why(self, figures: Figures) -> str:
        """Return why no face is worn, in one word; empty while one is, or while there is no input.

        Without a picture: `opening` and `lost` are states of the input, `asked` covers it, `starting` loads models, `silent` is
        an input that gives nothing, `first` makes the first picture. With one: a `HiddenReason`, or `slow`.
        """
        state = self._loop.input_status.state
        if state == "closed":
            return ""
        if figures.last_shown == "none" or state != "live":
            return self._why_no_picture(figures, state)
        return "slow" if figures.why in _NEEDS_SPEED and figures.fps < _TOO_SLOW_FPS else figures.why

    def _why_no_picture(self, figures: Figures, state: str) -> str:
        if state != "live":
            return state
        if self._loop.is_covered:
            return "asked"
        if self._is_starting():
            return "starting"
        return "first" if figures.capture_fps else "silent"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
