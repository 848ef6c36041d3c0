"""Opening of installed models: for each family the adapter that makes an engine, a segmenter or another part of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from mien.contracts import Detector, Engine, Enhancer, Recogniser, Segmenter
from mien.errors import ModelMismatch
from mien.models.format.families import families
from mien.models.format.ports import bind
from mien.models.format.swappers import SWAPPERS, EmbeddingFeed
from mien.models.library.inswapper_matrix import load_matrix
from mien.models.library.inventory import check_partners, partners
from mien.models.library.store import ModelEntry
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
from mien.swap.engines.swappers import Partners, open_swapper
from mien.types import IdentityLimits, SourceFace

OpenEngine = Callable[[ModelEntry, Settings, SessionCache], Engine]
OpenSegmenter = Callable[[ModelEntry, Settings, SessionCache], Segmenter]
OpenEnhancer = Callable[[ModelEntry, Settings, SessionCache], Enhancer]
OpenDetector = Callable[[ModelEntry, Settings, SessionCache, Sequence[int]], Detector]
"""The last argument: longer sides, in pixels, at which pictures are searched."""


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


def open_engine(entry: ModelEntry, settings: Settings, sessions: SessionCache) -> Engine:
    """Open an installed engine; raises a `ModelError`."""
    return _opener(_ENGINES, entry)(entry, settings, sessions)


def open_segmenter(entry: ModelEntry, settings: Settings, sessions: SessionCache) -> Segmenter:
    """Open an installed segmenter; raises a `ModelError`."""
    return _opener(_SEGMENTERS, entry)(entry, settings, sessions)


def open_enhancer(entry: ModelEntry, settings: Settings, sessions: SessionCache) -> Enhancer:
    """Open an installed enhancer; raises a `ModelError`."""
    return _opener(_ENHANCERS, entry)(entry, settings, sessions)


def open_detector(entry: ModelEntry, settings: Settings, sessions: SessionCache, sides: Sequence[int]) -> Detector:
    """Open an installed detector, which searches pictures at these longer `sides`, in pixels; raises a `ModelError`."""
    return _opener(_DETECTORS, entry)(entry, settings, sessions, sides)


def open_recogniser(entry: ModelEntry, sessions: SessionCache, limits: IdentityLimits) -> Recogniser:
    """Open an installed recogniser with the limits that were measured for its file; raises a `ModelError`."""
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


_Opener = TypeVar("_Opener")


def _opener(table: Mapping[str, _Opener], entry: ModelEntry) -> _Opener:
    if entry.family not in table:
        raise ModelMismatch(f"{entry.id} is of the family {entry.family!r}, which has no use here", "choose another model")
    return table[entry.family]
