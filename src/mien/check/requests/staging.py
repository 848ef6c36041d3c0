"""Staging of requests: when each is read aloud, when its answer is over. A state machine without a clock.

It is driven by the measurements of pictures and their times, and by what the host says; the same of both gives the same.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mien.check.requests.answers import Answer, answer_of, declined_answer, is_over
from mien.check.requests.asks import Ask
from mien.check.requests.sighting import Sighting

Phase: TypeAlias = Literal["settling", "waiting", "asked", "done"]
"""Phase of the staging: before the first request, before another one, while one is answered, after the last."""


@dataclass(frozen=True, slots=True)
class StagingTuning:
    """Times of the staging, in seconds."""

    settle_s: float = 3.0
    """Before the first delay: the tracker finds the face, and the host looks up."""
    before_s: float = 2.0
    """Before a request; what is usual in it is what an answer differs from."""
    reading_s: float = 8.0
    """For reading a request aloud, when the host does not tell that it has been read."""
    window_s: float = 12.0
    """From then on: a profile that is held for 2 s takes 6 to 8."""
    look_s: float = 0.5
    """Between two looks whether an answer is over."""
    rest_s: float = 1.0
    """At rest, after which a seen answer is over."""
    longest_s: float = 40.0
    """After which a request ends in any case."""


_TUNING = StagingTuning()


@dataclass(frozen=True, slots=True)
class Cue:
    """Next step of the host: the phase, the request while it is asked, and the number of requests that are answered."""

    phase: Phase
    ask: Ask | None
    answered: int


class Staging:
    """Stages some requests. `see` takes the measurements of each picture, in order."""

    def __init__(self, asks: Sequence[Ask], tuning: StagingTuning = _TUNING) -> None:
        self._asks = tuple(asks)
        self._tuning = tuning
        self._before: deque[Sighting] = deque()
        self._during: list[Sighting] = []
        self._asked_s: float | None = None
        self._said_s: float | None = None
        self._due_s: float | None = None
        self._now_s = self._looked_s = 0.0
        self.answers: tuple[Answer, ...] = ()
        """Answers so far, in the order of the requests."""

    @property
    def cue(self) -> Cue:
        """The cue of this moment."""
        answered = len(self.answers)
        if answered == len(self._asks):
            return Cue("done", None, answered)
        if self._asked_s is not None:
            return Cue("asked", self._asks[answered], answered)
        return Cue("waiting" if answered else "settling", None, answered)

    def see(self, sighting: Sighting) -> Answer | None:
        """Take one picture's measurements; return an answer that has just ended."""
        self._now_s = sighting.at_s
        if self.cue.phase == "done":
            return None
        if self._asked_s is None:
            self._wait(sighting)
            return None
        self._during.append(sighting)
        return self._ended() if self._is_over() else None

    def said(self) -> None:
        """Note that the host has just read the request aloud: from here on the answer is awaited."""
        if self._asked_s is not None and self._said_s is None:
            self._said_s = self._now_s

    def decline(self) -> Answer | None:
        """Note that the person declined the request, which is no sign; return that answer. None between two requests."""
        if self._asked_s is None:
            return None
        return self._add(declined_answer(self._asks[len(self.answers)], self._asked_s))

    def end(self, lost: str = "") -> Answer | None:
        """End the staging; return the answer that was under way, if any. `lost` is why the source ended, if it did."""
        found = self._ended(ended=True, lost=lost) if self._asked_s is not None else None
        self._asks = self._asks[: len(self.answers)]
        return found

    def _wait(self, sighting: Sighting) -> None:
        if self._due_s is None:
            settle_s = 0.0 if self.answers else self._tuning.settle_s
            self._due_s = sighting.at_s + settle_s + self._asks[len(self.answers)].delay_s
        self._before.append(sighting)
        while sighting.at_s - self._before[0].at_s > self._tuning.before_s:
            self._before.popleft()
        if sighting.at_s >= self._due_s:
            self._asked_s = self._looked_s = sighting.at_s

    def _is_over(self) -> bool:
        assert self._asked_s is not None
        tuning = self._tuning
        from_s = self._asked_s + tuning.reading_s if self._said_s is None else self._said_s
        if self._now_s >= min(from_s + tuning.window_s, self._asked_s + tuning.longest_s):
            return True
        if self._now_s - self._looked_s < tuning.look_s:
            return False
        self._looked_s = self._now_s
        return is_over(self._asks[len(self.answers)], tuple(self._before), self._during, tuning.rest_s)

    def _ended(self, *, ended: bool = False, lost: str = "") -> Answer:
        assert self._asked_s is not None
        ask = self._asks[len(self.answers)]
        return self._add(answer_of(ask, tuple(self._before), self._during, self._asked_s, self._said_s, ended=ended, lost=lost))

    def _add(self, answer: Answer) -> Answer:
        self.answers = (*self.answers, answer)
        self._asked_s = self._said_s = self._due_s = None
        self._before.clear()
        self._during = []
        return answer
