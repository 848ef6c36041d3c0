"""Mark of a live run: a new number, or the one that the input already carries."""

from collections.abc import Callable
from math import isfinite

import numpy as np

from mien.live.inspector import DEFAULT_TUNING, Inspection, InspectionTuning, Inspector
from mien.provenance.fingerprint import fingerprint
from mien.provenance.mark.decoder import MarkFound
from mien.provenance.mark.pattern import Marker, new_mark_id
from mien.provenance.mark.windows import find_mark
from mien.types import Frame, Image

_GONE_INSPECTIONS = 5
"""Inspections, one a second, without the input's mark after which the run takes its own number again."""
_MIN_STRENGTH = 0.4
"""Added to every frame: swapped faces above all have lost the input's own mark."""


class LiveMark:
    """Marker of the moment; frames are inspected beside the loop, before the swap and as they leave.

    An input that is already marked (a video that mien made, another mien's virtual camera) keeps its number; two numbers
    over each other could not be read. `note` gets the fingerprint of a frame that leaves, once a second, in the thread of
    the inspections.
    """

    def __init__(self, inspector: Inspector, note: Callable[[int], None], tuning: InspectionTuning = DEFAULT_TUNING) -> None:
        self._inspector = inspector
        self._note = note
        self._own = Marker(new_mark_id(), headroom=True)
        self._absent = 0
        self._arriving = Inspection("mark", self._find_mark, tuning)
        self._leaving = Inspection("fingerprint", self._take_fingerprint, tuning)
        self._markers = self._own, self._own

    @property
    def mark_id(self) -> int:
        """Return the number that frames carry now."""
        return self._markers[0].mark_id

    def marker(self, *, hidden: bool) -> Marker:
        """Return the marker for a frame that shows its input, or for a `hidden` one, which has lost the input's mark."""
        return self._markers[1 if hidden else 0]

    def arriving(self, frame: Frame) -> None:
        """Offer a frame as it came."""
        self._inspector.offer(self._arriving, frame)

    def leaving(self, frame: Frame) -> None:
        """Offer a labelled frame that shows a picture, not a card."""
        self._inspector.offer(self._leaving, frame)

    def _find_mark(self, image: Image, time_s: float) -> None:
        kept = _keeping_marker(find_mark([image]))
        if kept is None:
            self._absent += 1
            if self._absent >= _GONE_INSPECTIONS:
                self._markers = self._own, self._own
            return
        self._absent = 0
        if kept.mark_id != self.mark_id:
            fresh = Marker(kept.mark_id, headroom=True)
            # The first drawing takes longer than a frame may: it is done here, not in the swapping thread.
            for marker in (kept, fresh):
                marker.mark(np.zeros_like(image))
            self._markers = kept, fresh

    def _take_fingerprint(self, image: Image, time_s: float) -> None:
        self._note(fingerprint(image))


def _keeping_marker(found: MarkFound | None) -> Marker | None:
    """Return a marker that tops up the mark that was found; None when its number or its place is unknown."""
    if found is None or found.mark_id is None or not isfinite(found.strength):
        return None
    return Marker(found.mark_id, strength=min(max(1.0 - found.strength, _MIN_STRENGTH), 1.0), headroom=True)
