"""Results of an evaluation: figures with their goals, and the pictures, plots and clips beside them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mien.types import Image


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number with at most one goal; NaN = not measurable."""

    name: str
    value: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None

    @property
    def reached(self) -> bool | None:
        """True where the goal is met, None without a goal or without a value."""
        if math.isnan(self.value) or (self.at_most is None and self.at_least is None):
            return None
        return self.value <= self.at_most if self.at_most is not None else self.value >= (self.at_least or 0.0)

    @property
    def bar(self) -> str:
        """The goal in words, empty without one."""
        if self.at_most is not None:
            return f"at most {self.at_most:g}"
        return f"at least {self.at_least:g}" if self.at_least is not None else ""

    @property
    def shown(self) -> str:
        """The value with its unit."""
        return "not measured" if math.isnan(self.value) else f"{self.value:.4g} {self.unit}".rstrip()

    @property
    def verdict(self) -> str:
        """ "reached", "MISSED" or "NOT MEASURED"; empty without a goal."""
        if self.bar and math.isnan(self.value):
            return "NOT MEASURED"
        return {True: "reached", False: "MISSED", None: ""}[self.reached]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Picture for the report, BGR uint8; labelled before it is written."""

    caption: str
    image: Image


@dataclass(frozen=True, slots=True)
class Plot:
    """Lines over a common axis; NaN leaves a gap."""

    caption: str
    across: str
    up: str
    lines: Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Clip:
    """Frames for a small video beside the report, BGR uint8 of one size; labelled before they are written."""

    name: str
    caption: str
    frames: tuple[Image, ...]
    rate: int = 25


@dataclass(frozen=True, slots=True)
class Section:
    """Results of one part. `details` go into figures.json unchanged; `notes` say what was omitted and why.

    `pages` are pictures for files of their own, to judge by eye.
    """

    name: str
    title: str
    figures: tuple[Figure, ...]
    details: Mapping[str, Any] = field(default_factory=dict)
    sheets: tuple[Sheet, ...] = ()
    plots: tuple[Plot, ...] = ()
    clips: tuple[Clip, ...] = ()
    notes: tuple[str, ...] = ()
    pages: tuple[Sheet, ...] = ()
    seconds: float = 0.0


def as_json(sections: Sequence[Section]) -> dict[str, Any]:
    """Return the figures by section and name for `json.dumps`; NaN becomes null."""
    return {
        section.name: {
            "figures": {
                figure.name: {
                    "value": None if math.isnan(figure.value) else figure.value,
                    "unit": figure.unit,
                    "bar": figure.bar or None,
                    "reached": figure.reached,
                }
                for figure in section.figures
            },
            "details": _clean(section.details),
            "notes": list(section.notes),
            "seconds": round(section.seconds, 1),
        }
        for section in sections
    }


def mean(values: Sequence[float]) -> float:
    """Return the mean, NaN for no values."""
    return float(sum(values) / len(values)) if len(values) else math.nan


def _clean(value: Any) -> Any:
    """Convert numpy numbers to Python's and NaN to None, at every level."""
    if isinstance(value, Mapping):
        return {str(key): _clean(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(entry) for entry in value]
    if isinstance(value, (str, bool, int)) or value is None:
        return value
    number = float(value)
    return None if math.isnan(number) else number
