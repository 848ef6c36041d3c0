"""Decides, from scores of single pictures, whether a stream or a file shows nudity."""

import threading
from collections import deque
from concurrent.futures import Future

from mien.contracts import ContentClassifier
from mien.errors import ContentRefused
from mien.types import Frame, Image

THRESHOLD = 0.85
"""A score from here on is a hit. 458 harmless pictures score 0.57 at the most."""
_PERIOD_S = 1.0
_WINDOW_S = 10.0
_HITS = 3
_CLEAN_CHECKS = 10
"""So many checks in a row without a hit, about 10 s, end a refusal."""


def is_due(time_s: float, last_s: float | None) -> bool:
    """Whether a picture of this time should be looked at: once a second, and after times that run backwards."""
    return last_s is None or not 0 <= time_s - last_s < _PERIOD_S


class ContentWatch:
    """Refuses after 3 hits within 10 s, or 3 in a row however far apart, and until 10 checks in a row were clean.

    Times are those of the pictures, seconds.
    """

    def __init__(self, threshold: float = THRESHOLD) -> None:
        self._threshold = threshold
        self._hits: deque[float] = deque(maxlen=_HITS)
        self._clean = 0
        self._in_a_row = 0
        self._checks = 0
        self.refused = False

    def observe(self, score: float, time_s: float) -> None:
        """The score, 0..1, of the picture of this time."""
        self._checks += 1
        # Written so that a score that is no number is a hit.
        if score < self._threshold:
            self._clean += 1
            self.refused = self.refused and self._clean < _CLEAN_CHECKS
            return
        self._in_a_row = 1 if self._clean else self._in_a_row + 1
        self._clean = 0
        self._hits.append(time_s)
        soon = len(self._hits) == _HITS and abs(time_s - self._hits[0]) <= _WINDOW_S
        self.refused = self.refused or soon or self._in_a_row >= _HITS

    @property
    def refused_as_a_whole(self) -> bool:
        """The verdict when nothing more comes: what was too short for 3 checks is refused when all of them were hits."""
        return self.refused or 0 < self._checks == len(self._hits) < _HITS


class FileContentCheck:
    """Give it every frame of a file, in order, before the badge is drawn, and call `finish` before the file is kept.

    A look runs beside the swapping of the frames that follow; its answer is awaited when the next one is due.
    """

    def __init__(self, classifier: ContentClassifier) -> None:
        self._classifier = classifier
        self._watch = ContentWatch()
        self._asked_s: float | None = None
        self._look: _Look | None = None

    def see(self, frame: Frame) -> None:
        """Look at a copy of the frame when a second has passed; raises `ContentRefused` as soon as that is the verdict.

        An error of the classifier is raised here or by `finish`.
        """
        if not is_due(frame.time_s, self._asked_s):
            return
        self._await_answer()
        self._asked_s = frame.time_s
        self._look = _Look(self._classifier, frame.image.copy(), frame.time_s)
        self._look.start()

    def finish(self) -> None:
        """Wait for the last answer; the verdict on a still or a clip of a second or two, too. Raises `ContentRefused`."""
        self._await_answer()
        if self._watch.refused_as_a_whole:
            raise _refusal()

    def _await_answer(self) -> None:
        look, self._look = self._look, None
        if look is not None:
            self._watch.observe(look.answer(), look.time_s)
        if self._watch.refused:
            raise _refusal()


class _Look(threading.Thread):
    """One score in a thread that ends with it, so that a job that fails has nothing to clear away."""

    def __init__(self, classifier: ContentClassifier, image: Image, time_s: float) -> None:
        super().__init__(name="mien-content")
        self.time_s = time_s
        self._answer: Future[float] = Future()
        self._classifier = classifier
        self._image = image

    def run(self) -> None:
        try:
            self._answer.set_result(self._classifier.score(self._image))
        except BaseException as error:  # noqa: BLE001 - carried to the thread that waits for the answer
            self._answer.set_exception(error)

    def answer(self) -> float:
        """The score, waiting for it; raises the error of the classifier."""
        return self._answer.result()


def _refusal() -> ContentRefused:
    return ContentRefused(
        "the content check takes this for nudity; nothing was written",
        "mien makes no sexual imagery; how the check decides, and that it can err, is in docs/content-check.md",
    )
