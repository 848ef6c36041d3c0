"""People whose faces stay: looks at the paths while a film is searched, and the frames in which a path is surely one of them.

A face stays only from one sure look to the next. Small, turned and unknown faces, and those of anybody else, are covered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mien.contracts import Landmarker, Recogniser
from mien.swap.hiding.face_path import FacePath
from mien.swap.hiding.path_look import PathLooker
from mien.swap.people.identities import Wanted
from mien.swap.people.look import Look, best_of
from mien.swap.people.template import Template, is_surely, template_of, template_of_photo
from mien.swap.tracking.rotated_detector import RotatedSearch
from mien.types import Frame

Span = tuple[int, int]
"""First and last frame."""


@dataclass(frozen=True, slots=True)
class KeptTuning:
    """Pace of the looks; not measured, a look takes 25 ms."""

    every_s: float = 0.4
    most_apart_s: float = 1.5
    """A face stays between two sure looks that are not farther apart than this."""
    least_size: float = 40.0
    """Pixels below which a look says nothing, so that none is taken."""
    least_looks: int = 2
    best: int = 12
    """Looks of a path that are remembered whole."""


TUNING = KeptTuning()


@dataclass(slots=True)
class _Seen:
    looks: list[Look] = field(default_factory=list)
    near: list[tuple[int, tuple[float, ...]]] = field(default_factory=list)
    """Frames, and distances of single looks to each of the people."""
    last_s: float = float("-inf")


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
        self._looker = PathLooker(landmarker, recogniser, close)
        self._tuning = tuning
        self._seen: dict[int, _Seen] = {}
        self._frames = 0

    def see(self, frame: Frame, paths: Sequence[FacePath]) -> None:
        """Take looks at the faces of a frame that are due."""
        number, self._frames = self._frames, self._frames + 1
        for path in paths:
            last = path.last
            if last.frame != number or last.box.size < self._tuning.least_size:
                continue
            seen = self._seen.setdefault(path.number, _Seen())
            if 0 <= frame.time_s - seen.last_s < self._tuning.every_s:
                continue
            look = self._looker.look(frame, path)
            if look is not None:
                seen.last_s = frame.time_s
                alone = template_of_photo(look.descriptor)
                seen.near.append((number, tuple(_distance(alone, person) for person in self._people)))
                seen.looks = list(best_of([*seen.looks, look], self._tuning.best))

    def spans(self, paths: Sequence[FacePath], times: Sequence[float]) -> Mapping[int, Sequence[Span]]:
        """Return, by the number of each path that shows one of the people, the frames in which its face stays."""
        found = {path.number: self._of_path(path, times) for path in paths}
        return {number: spans for number, spans in found.items() if spans}

    def _of_path(self, path: FacePath, times: Sequence[float]) -> list[Span]:
        seen, limits = self._seen.get(path.number), self._recogniser.limits
        template = None if seen is None else template_of(seen.looks)
        if seen is None or template is None:
            return []
        sure = [number for number, each in enumerate(self._people) if is_surely(template, each.templates, limits)]
        if len(times) == 1:
            return [(0, 0)] if any(self._people[number].may_be(times[0]) for number in sure) else []
        spans: list[Span] = []
        for (first, near), (last, next_near) in zip(seen.near, seen.near[1:], strict=False):
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
