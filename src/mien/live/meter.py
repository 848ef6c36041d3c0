"""Counts and times of a live run, for the page, `/api/metrics` and Prometheus."""

import threading
from collections import deque
from dataclasses import dataclass, field

import numpy as np

_MAX_SAMPLES = 600  # 10 s at 60 fps; bounds memory
_RATE_WINDOW_S = 2.0  # rates are those of the last 2 s


@dataclass(frozen=True, slots=True)
class Figures:
    """Reading of the meter; latencies are from capture until the sinks have taken the frame, in milliseconds.

    `crowded`: the last frame had more faces than can be tracked; `why` says what hid a face in it.
    """

    fps: float
    capture_fps: float
    frames: int
    dropped: int
    latency_median_ms: float | None
    latency_p95_ms: float | None
    stages_ms: dict[str, float]
    shown: dict[str, int]
    last_shown: str
    crowded: bool = False
    why: str = ""


@dataclass(slots=True)
class _Rate:
    """Events of the last seconds, and the count of all."""

    times: deque[float] = field(default_factory=lambda: deque(maxlen=_MAX_SAMPLES))
    count: int = 0

    def note(self, time_s: float) -> None:
        self.times.append(time_s)
        self.count += 1

    def per_second(self, now_s: float) -> float:
        recent = [time for time in self.times if now_s - time <= _RATE_WINDOW_S]
        if len(recent) < 2 or recent[-1] <= recent[0]:
            return 0.0
        return (len(recent) - 1) / (recent[-1] - recent[0])


class Meter:
    """Counters written by every thread of the loop, readable from any; bounded, whatever the length of the run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Forget all counts and times."""
        with self._lock:
            self._captured, self._finished = _Rate(), _Rate()
            self._latencies: deque[float] = deque(maxlen=_MAX_SAMPLES)
            self._stages: dict[str, deque[float]] = {}
            self._dropped: dict[str, int] = {}
            self._shown: dict[str, int] = {}
            self._last_shown, self._crowded, self._why = "none", False, ""

    def captured(self, time_s: float) -> None:
        """Count a frame of the input."""
        with self._lock:
            self._captured.note(time_s)

    def finished(self, time_s: float, shown: str, *, crowded: bool = False, why: str = "") -> None:
        """Count a frame for the sinks.

        `shown` is how faces appear in it, `crowded` that there are more than are tracked, `why` what hides one.
        """
        with self._lock:
            self._finished.note(time_s)
            if shown == "none":
                # A card stands for a missing picture: the rate begins again with the next input.
                self._finished.times.clear()
            self._shown[shown] = self._shown.get(shown, 0) + 1
            self._last_shown, self._crowded, self._why = shown, crowded, why

    def delivered(self, latency_s: float) -> None:
        """Note the time from capture until a sink has taken the frame."""
        with self._lock:
            self._latencies.append(1000 * latency_s)

    def stage(self, name: str, seconds: float) -> None:
        """Note the time that a stage took for a frame."""
        with self._lock:
            self._stages.setdefault(name, deque(maxlen=_MAX_SAMPLES)).append(1000 * seconds)

    def dropped(self, where: str, total: int) -> None:
        """Note the total of frames that newer ones replaced at this place."""
        with self._lock:
            self._dropped[where] = total

    def read(self, now_s: float) -> Figures:
        """Return the figures of this moment."""
        with self._lock:
            latencies = np.array(self._latencies)
            return Figures(
                fps=self._finished.per_second(now_s),
                capture_fps=self._captured.per_second(now_s),
                frames=self._finished.count,
                dropped=sum(self._dropped.values()),
                latency_median_ms=float(np.median(latencies)) if latencies.size else None,
                latency_p95_ms=float(np.percentile(latencies, 95)) if latencies.size else None,
                stages_ms={name: float(np.median(np.array(times))) for name, times in self._stages.items()},
                shown=dict(self._shown),
                last_shown=self._last_shown,
                crowded=self._crowded,
                why=self._why,
            )


def prometheus(figures: Figures, cpu_percent: float, memory_bytes: int) -> str:
    """Return the figures in Prometheus' text format, version 0.0.4."""
    lines: list[str] = []

    def metric(name: str, kind: str, text: str, *samples: tuple[str, float]) -> None:
        lines.append(f"# HELP mien_{name} {text}")
        lines.append(f"# TYPE mien_{name} {kind}")
        lines.extend(f"mien_{name}{labels} {value:g}" for labels, value in samples)

    metric("frames_total", "counter", "Frames given to the outputs.", ("", figures.frames))
    metric("frames_dropped_total", "counter", "Frames replaced by newer ones.", ("", figures.dropped))
    metric("frames_per_second", "gauge", "Frames a second of late.", ("", figures.fps))
    metric("capture_frames_per_second", "gauge", "Frames a second from the input.", ("", figures.capture_fps))
    latencies = (('{quantile="0.5"}', figures.latency_median_ms), ('{quantile="0.95"}', figures.latency_p95_ms))
    known = [(label, value / 1000) for label, value in latencies if value is not None]
    metric("latency_seconds", "gauge", "From capture until the outputs have the frame.", *known)
    stages = [(f'{{stage="{name}"}}', value / 1000) for name, value in figures.stages_ms.items()]
    metric("stage_seconds", "gauge", "Median time of a stage.", *stages)
    shown = [(f'{{what="{name}"}}', float(count)) for name, count in figures.shown.items()]
    metric("frames_shown_total", "counter", "Frames by what was seen of the faces.", *shown)
    metric("cpu_percent", "gauge", "Processor use, 100 = one core.", ("", cpu_percent))
    metric("memory_bytes", "gauge", "Resident memory.", ("", memory_bytes))
    return "\n".join(lines) + "\n"
