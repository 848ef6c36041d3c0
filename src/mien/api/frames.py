"""Frames in memory: swapped, labelled, marked and checked."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from mien.api.arguments import models_of, settings_of
from mien.api.face_maps import FaceMap, Worn, worn_of
from mien.api.faces import Face
from mien.assembly import factory
from mien.batch.marking import FileMark
from mien.contracts import ContentClassifier
from mien.errors import ContentRefused, UsageError
from mien.models.library.store import Store
from mien.provenance.label import Labeller
from mien.safety.content_check import ContentWatch, is_due
from mien.settings import Settings
from mien.swap.pipeline import Pipeline
from mien.types import Frame, LabelledFrame

FULL_STRENGTH = 1.0  # of the mark; what encodes the frames later is not known here


class FrameSwapper:
    """Swaps frames in memory, in order; every frame that leaves is labelled, marked and checked. Made by `open_pipeline`."""

    def __init__(
        self,
        pipeline: Pipeline,
        labeller: Labeller,
        classifier: ContentClassifier,
        worn: Worn,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pipeline = pipeline
        self._labeller = labeller
        self._classifier = classifier
        self._worn = worn
        self._clock = clock
        self._watch = ContentWatch()
        self._checked_s: tuple[float, float] | None = None
        self._refused = False

    def swap(self, frame: Frame) -> LabelledFrame:
        """Return a copy of the frame with its faces replaced.

        Raises `ContentRefused` when the content check refuses it, and what engines raise. After three hits the stream stays
        refused; a single hit at its start refuses frames until a check is clean.
        """
        if not isinstance(frame, Frame) or not frame.image.size:
            raise UsageError("no frame is given, or one without pixels", "make it: mien.Frame(image, index, pts, time_base)")
        # The swap is drawn into a picture of our own: whatever fails before the label, nothing swapped is left outside.
        result = self._pipeline.swap_frame(replace(frame, image=frame.image.copy()))
        self._check(result.frame)
        return self._labeller.label(result.frame)

    def swap_all(self, frames: Iterable[Frame]) -> Iterator[LabelledFrame]:
        """Yield each frame with its faces replaced. Raises what `swap` raises."""
        return (self.swap(frame) for frame in frames)

    def _check(self, frame: Frame) -> None:
        """Run the content check, and look for a revoked consent, before anything leaves: once a second.

        A second of the frames' times or of the clock, whichever comes first: the caller sets the frames' times.
        """
        now_s = self._clock()
        checked = self._checked_s
        if checked is None or is_due(frame.time_s, checked[0]) or is_due(now_s, checked[1]):
            for consent in self._worn.consents:
                self._worn.trust.consents.check(consent)
            self._watch.observe(self._classifier.score(frame.image), frame.time_s)
            self._checked_s = frame.time_s, now_s
        self._refused = self._refused or self._watch.refused
        if self._refused or self._watch.refused_as_a_whole:
            raise ContentRefused(
                "the content check takes this for nudity; no frame is returned",
                "mien makes no sexual imagery; how the check decides, and that it can err, is in docs/content-check.md",
            )


def open_pipeline(face: Face | FaceMap, *, settings: Settings | None = None) -> FrameSwapper:
    """Open the main path for one stream of frames; everyone wears `face`, or each person of a map the face of their own.

    A person of a map is worn from the frame on in which they are recognised. Raises a `ModelError`, or `UsageError` after a
    revoked consent.

    Frames in memory carry the badge, whatever `settings.badge` says, and the mark, with the number of the input's own mark
    where it has one; signed credentials belong to files (`swap_video`).
    """
    worn, settings = worn_of(face), settings_of(settings)
    models = models_of(worn.models, worn.settings, settings)
    pipeline = factory.open_pipeline(settings, models, worn.plan)
    labeller = Labeller(settings, FileMark((), FULL_STRENGTH), live=True)
    return FrameSwapper(pipeline, labeller, factory.open_classifier(Store()), worn)
