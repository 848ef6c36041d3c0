"""Casting: the roles of the tracked faces of a stream, frame by frame."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mien.swap.cast import Cast, Choice, Role, Roles
from mien.swap.people.identities import UNKNOWN, Identities, Identity, Wanted
from mien.swap.tracking.box import FaceBox
from mien.types import Frame, TrackedFace


@dataclass(frozen=True, slots=True)
class ChoiceTuning:
    """Choice of one face; chosen by eye."""

    better: float = 1.5
    """Factor by which a face must be larger, or nearer to the middle, to take over: the choice must not jump."""
    rest: float = 0.05
    """Share of the picture's width within which all places are the middle."""
    gone_s: float = 1.0
    """Seconds after which a chosen face that is not seen gives way."""


TUNING = ChoiceTuning()


@dataclass(frozen=True, slots=True)
class CastFrame:
    """Roles of the faces of one frame, and who they are, by `track_id`."""

    roles: Roles
    who: dict[int, Identity]

    @property
    def names(self) -> dict[int, str]:
        """Return the names of the faces that are members'."""
        return {number: each.person.name for number, each in self.who.items() if each.person is not None}

    def may_be_seen(self, track_id: int) -> bool:
        """Return True for a face that wears nothing on purpose: it is covered, a member's own, or surely no member's.

        A face that is not recognised yet may be one that must not be seen.
        """
        role = self.roles.get(track_id)
        return role in {"blur", "cover"} or (role == "leave" and self.who.get(track_id, UNKNOWN).certainty != "unknown")


class Casting:
    """Gives each face of a stream its role; give it every frame, in order. `looks_a_frame` as in `Identities`.

    Without members in the cast nobody is looked at, and nothing is remembered.
    """

    def __init__(self, looks_a_frame: int | None = 1) -> None:
        self._most = looks_a_frame
        self._identities: Identities | None = None
        self._cast: Cast | None = None
        self._people: tuple[Wanted, ...] = ()
        self._chooser = Chooser()
        self._count = -1

    @property
    def identities(self) -> Identities | None:
        """Return the identities of the stream; None while the cast has no members."""
        return self._identities

    def see(self, frame: Frame, faces: Sequence[TrackedFace], cast: Cast) -> int:
        """Take the next frame with its tracked faces; return its number, by which its roles are asked for."""
        self._count += 1
        if cast is not self._cast:
            people = tuple(member.person for member in cast.members)
            # Another cast of the same people, as after every change of a setting, changes no decision.
            self._cast, self._people = cast, self._people if people == self._people else people
        if cast.recogniser is None or not cast.members:
            self._identities = None
            return self._count
        if self._identities is None or self._identities.recogniser is not cast.recogniser:
            self._identities = Identities(cast.recogniser, self._most, first=self._count)
        self._identities.update(frame, faces, self._people)
        return self._count

    def is_left(self, track_id: int, cast: Cast, count: int, time_s: float) -> bool:
        """Return True when a track shows its own face, by what is known by now of the frame of this number and time."""
        person = None if self._identities is None else self._identities.who(track_id, count, time_s).person
        return next((member.role for member in cast.members if member.person is person), cast.others) == "leave"

    def roles(self, frame: Frame, faces: Sequence[TrackedFace], cast: Cast, count: int) -> CastFrame:
        """Return the roles in a frame that was seen, by what is known by now; frames are asked for in order."""
        found = self._identities
        known = {} if found is None else {face.track_id: found.who(face.track_id, count, frame.time_s) for face in faces}
        members = {member.person: member.role for member in cast.members}
        own: dict[int, Role] = {
            number: members[identity.person] for number, identity in known.items() if identity.person in members
        }
        rest = [face for face in faces if face.track_id not in own]
        chosen = {face.track_id for face in rest} if cast.choice == "all" else self._chooser.choose(frame, rest, cast.choice)
        common: Role = cast.others if cast.everyone is None else cast.everyone
        other: dict[int, Role] = {face.track_id: common if face.track_id in chosen else cast.others for face in rest}
        return CastFrame({**own, **other}, known)


class Chooser:
    """Choice of one face of a stream, kept while the face is in sight and no other one is much better."""

    def __init__(self) -> None:
        self._chosen: int | None = None
        self._seen_s = 0.0

    def choose(self, frame: Frame, faces: Sequence[TrackedFace], choice: Choice) -> set[int]:
        """Return the `track_id` of the chosen face; nothing while it is out of sight for a moment."""
        worth = {face.track_id: _worth(frame, face, choice) for face in faces}
        best = max(worth, key=lambda number: (worth[number], -number), default=None)
        held = self._chosen is not None and 0 <= frame.time_s - self._seen_s <= TUNING.gone_s
        if self._chosen in worth:
            assert best is not None
            if worth[best] > TUNING.better * worth[self._chosen]:
                self._chosen = best
        elif not held:
            self._chosen = best
        if self._chosen in worth:
            self._seen_s = frame.time_s
        return {self._chosen} if self._chosen is not None and self._chosen in worth else set()


def _worth(frame: Frame, face: TrackedFace, choice: Choice) -> float:
    height, width = frame.image.shape[:2]
    box = FaceBox.of_points(face.landmarks.points)
    if choice == "largest":
        return box.size
    distance = math.hypot(box.x - width / 2, box.y - height / 2)
    return 1 / max(distance, TUNING.rest * float(width))
