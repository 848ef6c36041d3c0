"""Enrolment: looks at one face of the live picture until they say who it is."""

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mien.contracts import Recogniser
from mien.swap.people.look import TUNING as LOOK
from mien.swap.people.look import Look, look_at, weight_of_face
from mien.swap.people.template import Template, template_of
from mien.types import Frame, TrackedFace


@dataclass(frozen=True, slots=True)
class EnrolmentTuning:
    """Pace of an enrolment."""

    between_s: float = 0.25
    """Seconds between two looks: each costs the live picture some 25 ms."""
    kept: int = 24
    """Looks that are remembered, at most: bounds memory."""


TUNING = EnrolmentTuning()
Hindrance = Literal["slow", "nobody", "changing", "small", "turned", "cut"]
"""Reason why a face was not seen often enough: few frames came; no face; not always the same person; a face of too few pixels,
turned too far, or cut by the border."""


class Enrolment:
    """Looks at one face for `seconds`, and longer until there are enough looks; `see` takes every frame, in order.

    Without `track_id` the largest face is taken, and kept while it is tracked. `see` belongs to one thread; the rest may be
    used from others.
    """

    def __init__(self, recogniser: Recogniser, seconds: float, track_id: int | None = None) -> None:
        self._recogniser = recogniser
        self._seconds = seconds
        self._wanted = track_id
        self._track: int | None = track_id
        self._looks: list[Look] = []
        self._started_s: float | None = None
        self._due_s = 0.0
        self._share = 0.0
        self._frames = 0
        self._hindrances: Counter[Hindrance] = Counter()
        self._ended = threading.Event()

    @property
    def share(self) -> float:
        """Return the share done, 0..1."""
        return self._share

    @property
    def ended(self) -> bool:
        """Return True when it takes no more frames."""
        return self._ended.is_set()

    def cancel(self) -> None:
        """Take no more frames."""
        self._ended.set()

    def wait(self, timeout_s: float) -> Template | None:
        """Wait for the end, and end it; return the template, None when there were too few looks in that time."""
        self._ended.wait(timeout_s)
        self._ended.set()
        return template_of(self._looks) if len(self._looks) >= LOOK.best else None

    @property
    def hindrance(self) -> Hindrance:
        """Return the main reason why there are too few looks."""
        if self._frames < LOOK.best or not self._hindrances:
            return "slow"
        return self._hindrances.most_common(1)[0][0]

    def see(self, frame: Frame, faces: Sequence[TrackedFace]) -> None:
        """Take a frame, its picture as it was, with the faces that are tracked in it."""
        if self.ended:
            return
        self._frames += 1
        if self._started_s is None:
            self._started_s = frame.time_s
        face = self._face(faces, (frame.image.shape[1], frame.image.shape[0]))
        if face is not None and frame.time_s >= self._due_s:
            self._due_s = frame.time_s + TUNING.between_s
            self._look(frame, face)
        lasts_s = frame.time_s - self._started_s
        self._share = min(len(self._looks) / LOOK.best, lasts_s / max(self._seconds, 1e-6), 1.0)
        if self._share >= 1.0:
            self._ended.set()

    def _face(self, faces: Sequence[TrackedFace], size_wh: tuple[int, int]) -> TrackedFace | None:
        """Return the face to look at; None while it is not to be seen well."""
        known = next((face for face in faces if face.track_id == self._track), None)
        if known is None and self._wanted is None and faces:
            known = max(faces, key=lambda face: float(face.landmarks.points[:, 1].max() - face.landmarks.points[:, 1].min()))
            if self._track is not None:
                self._hindrances["changing"] += 1
            # Another track may be another person.
            self._track, self._looks = known.track_id, []
        hindrance = _hindrance(known, size_wh)
        if hindrance is not None:
            self._hindrances[hindrance] += 1
        return known if hindrance is None else None

    def _look(self, frame: Frame, face: TrackedFace) -> None:
        look = look_at(self._recogniser, frame.image, face, frame.time_s)
        if look is None:
            return
        before = template_of(self._looks)
        now = template_of([look])
        if before is not None and now is not None and before.distance(now) >= self._recogniser.limits.photo:
            # The track has passed on to another person.
            self._looks = []
            self._hindrances["changing"] += 1
        self._looks = [*self._looks, look][-TUNING.kept :]


def _hindrance(face: TrackedFace | None, size_wh: tuple[int, int]) -> Hindrance | None:
    """Return why a look at this face would say nothing, None for one that is worth a look."""
    if face is None:
        return "nobody"
    if weight_of_face(face, size_wh):
        return None
    if abs(face.yaw) > LOOK.largest_yaw:
        return "turned"
    return "small" if float(np.ptp(face.landmarks.points[:, 1])) < LOOK.least_size else "cut"
