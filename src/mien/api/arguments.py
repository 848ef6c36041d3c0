"""Checks of what a caller hands over: a wrong value is a `UsageError` that names the argument."""

import math
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mien.assembly import factory, registry
from mien.errors import UsageError
from mien.models.library.store import Store
from mien.settings import Settings

_OF_MODELS = ("detector", "detect_size", "detect_score", "device", "precision")
"""Settings by which the models of a face were opened."""


def path_of(value: object, name: str) -> Path:
    """Return the path that a caller names as text or as a path."""
    if not isinstance(value, str | os.PathLike):
        raise UsageError(f"{name} is no path: {_kind(value)}", "name a file or folder, as text or as a pathlib.Path")
    text = os.fsdecode(value)
    if "\0" in text:
        raise UsageError(f"{name} contains a NUL character: {text!r}", "name a file or folder without it")
    return Path(text)


def paths_of(value: object, name: str) -> list[Path]:
    """Return the paths of a list or another sequence."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise UsageError(f"{name} is no list of paths: {_kind(value)}", "give a list, even for one path")
    return [path_of(each, f"{name}[{index}]") for index, each in enumerate(value)]


def settings_of(value: object) -> Settings:
    """Return the settings; the defaults for None."""
    if value is None:
        return Settings()
    if not isinstance(value, Settings):
        raise UsageError(f"settings are no Settings: {_kind(value)}", "make them: mien.Settings(opacity=0.9)")
    return value


def number_of(value: object) -> int | None:
    """Return the number of a face in a photo."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise UsageError(f"number is not an integer: {value!r}", "count the faces from the left, from 1")


def seconds_of(value: object, name: str) -> float | None:
    """Return a time in a video."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UsageError(f"{name} is no time in seconds: {value!r}", "give a number of seconds, or None")
    return float(value)


def models_of(models: factory.Models, opened_with: Settings, settings: Settings) -> factory.Models:
    """Return the models for these settings: those at hand where they fit. Raises a `ModelError` for unknown names."""
    chosen = {name: getattr(settings, name) for name in _OF_MODELS}
    if chosen != {name: getattr(opened_with, name) for name in _OF_MODELS}:
        models = factory.open_models(replace(opened_with, **chosen), Store())
    registry.check_names(settings, models.sessions)
    return models


def _kind(value: object) -> str:
    return "None" if value is None else type(value).__name__
