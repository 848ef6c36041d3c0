"""The main path of a frame, one line a stage; no threads, no files, no clock."""

from collections import Counter, deque
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mien.errors import TooManyFaces, UsageError
from mien.settings import Settings
from mien.swap.cast import Cast, Roles, Treatment, personas_of
from mien.swap.casting import Casting
from mien.swap.hidden_heads import ComingHead, HiddenHeads, WaitingFrame, coming_heads
from mien.swap.parts import Border
from mien.swap.persona import Persona, Retouch
from mien.swap.stages.compose import compose
from mien.swap.stages.cover import HeadRegion
from mien.swap.stages.harmonise import harmonise
from mien.swap.stages.make_patches import make_patches
from mien.swap.stages.match_grain import match_grain
from mien.swap.stages.nearer_faces import cut_nearer
from mien.swap.stages.occluders import cut_occluders
from mien.swap.stages.own_beard import behind_own_beard
from mien.swap.stages.own_glasses import take_off_glasses, takes_glasses_off
from mien.swap.stages.own_parts import preserve_own_parts
from mien.swap.stages.reshape import reshape_each
from mien.swap.stream_memory import StreamMemory
from mien.swap.stream_state import stream_bytes
from mien.swap.tracking.tracker import Tracker
from mien.system.object_bytes import ObjectBytes
from mien.types import Frame, FrameResult, TrackedFace


@dataclass(frozen=True, slots=True)
class SeenFrame:
    """A frame whose faces are tracked and observed, and have their roles; its picture is not changed yet.

    `names` are those of the members of the cast who are in it, by `track_id`. `beside` are heads, by `track_id`, that are
    hidden although their faces are found only in frames just before or after.
    """

    frame: Frame
    faces: tuple[TrackedFace, ...]
    roles: Roles
    names: Mapping[int, str] = field(default_factory=dict)
    beside: tuple[tuple[int, HeadRegion], ...] = ()


@dataclass(frozen=True, slots=True)
class AheadTuning:
    """Lead of tracking over the swap where members have to be found."""

    seconds: float = 0.5
    """A face that is recognised within this time is worn from its first frame on."""
    most_bytes: int = 200 << 20
    """Bounds memory: 70 frames of 720p, 8 of 4K."""


AHEAD = AheadTuning()


