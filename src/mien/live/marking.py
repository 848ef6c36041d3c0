"""The mark of a live run: a new one, or the one that the input carries already."""

from collections.abc import Callable
from math import isfinite

import numpy as np

from mien.live.inspector import Inspector, Look
from mien.provenance.fingerprint import fingerprint
from mien.provenance.mark.decoder import MarkFound
from mien.provenance.mark.pattern import Marker, new_mark_id
from mien.provenance.mark.windows import find_mark
from mien.types import Frame, Image

_GONE_AFTER = 5
"""Looks without the mark of the input, one a second, after which it is taken for another input."""
_LEAST = 0.4
"""Strength that is always added: what was painted over, faces above all, has lost the input's own mark."""


class LiveMark:
    """Holds the marker of the moment, and has frames looked at beside the loop: before the swap and as they leave.

    An input that is marked already (a film that mien made, another mien's virtual camera) keeps its number; two numbers over
    each other could not be read. `note` gets the fingerprint of what leaves, once a second, in the inspecting thread.
    """

    def __init__(self, inspector: Inspector, note: Callable[[int], None]) -> None:
        self._inspector = inspector
        self._note = note
        self._own = Marker(new_mark_id(), headroom=True)
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
        kept = _keeping_marker(find_mark([image]))
        if kept is None:
            self._absent += 1
            if self._absent >= _GONE_AFTER:
                self._markers = self._own, self._own
            return
        self._absent = 0
        if kept.mark_id != self.mark_id:
            fresh = Marker(kept.mark_id, headroom=True)
            # Drawing takes longer than a frame may: it is done here, not in the thread that swaps.
            for marker in (kept, fresh):
                marker.mark(np.zeros_like(image))
            self._markers = kept, fresh

    def _take_fingerprint(self, image: Image, time_s: float) -> None:
        self._note(fingerprint(image))


def _keeping_marker(found: MarkFound | None) -> Marker | None:
    """Return a marker that tops up the mark that was found; None when its id or its place is not known."""
    if found is None or found.mark_id is None or not isfinite(found.strength):
        return None
    return Marker(found.mark_id, strength=min(max(1.0 - found.strength, _LEAST), 1.0), headroom=True)
