"""The main path of a frame, one line a stage; no threads, no files, no clock."""

from collections import Counter, deque
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mien.errors import UsageError
from mien.settings import Settings
from mien.swap.cast import Cast, Roles, Treatment, personas_of, treated
from mien.swap.casting import Casting
from mien.swap.memory.brows import Brows
from mien.swap.memory.crossings import Crossings
from mien.swap.memory.hands import Hands
from mien.swap.memory.hidden_landmarks import HiddenLandmarks
from mien.swap.memory.observer import Observer
from mien.swap.memory.parsing import Parsing
from mien.swap.memory.segmentation import Segmentation
from mien.swap.persona import Persona, Retouch
from mien.swap.stages.compose import compose
from mien.swap.stages.cover import BLUR, SOLID, Cover, HeadRegion, region_of_points
from mien.swap.stages.enhance.stage import Enhancement
from mien.swap.stages.harmonise import harmonise
from mien.swap.stages.make_patches import make_patches
from mien.swap.stages.match_grain import match_grain
from mien.swap.stages.nearer_faces import cut_nearer
from mien.swap.stages.occluders import cut_occluders
from mien.swap.stages.own_beard import shows_beard
from mien.swap.stages.own_glasses import take_off_glasses
from mien.swap.stages.own_parts import preserve_own_parts
from mien.swap.stages.reshape import reshape_each
from mien.swap.stages.shave import Shaving
from mien.swap.tracking.tracker import Tracker
from mien.types import Frame, FrameResult, Image, TrackedFace


class StreamMemory:
    """Memory of the faces of one stream of frames; `live` as in `Enhancement`, `Segmentation` and `Parsing`."""

    def __init__(self, *, live: bool = False) -> None:
        self._live = live
        self._observer = Observer()
        self._brows = Brows()
        self._crossings = Crossings()
        self._segmentation = Segmentation(live=live)
        self._parsing = Parsing(live=live)
        self._hands = Hands()
        self._hidden = HiddenLandmarks()
        self.enhancement = Enhancement(live=live)
        self.shaving = Shaving()
        self._covers: tuple[tuple[Treatment, Cover], ...] = (("blur", Cover(BLUR)), ("cover", Cover(SOLID)))

    def cover_others(self, image: Image, faces: Sequence[TrackedFace], roles: Roles) -> None:
        """Draw the covers of the faces whose role is one, in place; what is worn by others is laid over them."""
        for treatment, cover in self._covers:
            hidden = treated(roles, faces, treatment)
            cover.draw(image, [(face.track_id, region_of_points(face.landmarks.points)) for face in hidden])

    def hide(self, image: Image, regions: Iterable[tuple[int, HeadRegion]], treatment: Treatment) -> None:
        """Draw covers over heads, by `track_id`, in place."""
        dict(self._covers)[treatment].draw(image, regions)

    def reset(self) -> None:
        """Forget everything: another stream begins."""
        self._observer.reset()
        self._brows.reset()
        self._crossings.reset()
        self._segmentation.reset()
        self._parsing.reset()
        self._hands.reset()
        self._hidden.reset()
        self.enhancement.reset()
        self.shaving.reset()

    def close(self) -> bool:
        """End the enhancer's thread; False when the network still holds it."""
        return self.enhancement.close()

    def observe(
        self,
        frame: Frame,
        faces: tuple[TrackedFace, ...],
        retouch: Retouch,
        settings: Settings,
        worn: Collection[int] | None = None,
    ) -> tuple[TrackedFace, ...]:
        """Return the faces with what is known of them.

        Only faces in `worn`, by `track_id` (None = all), and those in front of these are looked at: the others come back as
        they are.

        Occluders are found by the chosen segmenters, else by the parser, in files and live; without segmenters, or in addition
        to them with `occlusion` = on, by the faces' usual appearance, too.
        """
        faces = self._brows.lengthened(faces)
        behind = self._crossings.update(faces)
        if worn is None:
            return self._observe(frame, faces, behind, retouch, settings)
        concerned = {*worn, *(number for each in worn for number in behind.get(each, ()))}
        observed = self._observe(frame, tuple(face for face in faces if face.track_id in concerned), behind, retouch, settings)
        known = {face.track_id: face for face in observed}
        return tuple(known.get(face.track_id, face) for face in faces)

    def _observe(
        self,
        frame: Frame,
        faces: tuple[TrackedFace, ...],
        behind: Mapping[int, frozenset[int]],
        retouch: Retouch,
        settings: Settings,
    ) -> tuple[TrackedFace, ...]:
        wanted = settings.occlusion != "off"
        segmenters = retouch.segmenters if wanted else ()
        predicted = self._segmentation.update(frame, faces, segmenters)
        parser = retouch.parser if wanted and not segmenters else None
        if parser is not None:
            faces = self._hidden.held(faces, self._parsing.seen, behind)
        hands = self._hands.update(frame, faces, self._parsing.seen, None if parser is None else retouch.hand_finder)
        looks = self._parsing.update(frame, faces, parser, hands, behind, glasses=not takes_glasses_off(settings))
        predicted.update({number: look.occluder for number, look in looks.items()})
        by_appearance = settings.occlusion == "on" or (settings.occlusion == "files" and not self._live and not segmenters)
        return self._observer.observe(
            frame, faces, by_appearance=by_appearance, predicted=predicted, parsed=self._parsing.seen, behind=behind
        )


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
    hidden_seconds: float = 0.25
    """Time before a face is found, and after, in which its head is hidden too, where others are: it comes in, or is lost."""
    growth: float = 0.05
    """Growth of such a head for each frame, as a share of its height: where it was is a guess."""