class Pipeline:
    """Swap of the faces of one stream of frames; the tracker and the memory know the frames before.

    Where others are hidden, a frame with as many faces as can be tracked raises `TooManyFaces`: one more may be there.
    `track` needs nothing of what `swap` makes: one thread may track the frames that come while another one swaps. Each of
    the two takes every frame, in order.
    """

    def __init__(
        self, tracker: Tracker, cast: Cast, settings: Settings, looks_a_frame: int | None = 1, secret: int | None = None
    ) -> None:  # fmt: skip
        self._memory = StreamMemory(still=looks_a_frame is None, secret=secret)
        self._looks_a_frame = looks_a_frame
        self._cast = cast
        self._settings = settings
        self._begin_tracking(tracker)
        self.worn_frames = Counter({each.person.name: 0 for each in cast.members if isinstance(each.role, Persona)})
        """Frames in which each member of the cast wore a persona, by name."""
        self.frames_with_faces = 0
        """Frames in which any face was found."""

    def swap_frame(self, frame: Frame, faces: tuple[TrackedFace, ...] | None = None) -> FrameResult:
        """Replace the faces of the frame, in place: the picture of `frame` is used up. `faces` as in `track`."""
        return self.swap(self.track(frame, faces))

    def track(self, frame: Frame, faces: tuple[TrackedFace, ...] | None = None) -> SeenFrame:
        """Return the faces of the frame and what is known of them; the picture is not changed.

        `faces` are those of the tracker where it has been given the frame before.
        """
        faces = self._tracker.update(frame) if faces is None else faces
        return self._observed(frame, faces, self._casting.see(frame, faces, self._cast))

    def track_all(self, frames: Iterable[Frame]) -> Iterator[SeenFrame]:
        """Yield each frame of the stream as `track` returns it, with the roles that are known half a second later."""
        for each in self.track_parts(frames):
            assert isinstance(each, SeenFrame)
            yield each

    def track_parts(self, items: Iterable[Frame | Border]) -> Iterator[SeenFrame | Border]:
        """Yield what `track_all` yields; a border comes back when all frames before it have been yielded.

        At that moment `tracking_bytes` tells all that the part needs, unless it is fresh: then nothing is known any more.
        """
        for item in items:
            if not isinstance(item, Border):
                self._track_ahead(item)
            elif item.fresh:
                yield from self._rest()
                self._begin_tracking(replace(self._tracker))
                yield item
            elif self._waiting:
                self._borders[item.pts] = item
            else:
                yield item
            yield from self._due()
        yield from self._rest()

    def _begin_tracking(self, tracker: Tracker) -> None:
        """Know nothing of the tracks of any frame before."""
        self._tracker = tracker
        self._memory.begin_tracking()
        self._casting = Casting(self._looks_a_frame)
        self._hidden = HiddenHeads()
        self._waiting: deque[WaitingFrame] = deque()
        self._tracked: deque[tuple[int, tuple[TrackedFace, ...], int, int]] = deque()
        self._borders: dict[int, Border] = {}

    def _track_ahead(self, frame: Frame) -> None:
        """Track a frame, unless that was done before this stream was interrupted."""
        if self._tracked:
            pts, faces, count, scene = self._tracked.popleft()
            if pts != frame.pts:
                raise _other_film()
            self._waiting.append(WaitingFrame(frame, faces, count, scene))
        else:
            faces = self._tracker.update(frame)
            self._waiting.append(WaitingFrame(frame, faces, self._casting.see(frame, faces, self._cast), self._tracker.scene))

    def _rest(self) -> Iterator[SeenFrame | Border]:
        """Yield all waiting frames: the stream, or its scene, is at its end."""
        if self._tracked:
            raise _other_film()
        yield from self._due(rest=True)

    def _due(self, *, rest: bool = False) -> Iterator[SeenFrame | Border]:
        """Yield the frames that have waited long enough, or the `rest` of them, too; a border comes before its frame."""
        while self._waiting and not self._tracked and (rest or self._has_waited()):
            border = self._borders.pop(self._waiting[0].frame.pts, None)
            if border is not None:
                yield border
            yield self._next(self._waiting)

    def _has_waited(self) -> bool:
        """Return True when what the next half second shows is known, or memory is full; nobody waits for nothing."""
        if not self._cast.members and self._cast.others == "leave":
            return True
        first, last = self._waiting[0].frame, self._waiting[-1].frame
        most = max(AHEAD.most_bytes // max(last.image.nbytes, 1), 1)
        return len(self._waiting) > most or not 0 <= last.time_s - first.time_s < AHEAD.seconds

    def tracking_bytes(self, about: Mapping[str, Any]) -> bytes:
        """Return all that is known of the tracks, at a border; `about` as in `ObjectBytes`."""
        ahead = [(each.frame.pts, each.faces, each.count, each.scene) for each in self._waiting]
        return self._bytes().write((self._tracker, self._casting, self._hidden, self._memory.tracking, ahead), about)

    def drawing_bytes(self, about: Mapping[str, Any]) -> bytes:
        """Return all that is known of the drawn faces, when the last frame before a border was swapped."""
        return self._bytes().write(self._memory.drawing, about)

    def resume(self, tracking: bytes, drawing: bytes, about: Mapping[str, Any]) -> None:
        """Go on at the border at which these bytes were made; its first frame comes next. Raises `ValueError`."""
        stored = self._bytes()
        self._tracker, self._casting, self._hidden, self._memory.tracking, ahead = stored.read(tracking, about)
        self._tracked = deque(ahead)
        self._memory.drawing = stored.read(drawing, about)

    def begin_drawing(self) -> None:
        """Know nothing of the drawn faces of any frame before: a fresh part begins."""
        self._memory.begin_drawing()

    def _bytes(self) -> ObjectBytes:
        cast, tracker = self._cast, self._tracker
        roles = (cast.everyone, *(member.role for member in cast.members))
        prepared = [role.prepared for role in roles if isinstance(role, Persona)]
        return stream_bytes(
            {
                "detector": tracker.detector, "landmarker": tracker.landmarker, "rotated": tracker.rotated,
                "settings": tracker.settings, "cast": cast, "recogniser": cast.recogniser,
                **{f"prepared {number}": each for number, each in enumerate(prepared)},
                **{f"person {number}": member.person for number, member in enumerate(cast.members)},
            }
        )  # fmt: skip

    def _next(self, waiting: deque[WaitingFrame]) -> SeenFrame:
        first = waiting.popleft()
        seen = self._observed(first.frame, first.faces, first.count)
        if self._cast.others == "leave":
            return seen
        gone = self._hidden.gone(first, [face for face in seen.faces if seen.roles.get(face.track_id) != "leave"])
        coming = {each.track_id: each.region for each in coming_heads(first, waiting) if self._is_hidden(each)}
        return replace(seen, beside=(*gone, *coming.items()))

    def _is_hidden(self, head: ComingHead) -> bool:
        """Return True for a head that must not be seen: only who is left alone shows their own."""
        return not self._casting.is_left(head.track_id, self._cast, head.shown.count, head.shown.frame.time_s)

    def _observed(self, frame: Frame, faces: tuple[TrackedFace, ...], count: int) -> SeenFrame:
        if self._cast.others != "leave" and len(faces) >= self._settings.faces:
            raise TooManyFaces(
                f"there may be more than the {self._settings.faces} faces that can be hidden at once",
                "hide all faces first, with mien anonymise, or cut the picture; --others leave hides none",
            )
        cast = self._casting.roles(frame, faces, self._cast, count)
        known = self._memory.observe(frame, faces, self._cast.retouch, self._settings, personas_of(cast.roles))
        return SeenFrame(frame, known, cast.roles, cast.names)

    def swap(self, seen: SeenFrame) -> FrameResult:
        """Replace the faces of the frame, in place."""
        beside = seen.beside, self._cast.others
        worn = swap_faces(seen.frame, seen.faces, seen.roles, self._cast.retouch, self._settings, self._memory, beside)
        self.worn_frames.update({seen.names[face.track_id] for face in worn if face.track_id in seen.names})
        self.frames_with_faces += bool(seen.faces)
        return FrameResult(seen.frame, seen.faces, worn)


def _other_film() -> UsageError:
    return UsageError("the film has changed since it was begun", "begin again with the film as it is now")


def swap_faces(
    frame: Frame,
    faces: tuple[TrackedFace, ...],
    roles: Roles,
    retouch: Retouch,
    settings: Settings,
    memory: StreamMemory,
    beside: tuple[Sequence[tuple[int, HeadRegion]], Treatment] = ((), "leave"),
) -> tuple[TrackedFace, ...]:
    """Give each face of the picture of `frame` its role, in place; return the faces that were replaced.

    `beside` are the heads, by `track_id`, that get a treatment although their faces are not found.
    Every patch is made before the first is laid: an engine that fails leaves every face its own skin, though reshaped. Covers
    come after the patches are made, which would take their light from them.
    """
    worn = personas_of(roles)
    wearers, bare = _parted(faces, worn)
    relieved = tuple(face for face in wearers if takes_glasses_off(settings, others=worn[face.track_id].glasses))
    take_off_glasses(frame.image, relieved)
    shapes = {number: persona.shape for number, persona in worn.items()}
    wearers, bare = _parted(reshape_each(frame.image, faces, shapes, settings.shape * settings.opacity), worn)
    shaved = {each: settings.opacity * shaves_beard(settings, persona) for each, persona in worn.items()}
    bearded = {number for number, persona in worn.items() if keeps_beard(settings, persona)}
    looked_at = tuple(face for face in wearers if shaved[face.track_id] > 0 or face.track_id in bearded)
    memory.shaving.shave(frame.image, looked_at, shaved, full=settings.beard == "source")
    look_of = memory.shaving.look_of
    wearers = tuple(behind_own_beard(face, look_of(face)) if face.track_id in bearded else face for face in wearers)
    prepared = {number: (persona.engine, persona.prepared) for number, persona in worn.items()}
    patches = cut_nearer(make_patches(frame, wearers, prepared), bare)
    patches = [(face, cut_occluders(frame, face, patch)) for face, patch in patches]
    patches = memory.glasses.keep(frame, patches, frozenset(face.track_id for face in relieved))
    patches = [(face, preserve_own_parts(face, patch, settings)) for face, patch in patches]
    patches = [(face, harmonise(frame, face, patch, retouch.harmoniser)) for face, patch in patches]
    # Not the personas: they are new objects whenever a setting changes, and would be held with all their networks.
    wearing = {number: persona.prepared for number, persona in worn.items()}
    patches = memory.enhancement.enhance(frame, patches, retouch.enhancer, settings, wearing)
    focus = detail_to_match(retouch, settings)
    memory.cover_others(frame.image, bare, roles, *beside)
    for face, patch in patches:
        matched = match_grain(frame, face, patch, settings.grain, focus, still=memory.still)
        compose(frame.image, matched, settings.opacity)
    return tuple(face for face, _ in patches)


def _parted(faces: tuple[TrackedFace, ...], worn: Container[int]) -> tuple[tuple[TrackedFace, ...], tuple[TrackedFace, ...]]:
    """Return the faces that wear a persona and those that do not."""
    wearers = tuple(face for face in faces if face.track_id in worn)
    return wearers, tuple(face for face in faces if face.track_id not in worn)


def detail_to_match(retouch: Retouch, settings: Settings) -> float:
    """Return how far fine detail gives way to the frame's, 0..1: what an enhancer is asked to add is not taken away again."""
    return 1.0 if retouch.enhancer is None else 1.0 - settings.enhance_blend


def keeps_beard(settings: Settings, persona: Persona) -> bool:
    """Return True when a full beard of the wearer is to stay."""
    if settings.beard == "auto":
        # Networks draw beards themselves; the mesh engine can only lay a face between their borders.
        return persona.engine.wants_reshape and not persona.bearded
    return settings.beard == "target"


def shaves_beard(settings: Settings, persona: Persona) -> bool:
    """Return True when a beard of the wearer is to be shaved: a short one, or any with `beard` = source."""
    # Networks draw the jaw themselves.
    if not persona.engine.wants_reshape or settings.beard == "target":
        return False
    return settings.beard == "source" or not persona.bearded
