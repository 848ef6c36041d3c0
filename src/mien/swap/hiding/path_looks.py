"""Looks at the faces of paths while a film is searched, no more often than they say something."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mien.swap.hiding.face_path import FacePath
from mien.swap.hiding.path_look import PathLooker
from mien.swap.people.look import Look, best_of
from mien.types import Frame


@dataclass(frozen=True, slots=True)
class LookPace:
    """Pace of the looks; not measured, a look takes 25 ms."""

    every_s: float = 0.4
    least_size: float = 40.0
    """Pixels below which a look says nothing, so that none is taken."""
    best: int = 12
    """Looks of a path that are remembered."""


PACE = LookPace()


@dataclass(slots=True)
class _Seen:
    looks: list[Look] = field(default_factory=list)
    last_s: float = float("-inf")


class PathLooks:
    """Takes the looks that are due, and remembers the best of each path. Give `see` every frame, in order."""

    def __init__(self, looker: PathLooker, pace: LookPace = PACE) -> None:
        self._looker = looker
        self._pace = pace
        self._seen: dict[int, _Seen] = {}
        self._frames = 0

    def see(self, frame: Frame, paths: Sequence[FacePath]) -> list[tuple[FacePath, Look]]:
        """Look at the faces of a frame that are due; return those looks, each with its path."""
        number, self._frames = self._frames, self._frames + 1
        taken = []
        for path in paths:
            if path.last.frame != number or path.last.box.size < self._pace.least_size:
                continue
            seen = self._seen.setdefault(path.number, _Seen())
            if 0 <= frame.time_s - seen.last_s < self._pace.every_s:
                continue
            look = self._looker.look(frame, path)
            if look is not None:
                seen.last_s = frame.time_s
                seen.looks = list(best_of([*seen.looks, look], self._pace.best))
                taken.append((path, look))
        return taken

    def of(self, path: FacePath) -> list[Look]:
        """Return the best looks at a path, none where none said something."""
        seen = self._seen.get(path.number)
        return [] if seen is None else seen.looks
