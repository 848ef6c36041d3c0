"""Content check of a stream or a file, from the scores of single pictures."""

import threading
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass

from mien.contracts import ContentClassifier
from mien.errors import ContentRefused
from mien.types import Frame, Image


@dataclass(frozen=True, slots=True)
class ContentTuning:
    """Numbers of the content check; docs/content-check.md has the measurements."""

    hit_score: float = 0.85  # a score from here on is a hit; 458 harmless pictures score 0.57 at most
    period_s: float = 1.0
    window_s: float = 10.0  # hits within it count together
    hits: int = 3  # within the window, or in a row, for a refusal
    clean_checks: int = 10  # in a row, about 10 s, end a refusal


DEFAULT_TUNING = ContentTuning()


def is_due(time_s: float, last_s: float | None, tuning: ContentTuning = DEFAULT_TUNING) -> bool:
    """Return True when a picture of this time is to be checked: once a second, and after times that run backwards."""
    return last_s is None or not 0 <= time_s - last_s < tuning.period_s


class ContentWatch:
    """Refuses after 3 hits within 10 s, or 3 in a row however far apart, and until 10 checks in a row were clean.

    Times are those of the pictures, in seconds.
    """

    def __init__(self, tuning: ContentTuning = DEFAULT_TUNING) -> None:
        self._tuning = tuning
        self._hits: deque[float] = deque(maxlen=tuning.hits)
        self._clean = 0
        self._in_a_row = 0
        self._checks = 0
        self.refused = False

    def observe(self, score: float, time_s: float) -> None:
        """Take the score, 0..1, of the picture of this time."""
        tuning = self._tuning
        self._checks += 1
        # Written so that NaN is a hit.
        if score < tuning.hit_score:
            self._clean += 1
            self.refused = self.refused and self._clean < tuning.clean_checks
            return
        self._in_a_row = 1 if self._clean else self._in_a_row + 1
        self._clean = 0
        self._hits.append(time_s)
        soon = len(self._hits) == tuning.hits and abs(time_s - self._hits[0]) <= tuning.window_s
        self.refused = self.refused or soon or self._in_a_row >= tuning.hits

    @property
    def refused_as_a_whole(self) -> bool:
        """Return the verdict on the whole: a file too short for 3 checks is refused when all of them were hits."""
        return self.refused or 0 < self._checks == len(self._hits) < self._tuning.hits


class FileContentCheck:
    """Checks every frame of a file, in order, before the badge is drawn; call `finish` before the file gets its name.

    A check runs beside the swapping of the frames that follow; its score is awaited when the next one is due.
    """

    def __init__(self, classifier: ContentClassifier) -> None:
        self._classifier = classifier
        self._watch = ContentWatch()
        self._checked_s: float | None = None
        self._running: _Check | None = None
        self._scores: list[tuple[float, float]] = []

    def begin_part(self) -> None:
        """Check the next frame, whatever was checked before."""
        self._checked_s = None
        self._scores = []

    def end_part(self) -> tuple[tuple[float, float], ...]:
        """Wait for the last score; return time and score of all checks since `begin_part`. Raises `ContentRefused`."""
        self._await_score()
        return tuple(self._scores)

    def take(self, scores: Iterable[tuple[float, float]]) -> None:
        """Take the checks of a part that was made elsewhere, as `end_part` gave them. Raises `ContentRefused`."""
        self._await_score()
        for time_s, score in scores:
            self._watch.observe(score, time_s)
            # At once, as in one run: ten clean checks of the same part end a refusal.
            if self._watch.refused:
                raise _refusal()

    def see(self, frame: Frame) -> None:
        """Check a copy of the frame when a second has passed. Raises `ContentRefused` as soon as that is the verdict.

        An error of the classifier is raised here or by `finish`.
        """
        if not is_due(frame.time_s, self._checked_s):
            return
        self._await_score()
        self._checked_s = frame.time_s
        self._running = _Check(self._classifier, frame.image.copy(), frame.time_s)
        self._running.start()

    def finish(self) -> None:
        """Wait for the last score, and judge a still or a clip of a second or two. Raises `ContentRefused`."""
        self._await_score()
        if self._watch.refused_as_a_whole:
            raise _refusal()

    def _await_score(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            self._scores.append((running.time_s, running.score()))
            self._watch.observe(running.score(), running.time_s)
        if self._watch.refused:
            raise _refusal()


class _Check(threading.Thread):
    """One score, in a thread that ends with it, so that a job that fails has nothing to clear away."""

    def __init__(self, classifier: ContentClassifier, image: Image, time_s: float) -> None:
        super().__init__(name="mien-content")
        self.time_s = time_s
        self._score: Future[float] = Future()
        self._classifier = classifier
        self._image = image

    def run(self) -> None:
        try:
            self._score.set_result(self._classifier.score(self._image))
        except BaseException as error:  # noqa: BLE001 - carried to the thread that waits for the score
            self._score.set_exception(error)

    def score(self) -> float:
        """Wait for the score and return it; raises the error of the classifier."""
        return self._score.result()


def _refusal() -> ContentRefused:
    return ContentRefused(
        "the content check takes this for nudity; nothing was written",
        "mien makes no sexual imagery; how the check decides, and that it can err, is in docs/content-check.md",
    )
