"""Choice of the models that settings name, and their opening: engines, segmenters, enhancers, detectors.

The adapters of installed models are imported when the first of them is opened: most runs need what is embedded alone.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from mien.contracts import Detector, Engine, Enhancer, Recogniser, Segmenter
from mien.errors import ModelError, ModelMismatch, ModelMissing
from mien.models.library.identity_limits import limits_of
from mien.models.library.inventory import check_partners, partners
from mien.models.library.store import ModelEntry, Store, remedies
from mien.models.runtime.session_cache import SessionCache
from mien.settings import Settings
from mien.swap.engines.mesh.engine import MeshEngine
from mien.types import Note

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
    if entry is None:
        return MeshEngine(settings)
    from mien.assembly import installed_models

    return installed_models.open_engine(entry, settings, sessions)


def open_segmenters(settings: Settings, sessions: SessionCache) -> tuple[Segmenter, ...]:
    """Open the segmenters that the settings name; raises a `ModelError`."""
    sessions = sessions.on(settings.device, settings.precision)
    entries = choose(settings, sessions.store, ("segmenter",)).segmenters
    if not entries:
        return ()
    from mien.assembly import installed_models

    return tuple(installed_models.open_segmenter(entry, settings, sessions) for entry in entries)


def open_enhancer(settings: Settings, sessions: SessionCache) -> Enhancer | None:
    """Open the enhancer that the settings name, None for none; raises a `ModelError`."""
    sessions = sessions.on(settings.device, settings.precision)
    entry = choose(settings, sessions.store, ("enhancer",)).enhancer
    if entry is None:
        return None
    from mien.assembly import installed_models

    return installed_models.open_enhancer(entry, settings, sessions)


def open_detector(settings: Settings, sessions: SessionCache, sides: Sequence[int]) -> Detector | None:
    """Open the installed detector that the settings name, None for the embedded one; raises a `ModelError`.

    It searches pictures at these longer `sides`, in pixels.
    """
    sessions = sessions.on(settings.device, settings.precision)
    entry = choose(settings, sessions.store, ("detector",)).detector
    if entry is None:
        return None
    from mien.assembly import installed_models

    return installed_models.open_detector(entry, settings, sessions, sides)


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
    from mien.assembly import installed_models

    return installed_models.open_recogniser(entry, sessions, limits)


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
