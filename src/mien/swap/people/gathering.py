"""Gathering of the people of films: tracked faces in, frame by frame, people out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from mien.contracts import Recogniser
from mien.errors import UsageError
from mien.swap.people.appearance import Appearance, view_of
from mien.swap.people.clusters import clusters_of
from mien.swap.people.look import best_of, look_at, weight_of_face
from mien.swap.people.roster import Person, Stretch
from mien.swap.people.template import template_of_photo
from mien.types import Frame, TrackedFace


@dataclass(frozen=True, slots=True)
class GatheringTuning:
    """Appearances of people."""

    side_by_side: int = 8
    """Frames in which two faces are seen at once, from which they are two people: a track may be doubled for a frame or two. A
    picture has one."""
    near: float = 1.0
    """Distance of two faces, in heights of the larger, below which their tracks may change places."""
    joined_s: float = 1.0
    """Gap in the times of a person that is not worth reporting."""
    looks: int = 12
    """Looks of a person that are recorded, so that some remain when others are struck out."""
    views: int = 3
    """Pictures of a card."""
    most: int = 5000
    """Appearances in one gathering; bounds memory: three matrices of 200 MB while they are clustered."""


TUNING = GatheringTuning()


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """A person, and the best views as JPEG pictures, best first. `key` stays the same while more of the films is read."""

    key: int
    person: Person
    pictures: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class FoundPeople:
    """People so far, longest in sight first, numbered from 1; `unknown` are the times of tracks without a usable look."""

    people: tuple[FoundPerson, ...]
    unknown: tuple[Stretch, ...]


@dataclass(slots=True)
class Gathering:
    """People of one or several films; give it every frame of each, in order, with the faces of the tracker.

    A descriptor is made when a track begins, again when it is seen better, when it came close to another one or came back, and
    every 2 s: some 25 ms each on one core. A track that another person has taken over is cut in two.
    """

    recogniser: Recogniser
    tuning: GatheringTuning = TUNING
    _film: int = field(default=-1, init=False)
    _seen: list[Appearance] = field(default_factory=list, init=False)
    _now: dict[int, int] = field(default_factory=dict, init=False)
    _together: Counter[tuple[int, int]] = field(default_factory=Counter, init=False)
    _frames: Counter[int] = field(default_factory=Counter, init=False)
    looks: int = field(default=0, init=False)
    """Descriptors made so far."""

    def start_film(self) -> None:
        """Begin the next film: its tracks are new ones."""
        self._film += 1
        self._now = {}

    def look(self, frame: Frame, faces: Sequence[TrackedFace], time_s: float, duration_s: float) -> None:
        """Take in a frame that is shown for `duration_s` at `time_s` from the start of its film; raises `UsageError`."""
        self._frames[self._film] += 1
        size_wh = frame.image.shape[1], frame.image.shape[0]
        present = []
        close = _close(faces, self.tuning.near)
        for face in faces:
            appearance = self._appearance(face.track_id, time_s)
            appearance.see(face.landmarks.points, size_wh, time_s, time_s + duration_s)
            if face.track_id in close:
                # In doubt when they part again: while they are close, one may hide the other.
                appearance.stirred = False
            if appearance.is_due(weight_of_face(face, size_wh), time_s):
                self._look(frame, face, appearance, time_s)
                appearance = self._seen[self._now[face.track_id]]
            appearance.stirred |= face.track_id in close
            present.append(self._now[face.track_id])
        self._together.update(combinations(sorted(present), 2))

    def _appearance(self, track_id: int, time_s: float) -> Appearance:
        if track_id not in self._now:
            self._now[track_id] = self._begin(Appearance(self._film, time_s))
        return self._seen[self._now[track_id]]

    def _begin(self, appearance: Appearance) -> int:
        if len(self._seen) >= self.tuning.most:
            raise UsageError(
                f"the films show faces more than {self.tuning.most} times",
                "look for people in fewer films, or in parts of them",
            )
        self._seen.append(appearance)
        return len(self._seen) - 1

    def _look(self, frame: Frame, face: TrackedFace, appearance: Appearance, time_s: float) -> None:
        look = look_at(self.recogniser, frame.image, face, time_s, self._film)
        if look is None:
            return
        self.looks += 1
        view = view_of(frame.image, look)
        known, odd = appearance.template(), appearance.odd
        limits = self.recogniser.limits
        seen = template_of_photo(look.descriptor)
        appearance.odd = None
        # A single look may be the bad one of the two.
        if known is None or known.looks < 2 or known.distance(seen) < limits.photo:
            appearance.add(view)
        elif odd is None or float(np.linalg.norm(odd.look.descriptor - look.descriptor)) >= limits.protect:
            appearance.doubt(view)
        else:
            appearance.end_s = min(appearance.end_s, odd.look.time_s)
            other = Appearance(self._film, odd.look.time_s)
            self._now[face.track_id] = self._begin(other)
            other.see(face.landmarks.points, (frame.image.shape[1], frame.image.shape[0]), odd.look.time_s, time_s)
            for each in (odd, view):
                other.add(each)

    def people(self) -> FoundPeople:
        """Return the people so far; the more has been seen, the surer."""
        known = [number for number, each in enumerate(self._seen) if each.views]
        places = {number: place for place, number in enumerate(known)}
        templates = [template for number in known if (template := self._seen[number].template()) is not None]
        apart = [
            (places[a], places[b])
            for (a, b), frames in self._together.items()
            if a in places and b in places and frames >= self._surely_together(self._seen[a].film)
        ]
        clusters = clusters_of(templates, self.recogniser.limits.cluster, apart)
        found = [self._person([known[place] for place in cluster]) for cluster in clusters]
        found.sort(key=lambda each: (-each.person.seconds, -len(each.person.stretches), each.key))
        unknown = [Stretch(each.film, each.start_s, each.end_s) for each in self._seen if not each.views]
        return FoundPeople(
            tuple(_numbered(each, number) for number, each in enumerate(found, 1)), tuple(joined(unknown, TUNING.joined_s))
        )

    def _surely_together(self, film: int) -> int:
        return 1 if self._frames[film] == 1 else self.tuning.side_by_side

    def _person(self, numbers: Sequence[int]) -> FoundPerson:
        parts = [self._seen[number] for number in numbers]
        every = [view for part in parts for view in part.views]
        looks = best_of([view.look for view in every], TUNING.looks)
        pictures = [view.picture for look in looks[: TUNING.views] for view in every if view.look is look]
        frames = max(sum(part.frames for part in parts), 1)
        person = Person(
            0,
            looks,
            tuple(joined([Stretch(part.film, part.start_s, part.end_s) for part in parts], TUNING.joined_s)),
            sum(part.area for part in parts) / frames,
            sum(part.heights for part in parts) / frames,
        )
        return FoundPerson(numbers[0], person, tuple(pictures))


def _close(faces: Sequence[TrackedFace], near: float) -> set[int]:
    """Return the tracks whose faces are near to another one."""
    places = [
        (face.track_id, face.landmarks.points[:, :2].mean(0), float(np.ptp(face.landmarks.points[:, 1]))) for face in faces
    ]
    return {
        number
        for (a, a_xy, a_size), (b, b_xy, b_size) in combinations(places, 2)
        if float(np.linalg.norm(a_xy - b_xy)) < near * max(a_size, b_size)
        for number in (a, b)
    }


def _numbered(found: FoundPerson, number: int) -> FoundPerson:
    return replace(found, person=replace(found.person, number=number))


def joined(stretches: Sequence[Stretch], gap_s: float) -> list[Stretch]:
    """Return the stretches in order, with those that overlap, or are nearer than `gap_s`, made one."""
    found: list[Stretch] = []
    for each in sorted(stretches, key=lambda each: (each.film, each.start_s, each.end_s)):
        if found and found[-1].film == each.film and each.start_s - found[-1].end_s < gap_s:
            found[-1] = replace(found[-1], end_s=max(found[-1].end_s, each.end_s))
        else:
            found.append(each)
    return found
