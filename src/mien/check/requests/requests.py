"""Requests of one check: pictures are measured, the staging goes on, agreed seconds are kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from mien.check.requests.answers import Answer
from mien.check.requests.asks import Ask
from mien.check.requests.comparison import Comparison
from mien.check.requests.gauge import Gauge
from mien.check.requests.moments import Moments
from mien.check.requests.staging import Cue, Staging
from mien.types import Frame


@dataclass(frozen=True, slots=True)
class Told:
    """Answer and its slow film, if its seconds are kept."""

    answer: Answer
    film: bytes | None = None


class Requests:
    """Requests in the pictures of one call. Without `keep` no picture outlives its measurement."""

    def __init__(
        self, asks: Sequence[Ask], gauge: Gauge, *, keep: bool = False, comparison: Comparison | None = None
    ) -> None:  # fmt: skip
        self._gauge = gauge
        self._comparison = comparison
        self._staging = Staging(asks)
        self._moments = Moments() if keep else None
        self.told: tuple[Told, ...] = ()
        """Answers so far."""

    @property
    def cue(self) -> Cue:
        """The cue of this moment, for the host."""
        return self._staging.cue

    def see(self, frame: Frame, at_s: float) -> Told | None:
        """Take a picture; return an answer that has just ended."""
        compares = self._comparison is not None and not self._comparison.is_full
        if self.cue.phase == "done" and not compares:
            return None
        sighting = self._gauge.measure(frame, at_s)
        if self._comparison is not None:
            self._comparison.add(frame.image, sighting, self._gauge.landmarks)
        if self._moments is not None:
            self._moments.add(frame.image, sighting, asked=self.cue.phase == "asked")
        return self._noted(self._staging.see(sighting))

    def said(self) -> None:
        """Note that the request has been read aloud."""
        self._staging.said()

    def decline(self) -> Told | None:
        """Note that the request was declined."""
        return self._noted(self._staging.decline())

    def end(self, lost: str = "") -> Told | None:
        """End the requests; `lost` is why the source ended."""
        return self._noted(self._staging.end(lost))

    def _noted(self, answer: Answer | None) -> Told | None:
        if answer is None:
            return None
        film = None
        if self._moments is not None:
            began_s = answer.asked_s if answer.said_s is None else answer.said_s
            late_s = 0.0 if answer.latency_s is None or answer.ask.kind == "colours" else answer.latency_s
            film = self._moments.film(began_s + late_s)
            # A declined request leaves nothing.
            film = None if answer.reason == "declined" else film
        told = Told(answer, film)
        self.told = (*self.told, told)
        return told
