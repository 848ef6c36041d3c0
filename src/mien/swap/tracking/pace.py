"""Pace of a stream: the mean interval of its frames."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PaceTuning:
    """Numbers of the pace of a stream."""

    newest: float = 0.125
    """Share of the newest interval in the mean: clocks of cameras tremble by a third of a frame."""
    longest_s: float = 0.5
    """Interval from which a stream has paused: it tells nothing of its pace."""


PACE = PaceTuning()


@dataclass(slots=True)
class Pace:
    """Mean interval of the frames of a stream: what keeps its place on the face is looked at so often a second, not a frame."""

    _last_s: float | None = None
    _interval_s: float = 0.0

    def see(self, time_s: float) -> None:
        """Take the time of the next frame."""
        interval_s = PACE.longest_s if self._last_s is None else time_s - self._last_s
        self._last_s = time_s
        if 0 < interval_s < PACE.longest_s:
            share = PACE.newest if self._interval_s else 1.0
            self._interval_s += share * (interval_s - self._interval_s)

    def frames_in(self, seconds: float, least: int) -> int:
        """Return the frames of a time, at least `least`, which is also the answer before two frames were seen."""
        return max(least, round(seconds / self._interval_s)) if self._interval_s else least
