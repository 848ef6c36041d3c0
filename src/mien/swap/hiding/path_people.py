"""People of the paths of a film: looks while it is searched, and the paths that show one person."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from mien.swap.hiding.face_path import FacePath
from mien.swap.hiding.path_look import PathLooker
from mien.swap.hiding.path_looks import PACE, LookPace, PathLooks
from mien.swap.people.clusters import clusters_of
from mien.swap.people.look import best_of
from mien.swap.people.template import Template, template_of
from mien.types import Frame


@dataclass(frozen=True, slots=True)
class PathPeopleTuning:
    """Looks at the people of paths."""

    pace: LookPace = PACE
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


class PathPeople:
    """Watches a search to tell the people of its paths apart. Give `see` every frame, in order."""

    def __init__(self, looker: PathLooker, tuning: PathPeopleTuning = TUNING) -> None:
        self._looker = looker
        self._looks = PathLooks(looker, tuning.pace)
        self._tuning = tuning

    def see(self, frame: Frame, paths: Sequence[FacePath]) -> None:
        """Take looks at the faces of a frame that are due."""
        self._looks.see(frame, paths)

    def people(self, paths: Sequence[FacePath], times: Sequence[float]) -> tuple[PathPerson, ...]:
        """Return the people of these paths; `times` in seconds are those of the frames.

        A path without a look that says something is a person of its own.
        """
        ordered = sorted(paths, key=lambda path: (path.first.frame, path.number))
        looks = [self._looks.of(path) for path in ordered]
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
