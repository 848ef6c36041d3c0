"""From a captured frame to one whose faces are tracked."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mien.errors import MienError
from mien.settings import Settings, table
from mien.swap.tracking.parts import TrackingParts
from mien.types import Detection, Frame, Image, TrackedFace

_log = logging.getLogger(__name__)
MakeTracking = Callable[[Settings], TrackingParts]


@dataclass(frozen=True, slots=True)
class TrackedFrame:
    """A frame, its tracked faces, all detections, and the number of its scene.

    `before` and `classes` are copies of the picture, when they are wanted; the latter to draw the parser's classes into.
    `confirming` are the detections that may confirm a face. `generation` is the number of the input; under another `numbering`
    the numbers of tracks are those of other faces.
    """

    frame: Frame
    faces: tuple[TrackedFace, ...]
    detections: Sequence[Detection]
    confirming: Sequence[Detection]
    scene: int
    before: Image | None = None
    classes: Image | None = None
    generation: int = 0
    numbering: int = 0


class FrameTracker:
    """Tracks frames, in order; `generation` is the number of the input that a frame comes from."""

    def __init__(self, make_tracking: MakeTracking, settings: Settings, generation: int) -> None:
        self._make_tracking = make_tracking
        self._settings = settings
        self._generation = generation
        self._parts = make_tracking(settings)
        self._numbering = 0
        self._failures = 0
        self._is_due = False

    def track(
        self, frame: Frame, settings: Settings, generation: int, *, wants_before: bool, wants_classes: bool
    ) -> TrackedFrame:  # fmt: skip
        """Return the frame with its faces; another input, other settings of tracking, or a failure, begin without any track."""
        if generation != self._generation:
            self._generation = generation
            self._parts.tracker.reset()
        if settings is not self._settings:
            before, self._settings = self._settings, settings
            self._is_due |= _tracks_otherwise(before, settings)
        if self._is_due:
            self._renew()
        parts = self._parts
        faces = parts.tracker.update(frame)
        low_confidence = [*parts.detector.low_confidence(frame.image), *parts.tracker.tilted_finds]
        confirming = [*parts.detector.confirming(frame.image), *parts.tracker.readings]
        parts.detector.release_picture()
        parts.detector.note_tracked(faces, frame.image)
        return TrackedFrame(
            frame,
            faces,
            low_confidence,
            confirming,
            # Another scene closes the picture, as another input and a failure do.
            (generation << 32) + (self._failures << 20) + parts.tracker.scene,
            frame.image.copy() if wants_before else None,
            frame.image.copy() if wants_classes else None,
            generation,
            self._numbering,
        )

    def renew(self) -> None:
        """Make new parts before the next frame, which begins another scene: those of this one failed."""
        self._is_due = True
        self._failures += 1

    def _renew(self) -> None:
        """Make new parts; when a model cannot be opened, keep the current ones without any track."""
        try:
            self._parts = self._make_tracking(self._settings)
            self._numbering += 1
        except MienError as error:
            _log.warning("the detector was not replaced: %s", error)
            self._parts.tracker.reset()
        self._is_due = False


def _tracks_otherwise(before: Settings, after: Settings) -> bool:
    names = [row.name for row in table() if row.group == "tracking"]
    return any(getattr(before, name) != getattr(after, name) for name in names)
