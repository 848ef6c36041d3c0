"""Identities of the tracks of a stream: who each tracked face is, decided on the track, seldom, and with memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Literal

import cv2
import numpy as np

from mien.contracts import Recogniser
from mien.imaging import geometry
from mien.swap.people.look import TUNING as LOOK
from mien.swap.people.look import Look, best_of, look_at, weight_of_face
from mien.swap.people.template import Template, template_of
from mien.swap.tracking.box import FaceBox
from mien.types import Floats, Frame, IdentityLimits, Image, TrackedFace


@dataclass(frozen=True, slots=True)
class IdentityTuning:
    """Times of looks, and what makes an identity sure. Distances are those of the recogniser."""

    check_s: float = 2.0
    """Seconds between two looks at a track that is decided; a look takes some 25 ms."""
    again_s: tuple[float, ...] = (0.1, 0.1, 0.4)
    """Seconds from an undecided look to the next one, in turn; then `check_s`."""
    met: float = 1.0
    """Distance of two faces, in sizes of the smaller one, below which their tracks may be exchanged."""
    margin: float = 1 / 9
    """Lead that the nearest person must have over any other one, as a share of the limit `protect`: 0.05 for `face_id_128`;
    0.43 is the least distance between two people of the twelve clips that were measured, 0.34 the largest of one."""
    other: float = 2 / 9
    """Distance beyond the limit for photos, in the same shares, from which a look does not show the person that it was."""
    alike: float = 0.8
    """Correlation of the grey levels of a face in two frames running below which it may be another person's: 0.90 and more in
    the same track of twelve clips, below 0.8 in 95 % of pairs of different clips."""
    side: int = 16
    """Pixels of the small grey pictures that are compared."""
    kept_looks: int = 12
    """Looks of a track that are remembered: bounds memory."""
    forgotten_frames: int = 90
    """Frames after which a track that is not seen is forgotten: no tracker revives it, and no frame waits as long."""


TUNING = IdentityTuning()
Certainty = Literal["known", "stranger", "unknown"]
"""Known: surely this person. Stranger: surely none of those wanted. Unknown: not looked at yet, or doubtful."""


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """A person to find, by the `templates` of photos or earlier tracks.

    `not_in_s` are parts of the stream, in seconds, in which no face is this person's.
    """

    name: str
    templates: tuple[Template, ...]
    not_in_s: tuple[tuple[float, float], ...] = ()

    def may_be(self, time_s: float) -> bool:
        """Return False at a time that is struck out for this person."""
        return not any(start_s <= time_s <= end_s for start_s, end_s in self.not_in_s)

    def on_clock(self, zero_s: float) -> "Wanted":
        """Return the person for a stream whose clock shows `zero_s` at the time 0 of `not_in_s`."""
        return replace(self, not_in_s=tuple((start_s + zero_s, end_s + zero_s) for start_s, end_s in self.not_in_s))


@dataclass(frozen=True, slots=True)
class Identity:
    """Identity of a track; `person` is set when `certainty` is known."""

    certainty: Certainty = "unknown"
    person: Wanted | None = None


UNKNOWN = Identity()
STRANGER = Identity("stranger")


@dataclass(slots=True)
class _Track:
    """One track: `looks` since its last event, at frame `since`, `log` the identities by the frame from which each holds.

    `due_s` is when the next look is due; `tries` counts the looks that decided nothing. `closest` is the least distance, and
    its frame, of a meeting that is going on. `sure` is the frame of the last look that decided, `levels` are the grey levels
    of the face in the last frame.
    """

    since: int
    due_s: float
    seen: int
    looks: list[Look] = field(default_factory=list)
    log: list[tuple[int, Identity]] = field(default_factory=list)
    tries: int = 0
    closest: tuple[float, int] | None = None
    sure: int = -1
    suspected: bool = False
    levels: Floats | None = None

    @property
    def now(self) -> Identity:
        return self.log[-1][1] if self.log else UNKNOWN

    def at(self, count: int) -> Identity:
        return next((identity for since, identity in reversed(self.log) if since <= count), UNKNOWN)

    def restart(self, count: int, time_s: float) -> None:
        """Let nothing that was seen before decide any more."""
        self.since, self.due_s, self.looks, self.tries = count, time_s, [], 0

    def decide(self, identity: Identity) -> None:
        """Let an identity hold from the last event on."""
        self.log = [entry for entry in self.log if entry[0] < self.since]
        if identity is not self.now:
            self.log.append((self.since, identity))
        self.tries = 0


class Identities:
    """Identities of the faces of one stream; give it every frame, in order, and ask for that frame or, later, for earlier ones.

    A track is looked at when it is born, after it met another one, after it was lost, when it suddenly looks otherwise, and
    every two seconds. At most
    `looks_a_frame` looks are taken in a frame, the oldest due first; None = all, for a single picture. `first` is the number of
    the first frame. A doubtful look changes
    nothing. A decision holds from the event on that made it necessary, also for frames that were seen before it: a caller
    that asks some frames later hears more. Who was surely known is found again by what was seen of them here, too.
    """

    def __init__(self, recogniser: Recogniser, looks_a_frame: int | None = 1, *, first: int = 0) -> None:
        self.recogniser = recogniser
        self._most = looks_a_frame
        self._people: tuple[Wanted, ...] = ()
        self._tracks: dict[int, _Track] = {}
        self._gathered: dict[Wanted, Template] = {}
        self._struck: tuple[Wanted, ...] = ()
        self._count = first - 1

    def update(self, frame: Frame, faces: Sequence[TrackedFace], people: tuple[Wanted, ...]) -> None:
        """Take the next frame and its tracked faces; `people` may change from frame to frame."""
        self._count += 1
        self._note_tracks(faces, frame.time_s)
        self._note_changes(frame, faces)
        if people is not self._people:
            self._want(people, frame.time_s)
        self._note_struck(frame.time_s)
        size_wh = frame.image.shape[1], frame.image.shape[0]
        due = [
            (self._tracks[face.track_id].due_s, face.track_id, face)
            for face in faces
            if self._is_due(self._tracks[face.track_id], frame.time_s) and weight_of_face(face, size_wh)
        ]
        for _, number, face in sorted(due, key=lambda each: each[:2])[: self._most]:
            look = look_at(self.recogniser, frame.image, face, frame.time_s)
            if look is not None:
                self._take(self._tracks[number], look)

    def who(self, track_id: int, count: int, time_s: float) -> Identity:
        """Return who a track is in the frame of this number and time, as far as it is known now."""
        track = self._tracks.get(track_id)
        found = UNKNOWN if track is None else track.at(count)
        return found if found.person is None or found.person.may_be(time_s) else STRANGER

    def template(self, track_id: int) -> Template | None:
        """Return the template of what was seen of a track, None without a usable look."""
        track = self._tracks.get(track_id)
        return None if track is None else template_of(track.looks)

    def _is_due(self, track: _Track, time_s: float) -> bool:
        # Time may jump back where a stream is cut together.
        return (time_s >= track.due_s or time_s < track.due_s - TUNING.check_s) and (track.closest is None or not track.log)

    def _note_tracks(self, faces: Sequence[TrackedFace], time_s: float) -> None:
        """Note births, revivals and meetings."""
        for face in faces:
            track = self._tracks.get(face.track_id)
            if track is None:
                self._tracks[face.track_id] = _Track(self._count, time_s, self._count)
            else:
                if track.seen < self._count - 1:
                    track.restart(self._count, time_s)
                track.seen = self._count
        nearest = _meetings(faces)
        for face in faces:
            track, distance = self._tracks[face.track_id], nearest.get(face.track_id)
            if distance is not None:
                track.closest = min(track.closest or (distance, self._count), (distance, self._count))
            elif track.closest is not None:
                track.restart(track.closest[1], time_s)
                track.closest = None
        oldest = self._count - TUNING.forgotten_frames
        self._tracks = {number: track for number, track in self._tracks.items() if track.seen >= oldest}

    def _note_changes(self, frame: Frame, faces: Sequence[TrackedFace]) -> None:
        """Note faces that suddenly look otherwise: a cut before the same room leaves their tracks going on."""
        for face in faces:
            track, levels = self._tracks[face.track_id], _levels_of(frame.image, face)
            before, track.levels = track.levels, levels
            if before is None or levels is None or track.closest is not None:
                # The end of a meeting is an event of its own.
                continue
            if float((before * levels).sum()) < TUNING.alike:
                # An event before it that nothing has decided yet is still open.
                track.restart(self._count if track.sure >= track.since else track.since, frame.time_s)

    def _note_struck(self, time_s: float) -> None:
        """Forget the looks at people whose struck out time begins or ends: they say nothing about the other side."""
        struck = tuple(person for person in self._people if not person.may_be(time_s))
        changed, self._struck = {*struck} ^ {*self._struck}, struck
        for track in self._tracks.values():
            if changed and (track.now.person is None or track.now.person in changed):
                track.restart(self._count, time_s)

    def _want(self, people: tuple[Wanted, ...], time_s: float) -> None:
        """Look for other people from now on; what was seen of the tracks decides at once."""
        self._people = people
        self._gathered = {person: template for person, template in self._gathered.items() if person in people}
        for track in self._tracks.values():
            looks = track.looks
            track.restart(self._count, time_s)
            track.log.append((self._count, UNKNOWN))
            for look in looks:
                self._take(track, look)

    def _take(self, track: _Track, look: Look) -> None:
        """Add a look to its track, and decide."""
        before = track.now
        if before.person is not None and not track.suspected and track.looks and self._is_strange(look, before.person):
            # A track may pass on to another person without a sign; one look more has to agree.
            track.suspected = True
            track.restart(max(track.since, track.sure + 1), look.time_s)
        track.looks = [*best_of(track.looks, TUNING.kept_looks - 1), look]
        found = self._judge(track, look)
        if found is None or (found.person is None and before.person is not None and len(track.looks) < 2):
            pause = TUNING.again_s[track.tries] if track.tries < len(TUNING.again_s) else TUNING.check_s
            track.due_s, track.tries = look.time_s + pause, track.tries + 1
            return
        track.suspected, track.sure = False, self._count
        track.decide(found)
        track.due_s = look.time_s + (TUNING.check_s if len(track.looks) >= LOOK.best else TUNING.again_s[-1])
        if found.person is not None and len(track.looks) >= LOOK.best:
            self._gather(found.person, track)

    def _judge(self, track: _Track, look: Look) -> Identity | None:
        """Return who a track surely is; None in doubt."""
        template = template_of(track.looks)
        if template is None or not self._people:
            return STRANGER if template is not None else None
        limits, near = self.recogniser.limits, self._distances(template, look.time_s)
        person, ratio = min(near.items(), key=lambda each: each[1], default=(None, float("inf")))
        second = min((other for wanted, other in near.items() if wanted is not person), default=float("inf"))
        taken = any(
            other is not track and other.seen == self._count and other.now.person is person for other in self._tracks.values()
        )
        limit = limits.cluster / limits.protect if taken else 1.0
        if person is not None and ratio < limit and second - ratio >= TUNING.margin:
            return Identity("known", person) if track.now.person is not person else track.now
        return STRANGER if ratio >= limits.photo / limits.protect + TUNING.margin else None

    def _distances(self, template: Template, time_s: float) -> dict[Wanted, float]:
        """Return the distance of each person who may be here, in limits: below 1 it is surely them."""
        found = {}
        for person in self._people:
            if person.may_be(time_s):
                own = self._gathered.get(person)
                known = person.templates if own is None else (*person.templates, own)
                found[person] = min(_in_limits(template, each, self.recogniser.limits) for each in known)
        return found

    def _is_strange(self, look: Look, person: Wanted) -> bool:
        single = template_of([look])
        limits = self.recogniser.limits
        farthest = limits.photo / limits.protect + TUNING.other
        return single is not None and self._distances(single, look.time_s).get(person, float("inf")) >= farthest

    def _gather(self, person: Wanted, track: _Track) -> None:
        """Keep the first sure template of a person in this stream: it has the stream's own light."""
        template = template_of(track.looks)
        if person not in self._gathered and template is not None:
            self._gathered[person] = template


