"""People whose faces stay: looks at the paths while a film is searched, and the frames in which a path is surely one of them.

A face stays only from one sure look to the next. Small, turned and unknown faces, and those of anybody else, are covered.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mien.contracts import Landmarker, Recogniser
from mien.swap.hiding.face_path import FacePath
from mien.swap.hiding.path_look import PathLooker
from mien.swap.hiding.path_looks import PACE, LookPace, PathLooks
from mien.swap.people.identities import Wanted
from mien.swap.people.template import Template, is_surely, template_of, template_of_photo
from mien.swap.tracking.rotated_detector import RotatedSearch
from mien.types import Frame

Span = tuple[int, int]
"""First and last frame."""


@dataclass(frozen=True, slots=True)
class KeptTuning:
    """Looks that keep a face visible."""

    pace: LookPace = PACE
    most_apart_s: float = 1.5
    """A face stays between two sure looks that are not farther apart than this. Not measured."""


TUNING = KeptTuning()


class KeptPeople:
    """Watches a search for these people. Give `see` every frame, in order.

    Nobody stays at a time that is struck out for them: then the face is somebody else's, however alike.
    """

    def __init__(
        self,
        people: Sequence[Wanted],
        landmarker: Landmarker,
        recogniser: Recogniser,
        close: RotatedSearch,
        tuning: KeptTuning = TUNING,
    ) -> None:
        self._people = tuple(people)
        self._recogniser = recogniser
        self._looks = PathLooks(PathLooker(landmarker, recogniser, close), tuning.pace)
        self._tuning = tuning
        self._near: defaultdict[int, list[tuple[int, tuple[float, ...]]]] = defaultdict(list)
        """Frames of each path, and distances of single looks to each of the people."""

    def see(self, frame: Frame, paths: Sequence[FacePath]) -> None:
        """Take looks at the faces of a frame that are due."""
        for path, look in self._looks.see(frame, paths):
            alone = template_of_photo(look.descriptor)
            self._near[path.number].append((path.last.frame, tuple(_distance(alone, person) for person in self._people)))

    def spans(self, paths: Sequence[FacePath], times: Sequence[float]) -> Mapping[int, Sequence[Span]]:
        """Return, by the number of each path that shows one of the people, the frames in which its face stays."""
        found = {path.number: self._of_path(path, times) for path in paths}
        return {number: spans for number, spans in found.items() if spans}

    def _of_path(self, path: FacePath, times: Sequence[float]) -> list[Span]:
        template, limits, looks = template_of(self._looks.of(path)), self._recogniser.limits, self._near[path.number]
        if template is None:
            return []
        sure = [number for number, each in enumerate(self._people) if is_surely(template, each.templates, limits)]
        if len(times) == 1:
            return [(0, 0)] if any(self._people[number].may_be(times[0]) for number in sure) else []
        spans: list[Span] = []
        for (first, near), (last, next_near) in pairwise(looks):
            stays = times[last] - times[first] <= self._tuning.most_apart_s and any(
                max(near[number], next_near[number]) < limits.photo and self._may_be(number, times[first : last + 1])
                for number in sure
            )
            if stays and spans and spans[-1][1] == first:
                spans[-1] = spans[-1][0], last
            elif stays:
                spans.append((first, last))
        return spans

    def _may_be(self, number: int, times: Sequence[float]) -> bool:
        return all(self._people[number].may_be(time_s) for time_s in times)


def _distance(look: Template, person: Wanted) -> float:
    return min(look.distance(each) for each in person.templates)
