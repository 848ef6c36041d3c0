"""Figures of a session: frame rate, latency, load."""

import time
from typing import Any

import psutil

from mien.live.meter import Figures, Meter


class SessionFigures:
    """Readings of the loop's meter and of the load of this process."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._process = psutil.Process()
        # The first reading is 0; later ones count from here.
        self._process.cpu_percent()

    def read(self) -> Figures:
        """Return the figures of the meter."""
        return self._meter.read(time.monotonic())

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
            "why": figures.why,
            "sound_delay_ms": _rounded(figures.latency_median_ms),
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
