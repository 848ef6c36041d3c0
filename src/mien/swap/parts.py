"""Parts of a film: the borders between them, which the frames alone decide, each as it comes."""

from collections.abc import Iterator
from dataclasses import dataclass

from mien.swap.tracking.scene_cut import SceneCuts
from mien.types import Frame


@dataclass(frozen=True, slots=True)
class PartTuning:
    """Lengths of parts, in seconds."""

    least_s: float = 8.0
    """After which a part ends at the next scene cut. Each part begins with a key frame, which costs bytes."""
    most_s: float = 12.0
    """At which it ends anyway: what is done twice after a run was killed."""


TUNING = PartTuning()


@dataclass(frozen=True, slots=True)
class Border:
    """Begin of the part of this `number`, from 1, at the frame shown at `pts`.

    A `fresh` part begins at a scene cut: nothing that was known before holds in it. Any other one goes on within a shot.
    """

    number: int
    pts: int
    fresh: bool


class PartBorders:
    """Finds the borders of the parts of a film; give it every frame, in order."""

    def __init__(self) -> None:
        self._tuning = TUNING
        self._cuts = SceneCuts()
        self._number = 0
        self._began_s = 0.0

    def at(self, frame: Frame) -> Border | None:
        """Return the border at which this frame is the first of a part, None within a part."""
        cut = self._cuts.is_cut(frame.image)
        length_s = frame.time_s - self._began_s
        fresh = self._number == 0 or (cut and length_s >= self._tuning.least_s)
        if not fresh and length_s < self._tuning.most_s:
            return None
        self._number, self._began_s = self._number + 1, frame.time_s
        return Border(self._number, frame.pts, fresh)


class WholeFilm:
    """The whole film as one part: where no encoder can be taken over in the middle of it."""

    def __init__(self) -> None:
        self._begun = False

    def at(self, frame: Frame) -> Border | None:
        """Return the border at the first frame."""
        begun, self._begun = self._begun, True
        return None if begun else Border(1, frame.pts, fresh=True)


def with_borders(frames: Iterator[Frame], borders: PartBorders | WholeFilm) -> Iterator[Frame | Border]:
    """Yield the frames, and before the first one of each part its border."""
    for frame in frames:
        border = borders.at(frame)
        if border is not None:
            yield border
        yield frame
