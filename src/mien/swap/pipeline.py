"""The main path of a frame, one line a stage; no threads, no files, no clock."""

from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass

from mien.settings import Settings
from mien.swap.cast import Cast, Roles, personas_of, roles_of
from mien.swap.memory.brows import Brows
from mien.swap.memory.crossings import Crossings
from mien.swap.memory.hands import Hands
from mien.swap.memory.hidden_landmarks import HiddenLandmarks
from mien.swap.memory.observer import Observer
from mien.swap.memory.parsing import Parsing
from mien.swap.memory.segmentation import Segmentation
from mien.swap.persona import Persona, Retouch
from mien.swap.stages.compose import compose
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
from mien.types import Frame, FrameResult, TrackedFace


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
    """A frame whose faces are tracked and observed, and have their roles; its picture is not changed yet."""

    frame: Frame
    faces: tuple[TrackedFace, ...]
    roles: Roles


class Pipeline:
    """Swap of the faces of one stream of frames; the tracker and the memory know the frames before.

    `track` needs nothing of what `swap` makes: one thread may track the frames that come while another one swaps. Each of
    the two takes every frame, in order.
    """

    def __init__(self, tracker: Tracker, cast: Cast, settings: Settings) -> None:
        self._tracker = tracker
        self._memory = StreamMemory()
        self._cast = cast
        self._settings = settings

    def swap_frame(self, frame: Frame) -> FrameResult:
        """Replace the faces of the frame, in place: the picture of `frame` is used up."""
        return self.swap(self.track(frame))

    def track(self, frame: Frame) -> SeenFrame:
        """Return the faces of the frame and what is known of them; the picture is not changed."""
        faces = self._tracker.update(frame)
        roles = roles_of(self._cast, faces)
        known = self._memory.observe(frame, faces, self._cast.retouch, self._settings, personas_of(roles))
        return SeenFrame(frame, known, roles)

    def track_all(self, frames: Iterable[Frame]) -> Iterator[SeenFrame]:
        """Yield each frame of the stream as `track` returns it."""
        return map(self.track, frames)

    def swap(self, seen: SeenFrame) -> FrameResult:
        """Replace the faces of the frame, in place."""
        worn = swap_faces(seen.frame, seen.faces, seen.roles, self._cast.retouch, self._settings, self._memory)
        return FrameResult(seen.frame, seen.faces, worn)


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