AHEAD = AheadTuning()


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A tracked frame that waits for what the next ones show; `count` is its number, `scene` that of its scene."""

    frame: Frame
    faces: tuple[TrackedFace, ...]
    count: int
    scene: int


class Pipeline:
    """Swap of the faces of one stream of frames; the tracker and the memory know the frames before.

    Where others are hidden, a frame with as many faces as can be tracked raises a `UsageError`: one more may be there.
    `track` needs nothing of what `swap` makes: one thread may track the frames that come while another one swaps. Each of
    the two takes every frame, in order.
    """

    def __init__(self, tracker: Tracker, cast: Cast, settings: Settings, looks_a_frame: int | None = 1) -> None:
        self._tracker = tracker
        self._memory = StreamMemory()
        self._casting = Casting(looks_a_frame)
        self._cast = cast
        self._settings = settings
        self._hidden: dict[int, tuple[HeadRegion, int, float]] = {}
        self.worn_frames = Counter({each.person.name: 0 for each in cast.members if isinstance(each.role, Persona)})
        """Frames in which each member of the cast wore a persona, by name."""
        self.frames_with_faces = 0
        """Frames in which any face was found."""

    def swap_frame(self, frame: Frame) -> FrameResult:
        """Replace the faces of the frame, in place: the picture of `frame` is used up."""
        return self.swap(self.track(frame))

    def track(self, frame: Frame) -> SeenFrame:
        """Return the faces of the frame and what is known of them; the picture is not changed."""
        faces = self._tracker.update(frame)
        return self._observed(frame, faces, self._casting.see(frame, faces, self._cast))

    def track_all(self, frames: Iterable[Frame]) -> Iterator[SeenFrame]:
        """Yield each frame of the stream as `track` returns it, with the roles that are known half a second later."""
        if not self._cast.members and self._cast.others == "leave":
            yield from map(self.track, frames)
            return
        waiting: deque[_Waiting] = deque()
        for frame in frames:
            faces = self._tracker.update(frame)
            waiting.append(_Waiting(frame, faces, self._casting.see(frame, faces, self._cast), self._tracker.scene))
            most = max(AHEAD.most_bytes // max(frame.image.nbytes, 1), 1)
            while len(waiting) > most or not 0 <= frame.time_s - waiting[0].frame.time_s < AHEAD.seconds:
                yield self._next(waiting)
        while waiting:
            yield self._next(waiting)

    def _next(self, waiting: deque[_Waiting]) -> SeenFrame:
        first = waiting.popleft()
        seen = self._observed(first.frame, first.faces, first.count)
        if self._cast.others == "leave":
            return seen
        coming = {
            number: region
            for number, region, shown in _coming(first, waiting)
            if self._casting.is_other(number, shown.count, shown.frame.time_s)
        }
        return replace(seen, beside=tuple({**self._gone(first, seen), **coming}.items()))

    def _gone(self, first: _Waiting, seen: SeenFrame) -> dict[int, HeadRegion]:
        """Return the heads that were hidden a moment ago and are not found in this frame."""
        time_s, here = first.frame.time_s, {face.track_id for face in seen.faces}
        kept = {
            number: each
            for number, each in self._hidden.items()
            if number not in here and each[1] == first.scene and 0 <= time_s - each[2] <= AHEAD.hidden_seconds
        }
        now = treated(seen.roles, seen.faces, self._cast.others)
        shown = {face.track_id: (region_of_points(face.landmarks.points), first.scene, time_s) for face in now}
        self._hidden = {**kept, **shown}
        return {number: region for number, (region, _, _) in kept.items()}

    def _observed(self, frame: Frame, faces: tuple[TrackedFace, ...], count: int) -> SeenFrame:
        if self._cast.others != "leave" and len(faces) >= self._settings.faces:
            raise UsageError(
                f"there may be more than the {self._settings.faces} faces that can be hidden at once",
                "hide all faces first, with mien anonymise, or cut the picture; --others leave hides none",
            )
        cast = self._casting.roles(frame, faces, self._cast, count)
        known = self._memory.observe(frame, faces, self._cast.retouch, self._settings, personas_of(cast.roles))
        return SeenFrame(frame, known, cast.roles, cast.names)

    def swap(self, seen: SeenFrame) -> FrameResult:
        """Replace the faces of the frame, in place."""
        if seen.beside:
            self._memory.hide(seen.frame.image, seen.beside, self._cast.others)
        worn = swap_faces(seen.frame, seen.faces, seen.roles, self._cast.retouch, self._settings, self._memory)
        self.worn_frames.update({seen.names[face.track_id] for face in worn if face.track_id in seen.names})
        self.frames_with_faces += bool(seen.faces)
        return FrameResult(seen.frame, seen.faces, worn)


def _coming(first: _Waiting, next_ones: Iterable[_Waiting]) -> Iterator[tuple[int, HeadRegion, _Waiting]]:
    """Yield the heads that the next frames of the scene show and this one does not, each with the frame that shows it first.

    They are where their motion in these frames comes from.
    """
    found: dict[int, tuple[int, _Waiting, list[TrackedFace]]] = {}
    here = {face.track_id for face in first.faces}
    for distance, each in enumerate(next_ones, 1):
        if each.scene != first.scene:
            break
        for face in each.faces:
            if face.track_id in found:
                found[face.track_id][2].append(face)
            elif face.track_id not in here and each.frame.time_s - first.frame.time_s <= AHEAD.hidden_seconds:
                found[face.track_id] = distance, each, [face]
    for number, (distance, shown, faces) in found.items():
        middles = [face.landmarks.points[:, :2].mean(0) for face in faces[:2]]
        step_x, step_y = (float(value) for value in middles[-1] - middles[0])
        head = region_of_points(faces[0].landmarks.points)
        moved = replace(head, x=head.x - distance * step_x, y=head.y - distance * step_y)
        yield number, moved.grown(distance * AHEAD.growth * 2 * head.half_along), shown


def swap_faces(
    frame: Frame, faces: tuple[TrackedFace, ...], roles: Roles, retouch: Retouch, settings: Settings, memory: StreamMemory
) -> tuple[TrackedFace, ...]:
    """Give each face of the picture of `frame` its role, in place; return the faces that were replaced.

    Every patch is made before the first is laid: an engine that fails leaves every face its own skin, though reshaped.
    """
    worn = personas_of(roles)
    wearers, bare = _parted(faces, worn)
    if takes_glasses_off(settings):
        take_off_glasses(frame.image, wearers)
    shapes = {number: persona.shape for number, persona in worn.items()}
    wearers, bare = _parted(reshape_each(frame.image, faces, shapes, settings.shape * settings.opacity), worn)
    shaved = tuple(face for face in wearers if shaves_beard(settings, worn[face.track_id]))
    memory.shaving.shave(frame.image, shaved, settings.opacity, full=settings.beard == "source")
    prepared = {number: (persona.engine, persona.prepared) for number, persona in worn.items()}
    patches = cut_nearer(make_patches(frame, wearers, prepared), bare)
    bearded = {number: keeps_beard(settings, persona) for number, persona in worn.items()}
    patches = [(face, cut_occluders(frame, face, patch, with_beard=bearded[face.track_id])) for face, patch in patches]
    patches = [(face, preserve_own_parts(face, patch, settings)) for face, patch in patches]
    patches = [(face, harmonise(frame, face, patch, retouch.harmoniser)) for face, patch in patches]
    # Not the personas: they are new objects whenever a setting changes, and would be held with all their networks.
    wearing = {number: persona.prepared for number, persona in worn.items()}
    patches = memory.enhancement.enhance(frame, patches, retouch.enhancer, settings, wearing)
    focus = detail_to_match(retouch, settings)
    memory.cover_others(frame.image, bare, roles)
    for face, patch in patches:
        compose(frame.image, match_grain(frame, face, patch, settings.grain, focus), settings.opacity)
    return tuple(face for face, _ in patches)


def _parted(faces: tuple[TrackedFace, ...], worn: Container[int]) -> tuple[tuple[TrackedFace, ...], tuple[TrackedFace, ...]]:
    """Return the faces that wear a persona and those that do not."""
    wearers = tuple(face for face in faces if face.track_id in worn)
    return wearers, tuple(face for face in faces if face.track_id not in worn)


def detail_to_match(retouch: Retouch, settings: Settings) -> float:
    """Return how far fine detail gives way to the frame's, 0..1: what an enhancer is asked to add is not taken away again."""
    return 1.0 if retouch.enhancer is None else 1.0 - settings.enhance_blend


def takes_glasses_off(settings: Settings) -> bool:
    """Return True when the wearer's glasses are to go: on request, and where those of the photo come in their place."""
    return settings.glasses == "off" or settings.source_glasses == "on"


def keeps_beard(settings: Settings, persona: Persona) -> bool:
    """Return True when a full beard of the wearer is to stay."""
    if settings.beard == "auto":
        # Networks draw beards themselves; the mesh engine can only lay a face between their borders.
        return persona.engine.wants_reshape and not shows_beard(persona.source)
    return settings.beard == "target"


def shaves_beard(settings: Settings, persona: Persona) -> bool:
    """Return True when a beard of the wearer is to be shaved: a short one, or any with `beard` = source."""
    # Networks draw the jaw themselves.
    if not persona.engine.wants_reshape or settings.beard == "target":
        return False
    return settings.beard == "source" or not shows_beard(persona.source)
