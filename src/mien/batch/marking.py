"""Mark of one output file: a new id, or that of the target's own mark, at the strength that the encoder needs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, isfinite

from mien.errors import MarkImpossible
from mien.provenance.mark.decoder import MarkFound
from mien.provenance.mark.pattern import Marker, new_mark_id
from mien.provenance.mark.windows import WINDOW_FRAMES, find_mark
from mien.types import Image


@dataclass(frozen=True, slots=True)
class MarkingTuning:
    """Numbers of marking a target that may carry a mark."""

    read_every_frames: int = WINDOW_FRAMES // 3
    """Two thirds of a window are right even where the target's mark ends in it; a reading takes 7 ms at 720p."""
    min_two_marks_z: float = 15.0
    """z of a mark that is clear enough for an unreadable id to mean two marks."""
    min_other_z: float = 10.0
    """z from which a frame's own id replaces the current one; weaker ones are wrong in one reading of 50 (six tries, CRC-8)."""
    steps: int = 5
    """Strengths are rounded up to fifths of the full one, because a new strength has to be drawn (20 ms at 720p)."""
    min_steps: int = 2
    """Fifths that are always laid: repainted areas, faces above all, have lost the target's own mark."""


_TUNING = MarkingTuning()


class FileMark:
    """Marker for the frames of one output, in order, that chooses id and strength of each.

    Where the target carries a mark, its id is laid again, with the strength that is missing. Everywhere else the same id is
    laid at full strength, so that every stretch is marked and no two ids lie over each other. A video assembled from several
    marked ones keeps the id of each part. `before` holds windows of the target, unless `first_id` is what `first_mark_id` found
    in them; `headroom` as in `Marker`. Raises `MarkImpossible` when a window carries two marks.
    """

    def __init__(
        self,
        before: Iterable[Sequence[Image]],
        strength: float,
        *,
        headroom: bool = False,
        first_id: int | None = None,
        tuning: MarkingTuning = _TUNING,
    ) -> None:
        self._tuning = tuning
        self._full, self._headroom = strength, headroom
        self.first_id = first_mark_id(before, tuning) if first_id is None else first_id
        """Id that the credentials name."""
        self._current = self.first_id
        self._ids = {self.first_id}
        self._steps = tuning.steps
        self._drawn: dict[int, Marker] = {}
        self._until_reading = 0

    def begin_part(self) -> None:
        """Read the next frame, and know nothing of the frames before it."""
        self._steps, self._until_reading = self._tuning.steps, 0
        if self._current != self.first_id:
            self._current = self.first_id
            self._drawn.clear()

    @property
    def mark_id(self) -> int:
        """Id of the newest frame."""
        return self._current

    @property
    def mark_ids(self) -> frozenset[int]:
        """All ids that were laid, so far."""
        return frozenset(self._ids)

    def mark(self, image: Image) -> None:
        """Mark the next frame in place, BGR uint8 (h, w, 3). Raises `MarkImpossible` for one that is too small."""
        if self._until_reading == 0:
            self._read(image)
            self._until_reading = self._tuning.read_every_frames
        self._until_reading -= 1
        if self._steps not in self._drawn:
            strength = self._full * self._steps / self._tuning.steps
            self._drawn[self._steps] = Marker(self._current, strength=strength, headroom=self._headroom)
        self._drawn[self._steps].mark(image)

    def _read(self, image: Image) -> None:
        """Read the target's own mark in a frame; choose id and strength after it."""
        tuning = self._tuning
        found = find_mark([image])
        if found is None or found.mark_id is None or not isfinite(found.strength):
            self._steps = tuning.steps
            return
        if found.mark_id != self._current:
            if found.z < tuning.min_other_z:
                self._steps = tuning.steps
                return
            self._current = found.mark_id
            self._ids.add(found.mark_id)
            self._drawn.clear()
        missing = ceil(tuning.steps * (1 - found.strength / self._full))
        self._steps = min(max(missing, tuning.min_steps), tuning.steps)


def first_mark_id(before: Iterable[Sequence[Image]], tuning: MarkingTuning = _TUNING) -> int:
    """Return the id of the mark in windows of a target, a new one where there is none.

    Raises `MarkImpossible` when a window carries two marks.
    """
    found = [_checked(find_mark(window), tuning) for window in before]
    kept = next((each.mark_id for each in found if each is not None and each.mark_id is not None), None)
    return new_mark_id() if kept is None else kept


def _checked(found: MarkFound | None, tuning: MarkingTuning) -> MarkFound | None:
    """Return what was found in a window. Raises `MarkImpossible` for two marks."""
    if found is not None and found.mark_id is None and found.z >= tuning.min_two_marks_z:
        raise MarkImpossible(
            "the target carries marks that lie over each other; one more could not be read",
            "use the file from before it was marked twice",
        )
    return found
