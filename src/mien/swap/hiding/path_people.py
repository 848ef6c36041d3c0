"""People of the paths of a film: looks while it is searched, and the paths that show one person."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

from mien.swap.hiding.face_path import FacePath
from mien.swap.hiding.path_look import PathLooker
from mien.swap.people.clusters import clusters_of
from mien.swap.people.look import Look, best_of
from mien.swap.people.template import Template, template_of
from mien.types import Frame


@dataclass(frozen=True, slots=True)
class PathPeopleTuning:
    """Pace of the looks; not measured, a look takes 25 ms."""

    every_s: float = 0.4
    best: int = 12
    """Looks of a path that are remembered."""
    least_size: float = 40.0
    """Pixels below which a look says nothing, so that none is taken."""
    samples: int = 6
    """Looks of a person at which a new face is tried."""
    together: int = 8
    """Frames in which two faces are seen at once, from which they are two people."""


TUNING = PathPeopleTuning()


@dataclass(frozen=True, slots=True)
class PathPerson:
    """A person of a film, numbered from 1 in order of appearance.

    `paths` are the numbers of the person's paths, `template` the person's own looks (None = none says enough), `samples`
    numbers of paths and frames to try a new face at, best first.
    """

    number: int
    paths: tuple[int, ...]
    template: Template | None
    samples: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class _Seen:
    looks: list[Look] = field(default_factory=list)
    last_s: float = float("-inf")


class PathPeople:
    """Watches a search to tell the people of its paths apart. Give `see` every frame, in order."""

    def __init__(self, looker: PathLooker, tuning: PathPeopleTuning = TUNING) -> None:
        self._looker = looker
        self._tuning = tuning
        self._seen: dict[int, _Seen] = {}
        self._frames = 0

    def see(self, frame: Frame, paths: Sequence[FacePath]) -> None:
        """Take looks at the faces of a frame that are due."""
        number, self._frames = self._frames, self._frames + 1
        for path in paths:
            if path.last.frame != number or path.last.box.size < self._tuning.least_size:
                continue
            seen = self._seen.setdefault(path.number, _Seen())
            if 0 <= frame.time_s - seen.last_s < self._tuning.every_s:
                continue
            look = self._looker.look(frame, path)
            if look is not None:
                seen.last_s = frame.time_s
                seen.looks = list(best_of([*seen.looks, look], self._tuning.best))

    def people(self, paths: Sequence[FacePath], times: Sequence[float]) -> tuple[PathPerson, ...]:
        """Return the people of these paths; `times` in seconds are those of the frames.

        A path without a look that says something is a person of its own.
        """
        ordered = sorted(paths, key=lambda path: (path.first.frame, path.number))
        looks = [self._seen.get(path.number, _Seen()).looks for path in ordered]
        known = [(index, mean) for index, each in enumerate(looks) if (mean := template_of(each)) is not None]
        apart = [
            (a, b) for a, b in combinations(range(len(known)), 2) if self._together(ordered[known[a][0]], ordered[known[b][0]])
        ]
        below = self._looker.recogniser.limits.cluster
        clusters = [[known[each][0] for each in one] for one in clusters_of([each for _, each in known], below, apart)]
        clusters += [[index] for index in range(len(ordered)) if not looks[index]]
        people = []
        for number, cluster in enumerate(sorted(clusters), 1):
            found = [(look, ordered[index].number) for index in cluster for look in looks[index]]
            best = best_of([look for look, _ in found], self._tuning.samples)
            of_path = {id(look): path for look, path in found}
            samples = tuple((of_path[id(look)], bisect_left(times, look.time_s)) for look in best)
            template = template_of([look for look, _ in found])
            people.append(PathPerson(number, tuple(ordered[index].number for index in cluster), template, samples))
        return tuple(people)

    def _together(self, a: FacePath, b: FacePath) -> bool:
        if a.first.frame > b.last.frame or b.first.frame > a.last.frame:
            return False
        return len(set(a.frames) & set(b.frames)) >= min(self._tuning.together, len(a), len(b))
