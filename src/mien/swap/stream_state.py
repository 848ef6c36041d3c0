"""State of a stream of frames as bytes: a stream that is interrupted goes on elsewhere as if nothing had been.

A class that remembers something from frame to frame has its fields here, or is a dataclass of a module that is listed. Models,
settings and the cast are not in the bytes: who goes on opens the same.
"""

from collections.abc import Mapping
from dataclasses import is_dataclass
from types import ModuleType

from mien import types
from mien.face import beard, sharpness
from mien.imaging import grain, line_rows
from mien.swap import casting, hidden_heads
from mien.swap.memory import (
    brows,
    creases,
    crossings,
    eye_whites,
    hands,
    hidden_landmarks,
    look_turns,
    observer,
    parsing,
    segmentation,
)
from mien.swap.memory.occlusion import change
from mien.swap.memory.occlusion import track as occlusion
from mien.swap.people import identities, look, template
from mien.swap.stages import cover, glasses_places, kept_glasses, shave
from mien.swap.stages.enhance import stage
from mien.swap.tracking import box, scene_cut, smoothing, tilted_heads, track, tracker
from mien.system.object_bytes import ObjectBytes, fields_of

_MODULES: tuple[ModuleType, ...] = (
    types, beard, sharpness, grain, casting, hidden_heads, brows, creases, crossings, eye_whites, hands, hidden_landmarks,
    look_turns, observer, parsing, segmentation, change, occlusion, identities, look, template, cover, glasses_places,
    kept_glasses, line_rows, shave, stage, box, scene_cut, smoothing,
    tilted_heads, track, tracker,
)  # fmt: skip
"""Modules whose dataclasses are stored, and whose tunings are named."""
_REMEMBERING: dict[type, str] = {
    smoothing.LandmarkFilter: "_strength _point_noise _head_noise _smoothed _head_trend _point_trend",
    scene_cut.SceneCuts: "_before _shape _usual",
    scene_cut.Motion: "_before",
    observer.Observer: "_memories _grain",
    brows.Brows: "_usual",
    crossings.Crossings: "_behind _before",
    segmentation.Segmentation: "_max_share _turns _masks",
    look_turns.LookTurns: "_every _turns _frame",
    parsing.Parsing: "_live _turns _looks",
    hands.Hands: "_near _frame",
    hidden_landmarks.HiddenLandmarks: "_shapes",
    stage.Enhancement: "_live _known _since_s _wearing _worker _failures",
    shave.Shaving: "_known",
    kept_glasses.KeptGlasses: "_known _waited",
    casting.Casting: "_most _identities _cast _people _chooser _count",
    casting.Chooser: "_chosen _seen_s",
    identities.Identities: "recogniser _most _people _tracks _gathered _struck _count",
}
"""Classes that are no dataclasses, with all their fields."""


def stream_bytes(named: Mapping[str, object]) -> ObjectBytes:
    """Return the writer and reader of what is known of a stream; `named` is what it is opened with, by any names."""
    given = {name: each for name, each in named.items() if each is not None}
    return ObjectBytes(_classes(), {**_constants(), **given})


def _classes() -> dict[type, tuple[str, ...]]:
    found = {cls: fields_of(cls) for module in _MODULES for cls in vars(module).values() if _is_own_dataclass(cls, module)}
    return {**found, **{cls: tuple(names.split()) for cls, names in _REMEMBERING.items()}}


def _is_own_dataclass(value: object, module: ModuleType) -> bool:
    return isinstance(value, type) and is_dataclass(value) and value.__module__ == module.__name__


def _constants() -> dict[str, object]:
    """Return the tunings and other constants of the modules: they are what they are, not what bytes say."""
    return {
        f"{module.__name__}.{name}": value
        for module in _MODULES
        for name, value in vars(module).items()
        if is_dataclass(value) and not isinstance(value, type) and type(value).__module__ == module.__name__
    }
