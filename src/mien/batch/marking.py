"""The mark of one output file: a new id, or the one that the target carries already, at the strength that the encoder needs."""

from collections.abc import Iterable, Sequence
from math import ceil, isfinite

from mien.errors import MarkImpossible
from mien.provenance.mark.decoder import MarkFound
from mien.provenance.mark.pattern import Marker, new_mark_id
from mien.provenance.mark.windows import WINDOW_FRAMES, find_mark
from mien.types import Image

_LOOK_EVERY_FRAMES = WINDOW_FRAMES // 3
"""Two thirds of a window are right even where the target's mark ends in it; a look takes 7 ms at 720p."""
_SURELY_TWO = 15.0
"""z of a mark so clear that an unreadable id means two marks."""
_OTHER_FROM = 10.0
"""z from which a frame's own id replaces the current one; weaker ones are wrong in one reading of 50 (six tries, CRC-8)."""
_STEPS = 5
"""Strengths are rounded up to fifths of the full one, because a new strength has to be drawn (20 ms at 720p)."""
_LEAST_STEPS = 2
"""Fifths that are always laid: what was painted over, faces above all, has lost the target's own mark."""


class FileMark:
    """A marker for the frames of one output, in order, that chooses id and strength of each.

    Where the target carries a mark, its id goes on, and only what is missing to the full strength is added. Everywhere else
    the same id lies at full strength, so that every stretch is marked and no two ids lie over each other. A film put together
    from several marked ones keeps the id of each part. `before` holds windows of the target; `headroom` as in `Marker`.
    Raises `MarkImpossible` when a window carries two marks.
    """

    def __init__(self, before: Iterable[Sequence[Image]], strength: float, *, headroom: bool = False) -> None:
        self._full, self._headroom = strength, headroom
        found = [_checked(find_mark(window)) for window in before]
        kept = next((each.mark_id for each in found if each is not None and each.mark_id is not None), None)
        self.first_id = new_mark_id() if kept is None else kept
        """The mark id that the credentials name."""
        self._current = self.first_id
        self._ids = {self.first_id}
        self._steps = _STEPS
        self._drawn: dict[int, Marker] = {}
        self._until_look = 0

    @property
    def mark_id(self) -> int:
        """The id of the newest frame."""
        return self._current

    @property
    def mark_ids(self) -> frozenset[int]:
        """All ids that were laid so far."""
        return frozenset(self._ids)

    def mark(self, image: Image) -> None:
        """Mark the next frame in place, BGR uint8 (h, w, 3). Raises `MarkImpossible` for one that is too small."""
        if self._until_look == 0:
            self._look(image)
            self._until_look = _LOOK_EVERY_FRAMES
        self._until_look -= 1
        if self._steps not in self._drawn:
            strength = self._full * self._steps / _STEPS
            self._drawn[self._steps] = Marker(self._current, strength=strength, headroom=self._headroom)
        self._drawn[self._steps].mark(image)

    def _look(self, image: Image) -> None:
        found = find_mark([image])
        if found is None or found.mark_id is None or not isfinite(found.strength):
            self._steps = _STEPS
            return
        if found.mark_id != self._current:
            if found.z < _OTHER_FROM:
                self._steps = _STEPS
                return
            self._current = found.mark_id
            self._ids.add(found.mark_id)
            self._drawn.clear()
        missing = ceil(_STEPS * (1 - found.strength / self._full))
        self._steps = min(max(missing, _LEAST_STEPS), _STEPS)


def _checked(found: MarkFound | None) -> MarkFound | None:
    if found is not None and found.mark_id is None and found.z >= _SURELY_TWO:
        raise MarkImpossible(
            "the target carries marks that lie over each other; one more could not be read",
            "use the file from before it was marked twice",
        )
    return found
