"""Small pictures of a film in order of time: shown at once while the exact frame is decoded."""

import threading
from bisect import bisect_left
from dataclasses import dataclass

from mien.studio.session.pictures import jpeg, scaled_down
from mien.types import Image


@dataclass(frozen=True, slots=True)
class StripTuning:
    """Number and size of the pictures."""

    step_s: float = 0.2
    """Seconds from picture to picture at first; doubled whenever the strip is full."""
    most: int = 512
    """Pictures; bounds memory: 12 KB each, 6 MB a film."""
    width_pixels: int = 320
    quality: int = 75
    """Of the JPEG; chosen by eye."""


TUNING = StripTuning()


class FilmStrip:
    """Small pictures of one film. Safe to use from several threads."""

    def __init__(self, tuning: StripTuning = TUNING) -> None:
        self._tuning = tuning
        self._step_s = tuning.step_s
        self._times: list[float] = []
        self._pictures: list[bytes] = []
        self._lock = threading.Lock()

    def offer(self, image: Image, time_s: float) -> None:
        """Keep a frame, BGR uint8, when the last one that was kept is a step earlier; frames come in order."""
        with self._lock:
            if self._times and time_s - self._times[-1] < self._step_s:
                return
        picture = jpeg(scaled_down(image, self._tuning.width_pixels / image.shape[1]), self._tuning.quality)
        with self._lock:
            self._times.append(time_s)
            self._pictures.append(picture)
            if len(self._times) > self._tuning.most:
                self._times, self._pictures = self._times[::2], self._pictures[::2]
                self._step_s *= 2

    def nearest(self, time_s: float) -> bytes | None:
        """Return the JPEG picture nearest to a time, None where the strip has none within a step."""
        with self._lock:
            after = bisect_left(self._times, time_s)
            near = [place for place in (after - 1, after) if 0 <= place < len(self._times)]
            place = min(near, key=lambda each: abs(self._times[each] - time_s), default=None)
            if place is None or abs(self._times[place] - time_s) > self._step_s:
                return None
            return self._pictures[place]
