"""The mark of a live run: a new one, or the one that the input carries already."""

from collections.abc import Callable

import numpy as np

from mien.live.inspector import Inspector, Look
from mien.provenance.fingerprint import fingerprint
from mien.provenance.keeping import keeping_marker
from mien.provenance.mark import Marker, new_mark_id
from mien.seal import find_mark
from mien.types import Frame, Image

_GONE_AFTER = 5
"""Looks without the mark of the input, one a second, after which it is taken for another input."""


class LiveMark:
    """Holds the marker of the moment, and has frames looked at beside the loop: before the swap and as they leave.

    An input that is marked already (a film that mien made, another mien's virtual camera) keeps its number; two numbers over
    each other could not be read. `note` gets the fingerprint of what leaves, once a second, in the inspecting thread.
    """

    def __init__(self, inspector: Inspector, note: Callable[[int], None]) -> None:
        self._inspector = inspector
        self._note = note
        self._own = Marker(new_mark_id())
        self._absent = 0
        self._arriving = Look("mark", self._look_for_mark)
        self._leaving = Look("fingerprint", self._take_fingerprint)
        self._markers = self._own, self._own

    @property
    def mark_id(self) -> int:
        """The number that frames carry now."""
        return self._markers[0].mark_id

    def marker(self, *, hidden: bool) -> Marker:
        """For a frame that shows its input, or for one that is `hidden` wholly and has lost what mark was in it."""
        return self._markers[1 if hidden else 0]

    def arriving(self, frame: Frame) -> None:
        """A frame as it came."""
        self._inspector.offer(self._arriving, frame)

    def leaving(self, frame: Frame) -> None:
        """A labelled frame that shows a picture, not a card."""
        self._inspector.offer(self._leaving, frame)

    def _look_for_mark(self, image: Image, time_s: float) -> None:
        kept = keeping_marker(find_mark([image]))
        if kept is None:
            self._absent += 1
            if self._absent >= _GONE_AFTER:
                self._markers = self._own, self._own
            return
        self._absent = 0
        if kept.mark_id != self.mark_id:
            fresh = Marker(kept.mark_id)
            # Drawing takes longer than a frame may: it is done here, not in the thread that swaps.
            for marker in (kept, fresh):
                marker.mark(np.zeros_like(image))
            self._markers = kept, fresh

    def _take_fingerprint(self, image: Image, time_s: float) -> None:
        self._note(fingerprint(image))
