"""Opens installed models by their family, as engines, segmenters, enhancers and detectors."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from mien.contracts import Detector, Engine, Enhancer, Segmenter
from mien.errors import ModelMismatch, ModelMissing
from mien.models.format.families import families
from mien.models.format.ports import bind
from mien.models.format.swappers import SWAPPERS, EmbeddingFeed
from mien.models.library.inswapper_matrix import load_matrix
from mien.models.library.inventory import check_partners, partners
from mien.models.library.store import ModelEntry, remedies
from mien.models.networks.detectors.pyramid import Pyramid
from mien.models.networks.detectors.scrfd import Scrfd
from mien.models.networks.detectors.yoloface import YoloFace
from mien.models.networks.face_mesh import FaceMesh
from mien.models.networks.masks.bisenet import BiSeNet
from mien.models.networks.masks.xseg import XSeg
from mien.models.networks.recognisers.arcface import ArcFace
from mien.models.networks.recognisers.crossface import Crossface
from mien.models.networks.recognisers.face_id import FaceId
from mien.models.networks.restorers.codeformer import CodeFormer
from mien.models.networks.restorers.restorer import Restorer
from mien.models.runtime.example_face import example_face
from mien.models.runtime.session_cache import Shelf
from mien.settings import Settings
from mien.swap.engines.dfm import DfmEngine
from mien.swap.engines.swappers import Partners, open_swapper
from mien.types import SourceFace

OpenEngine = Callable[[ModelEntry, Settings, Shelf], Engine]
OpenSegmenter = Callable[[ModelEntry, Settings, Shelf], Segmenter]
OpenEnhancer = Callable[[ModelEntry, Settings, Shelf], Enhancer]
OpenDetector = Callable[[ModelEntry, Settings, Shelf, Sequence[int]], Detector]
"""The last are the longer sides, in pixels, at which pictures are searched."""


SWAPPING = "swapper", "identity"
"""The roles of models that can be an engine."""


def _dfm(entry: ModelEntry, settings: Settings, shelf: Shelf) -> Engine:
    # On the processor, as ever: whose face it is must not hang on a device.
    sure = shelf.on("cpu", "single")
    recogniser = FaceId(sure.session(shelf.store.entry("face_id_128")))

    def somebody() -> SourceFace:
        return example_face(FaceMesh(sure.session(shelf.store.entry("face_mesh_478"))))

    return DfmEngine(entry.id, shelf.session(entry), recogniser, settings, somebody)


def _open_xseg(entry: ModelEntry, settings: Settings, shelf: Shelf) -> Segmenter:
    return XSeg(entry.id, shelf.session(entry))


def _open_bisenet(entry: ModelEntry, settings: Settings, shelf: Shelf) -> Segmenter:
    return BiSeNet(entry.id, shelf.session(entry))


def _restorer(entry: ModelEntry, settings: Settings, shelf: Shelf) -> Enhancer:
    return Restorer(entry.id, entry.family, shelf.session(entry))


def _codeformer(entry: ModelEntry, settings: Settings, shelf: Shelf) -> Enhancer:
    return CodeFormer(entry.id, shelf.session(entry), settings.fidelity)


def _scrfd(entry: ModelEntry, settings: Settings, shelf: Shelf, sides: Sequence[int]) -> Detector:
    session, least = shelf.session(entry), settings.detect_score
    steps = [(side, Scrfd(entry.id, session, longer_side=side, least_score=least)) for side in sides]
    return steps[0][1] if len(steps) == 1 else Pyramid(steps)


def _yoloface(entry: ModelEntry, settings: Settings, shelf: Shelf, sides: Sequence[int]) -> Detector:
    """Looks at one size whatever the `sides`: its files are made for it."""
    return YoloFace(entry.id, shelf.session(entry), least_score=settings.detect_score)


def _swapper(entry: ModelEntry, settings: Settings, shelf: Shelf) -> Engine:
    swapper = SWAPPERS[entry.family]
    found = _partners(entry, swapper.source, shelf) if isinstance(swapper.source, EmbeddingFeed) else None
    return open_swapper(entry.id, shelf.session(entry), swapper, settings, found)


def _partners(entry: ModelEntry, feed: EmbeddingFeed, shelf: Shelf) -> Partners:
    """Open the models that a swapper works with; raises a `ModelError`."""
    check_partners(entry, shelf.store)
    recogniser, *converters = (partner for partner in partners(entry, shelf.store) if partner is not None)
    embedder = ArcFace(recogniser.id, shelf.session(recogniser))
    converter = Crossface(converters[0].id, shelf.session(converters[0])) if converters else None
    return Partners(embedder, converter, load_matrix(shelf.store, entry) if feed.own_matrix else None)


_ENGINES: Mapping[str, OpenEngine] = {**dict.fromkeys(SWAPPERS, _swapper), "dfm": _dfm}
_SEGMENTERS: Mapping[str, OpenSegmenter] = {"xseg": _open_xseg, "bisenet": _open_bisenet}
_ENHANCERS: Mapping[str, OpenEnhancer] = {
    **dict.fromkeys(("gpen_256", "restorer_512", "gpen_1024", "gpen_2048"), _restorer),
    "codeformer": _codeformer,
}
_DETECTORS: Mapping[str, OpenDetector] = {"scrfd": _scrfd, "yoloface": _yoloface}


def check_names(settings: Settings, shelf: Shelf) -> None:
    """Whether all models that the settings name are there; raises a `ModelError`. Opens none."""
    if settings.engine != "mesh":
        check_partners(installed(settings.engine, SWAPPING, shelf), shelf.store)
    for name in _names(settings.segmenter):
        installed(name, ("segmenter",), shelf)
    for name in _names(settings.enhancer):
        installed(name, ("enhancer",), shelf)
    if settings.detector != "yunet":
        installed(settings.detector, ("detector",), shelf)


def notes(settings: Settings, shelf: Shelf) -> tuple[str, ...]:
    """What a person should know of the models that the settings name, which are all installed."""
    return tuple(
        f"{entry.id} is a stand-in with random weights: what it makes is no real swap"
        for entry in used(settings, shelf)
        if entry.standin
    )


def used(settings: Settings, shelf: Shelf) -> tuple[ModelEntry, ...]:
    """The installed models that the settings name, and those that these work with."""
    named = [settings.engine, *_names(settings.segmenter), *_names(settings.enhancer), settings.detector]
    entries = [shelf.store.entry(name) for name in named if name not in {"mesh", "yunet"}]
    return (*entries, *(each for entry in entries for each in partners(entry, shelf.store) if each is not None))


def open_engine(settings: Settings, shelf: Shelf) -> Engine:
    """The installed swapper that the settings name; raises a `ModelError`."""
    shelf = shelf.on(settings.device, settings.precision)
    entry = installed(settings.engine, SWAPPING, shelf)
    return _opener(_ENGINES, entry)(entry, settings, shelf)


def open_segmenters(settings: Settings, shelf: Shelf) -> tuple[Segmenter, ...]:
    """The installed segmenters that the settings name; raises a `ModelError`."""
    shelf = shelf.on(settings.device, settings.precision)
    entries = [installed(name, ("segmenter",), shelf) for name in _names(settings.segmenter)]
    return tuple(_opener(_SEGMENTERS, entry)(entry, settings, shelf) for entry in entries)


def open_enhancer(settings: Settings, shelf: Shelf) -> Enhancer | None:
    """The installed enhancer that the settings name, None for none; raises a `ModelError`."""
    shelf = shelf.on(settings.device, settings.precision)
    if not _names(settings.enhancer):
        return None
    entry = installed(settings.enhancer, ("enhancer",), shelf)
    return _opener(_ENHANCERS, entry)(entry, settings, shelf)


def open_detector(settings: Settings, shelf: Shelf, sides: Sequence[int]) -> Detector:
    """The installed detector that the settings name, searching pictures at these sizes; raises a `ModelError`."""
    shelf = shelf.on(settings.device, settings.precision)
    entry = installed(settings.detector, ("detector",), shelf)
    return _opener(_DETECTORS, entry)(entry, settings, shelf, sides)


def open_as_used(entry: ModelEntry, shelf: Shelf) -> None:
    """Open a model as it is opened for use, to see whether it can be; raises a `ModelError`.

    An engine whose partners are not installed is only bound to its family.
    """
    settings, session = Settings(), shelf.session(entry)
    if entry.family:
        family = families()[entry.family]
        bind(entry.id, session, family.inputs, family.outputs)
    if entry.family in _ENGINES and all(partner is not None for partner in partners(entry, shelf.store)):
        _ENGINES[entry.family](entry, settings, shelf)
    elif entry.family in _SEGMENTERS:
        _SEGMENTERS[entry.family](entry, settings, shelf)
    elif entry.family in _ENHANCERS:
        _ENHANCERS[entry.family](entry, settings, shelf)
    elif entry.family in _DETECTORS:
        _DETECTORS[entry.family](entry, settings, shelf, (settings.detect_size,))
    elif entry.family == "arcface":
        ArcFace(entry.id, session)
    elif entry.family == "crossface":
        Crossface(entry.id, session)


def installed(name: str, roles: tuple[str, ...], shelf: Shelf) -> ModelEntry:
    """The entry of an installed model with one of the roles; raises `ModelMissing` or `ModelMismatch`."""
    entry = shelf.store.entry(name)
    if entry.role not in roles:
        wanted = " or ".join(_one(role) for role in roles)
        raise ModelMismatch(f"{name} is {_one(entry.role)}, not {wanted}", "`mien models` lists what each model does")
    if not shelf.store.path(name).is_file():
        raise ModelMissing(f"the model {name} is not installed", remedies(entry)[0])
    return entry


def _one(role: str) -> str:
    return f"{'an' if role[0] in 'aeiou' else 'a'} {role}"


def _names(listed: str) -> list[str]:
    return [name.strip() for name in listed.split(",") if name.strip() not in {"", "none"}]


_Opener = TypeVar("_Opener")


def _opener(table: Mapping[str, _Opener], entry: ModelEntry) -> _Opener:
    if entry.family not in table:
        raise ModelMismatch(f"{entry.id} is of the family {entry.family!r}, which has no use here", "choose another model")
    return table[entry.family]
