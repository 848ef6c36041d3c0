"""Choice of the models that settings name, and their opening: engines, segmenters, enhancers, detectors."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from mien.contracts import Detector, Engine, Enhancer, Recogniser, Segmenter
from mien.errors import ModelError, ModelMismatch, ModelMissing
from mien.models.format.families import families
from mien.models.format.ports import bind
from mien.models.format.swappers import SWAPPERS, EmbeddingFeed
from mien.models.library.identity_limits import limits_of
from mien.models.library.inswapper_matrix import load_matrix
from mien.models.library.inventory import check_partners, partners
from mien.models.library.store import ModelEntry, Store, remedies
from mien.models.networks.detectors.pyramid import Pyramid
from mien.models.networks.detectors.scrfd import Scrfd
from mien.models.networks.detectors.yoloface import YoloFace
from mien.models.networks.face_mesh import FaceMesh, MeshSession
from mien.models.networks.masks.bisenet import BiSeNet
from mien.models.networks.masks.xseg import XSeg
from mien.models.networks.recognisers.arcface import ArcFace
from mien.models.networks.recognisers.crossface import Crossface
from mien.models.networks.recognisers.face_id import FaceId
from mien.models.networks.recognisers.unit_length import UnitLength
from mien.models.networks.restorers.codeformer import CodeFormer
from mien.models.networks.restorers.restorer import Restorer
from mien.models.runtime.example_face import example_face
from mien.models.runtime.session_cache import SessionCache
from mien.settings import Settings
from mien.swap.engines.dfm import DfmEngine
from mien.swap.engines.mesh.engine import MeshEngine
from mien.swap.engines.swappers import Partners, open_swapper
from mien.types import Note, SourceFace

OpenEngine = Callable[[ModelEntry, Settings, SessionCache], Engine]
OpenSegmenter = Callable[[ModelEntry, Settings, SessionCache], Segmenter]
OpenEnhancer = Callable[[ModelEntry, Settings, SessionCache], Enhancer]
OpenDetector = Callable[[ModelEntry, Settings, SessionCache, Sequence[int]], Detector]
"""The last argument: longer sides, in pixels, at which pictures are searched."""
SWAPPING = "swapper", "identity"
"""Roles of models that can be an engine."""
PARTS = "engine", "segmenter", "enhancer", "detector"
"""Settings that name models."""
_OFF = {"", "none"}


@dataclass(frozen=True, slots=True)
class Chosen:
    """Installed models that settings name; None or empty for what is embedded or off."""

    engine: ModelEntry | None
    segmenters: tuple[ModelEntry, ...]
    enhancer: ModelEntry | None
    detector: ModelEntry | None

    @property
    def entries(self) -> tuple[ModelEntry, ...]:
        """Entries in the order of the fields."""
        found = (self.engine, *self.segmenters, self.enhancer, self.detector)
        return tuple(entry for entry in found if entry is not None)


def choose(settings: Settings, store: Store, parts: Collection[str] = PARTS) -> Chosen:
    """Look up the models that these parts of the settings name, and check that they are installed; opens none.

    Raises `ModelMissing`, for the partners of an engine, too, or `ModelMismatch`.
    """

    def find(name: str, *roles: str) -> ModelEntry:
        entry = installed(name, roles, store)
        if roles == SWAPPING:
            check_partners(entry, store)
        return entry

    return _resolve(settings, parts, find)


def _resolve(settings: Settings, parts: Collection[str], find: Callable[..., ModelEntry]) -> Chosen:
    segmenters = [name.strip() for name in settings.segmenter.split(",")] if "segmenter" in parts else []
    enhancer = settings.enhancer.strip() if "enhancer" in parts else "none"
    return Chosen(
        find(settings.engine, *SWAPPING) if "engine" in parts and settings.engine != "mesh" else None,
        tuple(find(name, "segmenter") for name in segmenters if name not in _OFF),
        find(enhancer, "enhancer") if enhancer not in _OFF else None,
        find(settings.detector, "detector") if "detector" in parts and settings.detector != "yunet" else None,
    )


def _dfm(entry: ModelEntry, settings: Settings, sessions: SessionCache) -> Engine:
    # Always on the processor: the answer must not depend on a device.
    sure = sessions.on("cpu", "single")
    recogniser = FaceId(sure.session(sessions.store.entry("face_id_128")))

    def stranger() -> SourceFace:
        return example_face(FaceMesh(MeshSession(sure.session(sessions.store.entry("face_mesh_478")))))

    return DfmEngine(entry.id, sessions.session(entry), recogniser, settings, stranger)


def _open_xseg(entry: ModelEntry, settings: Settings, sessions: SessionCache) -> Segmenter:
    return XSeg(entry.id, sessions.session(entry))


def _open_bisenet(entry: ModelEntry, settings: Settings, sessions: SessionCache) -> Segmenter:
    return BiSeNet(entry.id, sessions.session(entry))


def _restorer(entry: ModelEntry, settings: Settings, sessions: SessionCache) -> Enhancer:
    return Restorer(entry.id, entry.family, sessions.session(entry))


def _codeformer(entry: ModelEntry, settings: Settings, sessions: SessionCache) -> Enhancer:
    return CodeFormer(entry.id, sessions.session(entry), settings.fidelity)


def _scrfd(entry: ModelEntry, settings: Settings, sessions: SessionCache, sides: Sequence[int]) -> Detector:
    session, least = sessions.session(entry), settings.detect_score
    steps = [(side, Scrfd(entry.id, session, longer_side=side, min_score=least)) for side in sides]
    return steps[0][1] if len(steps) == 1 else Pyramid(steps)


def _yoloface(entry: ModelEntry, settings: Settings, sessions: SessionCache, sides: Sequence[int]) -> Detector:
    """Open a detector of one size, whatever the `sides`: its files are made for it."""
    return YoloFace(entry.id, sessions.session(entry), min_score=settings.detect_score)


def _swapper(entry: ModelEntry, settings: Settings, sessions: SessionCache) -> Engine:
    swapper = SWAPPERS[entry.family]
    found = _partners(entry, swapper.source, sessions) if isinstance(swapper.source, EmbeddingFeed) else None
    return open_swapper(entry.id, sessions.session(entry), swapper, settings, found)


def _partners(entry: ModelEntry, feed: EmbeddingFeed, sessions: SessionCache) -> Partners:
    """Open the models that a swapper works with; raises a `ModelError`."""
    check_partners(entry, sessions.store)
    recogniser, *converters = (partner for partner in partners(entry, sessions.store) if partner is not None)
    embedder = ArcFace(recogniser.id, sessions.session(recogniser))
    converter = Crossface(converters[0].id, sessions.session(converters[0])) if converters else None
    return Partners(embedder, converter, load_matrix(sessions.store, entry) if feed.own_matrix else None)


_ENGINES: Mapping[str, OpenEngine] = {**dict.fromkeys(SWAPPERS, _swapper), "dfm": _dfm}
_SEGMENTERS: Mapping[str, OpenSegmenter] = {"xseg": _open_xseg, "bisenet": _open_bisenet}
_ENHANCERS: Mapping[str, OpenEnhancer] = {
    **dict.fromkeys(("gpen_256", "restorer_512", "gpen_1024", "gpen_2048"), _restorer),
    "codeformer": _codeformer,
}
_DETECTORS: Mapping[str, OpenDetector] = {"scrfd": _scrfd, "yoloface": _yoloface}


def check_names(settings: Settings, sessions: SessionCache) -> None:
    """Check that all models that the settings name are installed; raises a `ModelError`. Opens none."""
    choose(settings, sessions.store)


def notes(settings: Settings, sessions: SessionCache) -> tuple[str, ...]:
    """Return remarks for people on the models that the settings name."""
    return tuple(
        Note.of("stand-in-model", "{id} is a stand-in with random weights: what it makes is no real swap", id=entry.id)
        for entry in used(settings, sessions)
        if entry.standin
    )


def used(settings: Settings, sessions: SessionCache) -> tuple[ModelEntry, ...]:
    """Return the models that the settings name, and their partners; that they are still installed is not checked."""
    entries = _resolve(settings, PARTS, lambda name, *_: sessions.store.entry(name)).entries
    return (*entries, *(each for entry in entries for each in partners(entry, sessions.store) if each is not None))


def open_engine(settings: Settings, sessions: SessionCache) -> Engine:
    """Open the engine that the settings name; raises a `ModelError`."""
    sessions = sessions.on(settings.device, settings.precision)
    entry = choose(settings, sessions.store, ("engine",)).engine
    return MeshEngine(settings) if entry is None else _opener(_ENGINES, entry)(entry, settings, sessions)


def open_segmenters(settings: Settings, sessions: SessionCache) -> tuple[Segmenter, ...]:
    """Open the segmenters that the settings name; raises a `ModelError`."""
    sessions = sessions.on(settings.device, settings.precision)
    entries = choose(settings, sessions.store, ("segmenter",)).segmenters
    return tuple(_opener(_SEGMENTERS, entry)(entry, settings, sessions) for entry in entries)


def open_enhancer(settings: Settings, sessions: SessionCache) -> Enhancer | None:
    """Open the enhancer that the settings name, None for none; raises a `ModelError`."""
    sessions = sessions.on(settings.device, settings.precision)
    entry = choose(settings, sessions.store, ("enhancer",)).enhancer
    return None if entry is None else _opener(_ENHANCERS, entry)(entry, settings, sessions)


def open_detector(settings: Settings, sessions: SessionCache, sides: Sequence[int]) -> Detector | None:
    """Open the installed detector that the settings name, None for the embedded one; raises a `ModelError`.

    It searches pictures at these longer `sides`, in pixels.
    """
    sessions = sessions.on(settings.device, settings.precision)
    entry = choose(settings, sessions.store, ("detector",)).detector
    return None if entry is None else _opener(_DETECTORS, entry)(entry, settings, sessions, sides)


def open_recogniser(name: str, sessions: SessionCache) -> Recogniser:
    """Open an installed recogniser with the limits that were measured for its file; raises a `ModelError` without any."""
    entry = installed(name, ("recogniser",), sessions.store)
    if entry.family != "arcface":
        raise ModelMismatch(
            f"{name} is of the family {entry.family!r}, whose distances are not known", "choose an ArcFace model"
        )
    limits = limits_of(sessions.store, entry)
    if limits is None:
        raise ModelError(
            f"the limits of {name} were not measured: who is who would be a guess",
            "measure them: mien evaluate FACES --only people",
        )
    return UnitLength(ArcFace(entry.id, sessions.session(entry)), limits)


def open_as_used(entry: ModelEntry, sessions: SessionCache) -> None:
    """Open a model in the way that its use opens it; raises a `ModelError`.

    An engine whose partners are not installed is only bound to its family.
    """
    settings, session = Settings(), sessions.session(entry)
    if entry.family:
        family = families()[entry.family]
        bind(entry.id, session, family.inputs, family.outputs)
    if entry.family in _ENGINES and all(partner is not None for partner in partners(entry, sessions.store)):
        _ENGINES[entry.family](entry, settings, sessions)
    elif entry.family in _SEGMENTERS:
        _SEGMENTERS[entry.family](entry, settings, sessions)
    elif entry.family in _ENHANCERS:
        _ENHANCERS[entry.family](entry, settings, sessions)
    elif entry.family in _DETECTORS:
        _DETECTORS[entry.family](entry, settings, sessions, (settings.detect_size,))
    elif entry.family == "arcface":
        ArcFace(entry.id, session)
    elif entry.family == "crossface":
        Crossface(entry.id, session)


def installed(name: str, roles: tuple[str, ...], store: Store) -> ModelEntry:
    """Return the entry of an installed model with one of the roles; raises `ModelMissing` or `ModelMismatch`."""
    entry = store.entry(name)
    if entry.role not in roles:
        wanted = " or ".join(_one(role) for role in roles)
        raise ModelMismatch(f"{name} is {_one(entry.role)}, not {wanted}", "`mien models` lists what each model does")
    if not store.path(name).is_file():
        raise ModelMissing(f"the model {name} is not installed", remedies(entry)[0])
    return entry


def _one(role: str) -> str:
    return f"{'an' if role[0] in 'aeiou' else 'a'} {role}"


_Opener = TypeVar("_Opener")


def _opener(table: Mapping[str, _Opener], entry: ModelEntry) -> _Opener:
    if entry.family not in table:
        raise ModelMismatch(f"{entry.id} is of the family {entry.family!r}, which has no use here", "choose another model")
    return table[entry.family]