def _in_limits(template: Template, known: Template, limits: IdentityLimits) -> float:
    """Return a distance as a multiple of the limit that belongs to its kind: means of several looks are nearer."""
    limit = limits.cluster if template.looks > 1 and known.looks > 1 else limits.protect
    return template.distance(known) / limit


def _meetings(faces: Sequence[TrackedFace]) -> Mapping[int, float]:
    """Return for each face that is near another one its least distance, in sizes of the smaller face."""
    boxes = {face.track_id: FaceBox.of_points(face.landmarks.points) for face in faces}
    found: dict[int, float] = {}
    for (a, one), (b, other) in combinations(boxes.items(), 2):
        smaller, larger = sorted((one, other), key=lambda box: box.size)
        distance = smaller.distance(larger)
        if distance < TUNING.met:
            found[a], found[b] = min(found.get(a, distance), distance), min(found.get(b, distance), distance)
    return found


def _levels_of(image: Image, face: TrackedFace) -> Floats | None:
    """Return the face of a BGR picture as a small grey one, float32, of mean 0 and length 1; None without any contrast."""
    left, top, right, bottom = geometry.clipped_box(geometry.box_of(face.landmarks.points), image.shape[1], image.shape[0])
    if right - left < TUNING.side // 2 or bottom - top < TUNING.side // 2:
        return None
    part = np.ascontiguousarray(image[top:bottom, left:right])
    small = cv2.resize(part, (TUNING.side, TUNING.side), interpolation=cv2.INTER_AREA)
    levels = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.float32)
    levels -= levels.mean()
    length = float(np.linalg.norm(levels))
    return np.asarray(levels / length, np.float32) if length > 1.0 else None
