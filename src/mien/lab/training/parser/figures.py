"""Figures of a parser on examples of people held back: each kind of occluder, and each class."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mien.contracts import Parser
from mien.lab.training.parser.canvas import CLASSES, Example, before
from mien.lab.training.parser.scenes import KINDS, Props, random_example
from mien.models.format.parsing import FaceClass
from mien.types import Array

_SEED = 99  # of the examples, which no training used
_BATCH = 16  # crops a run; bounds memory
_MIN_WEIGHT = 150  # of 255, above which a pixel counts: the face without its soft border
_HALF = 127  # of 255, above which a pixel is an occluder


@dataclass(frozen=True, slots=True)
class KindFigures:
    """Figures of the examples of one kind, percent; None where the truth has no occluder.

    `overlap`: intersection over union of the occluders' pixels. `kept`: share of the occluders' pixels that are found.
    `given_back`: share of the free pixels that are taken for an occluder, where the wearer would show. `given_back_mean` and
    `given_back_worst`: such pixels as shares of each picture's face, in the mean and in the worst picture.
    """

    overlap: float | None
    kept: float | None
    given_back: float
    given_back_mean: float
    given_back_worst: float

    @property
    def text(self) -> str:
        """The figures that matter most, in words."""
        kept = "" if self.kept is None else f"kept {self.kept:.1f} %, "
        return f"{kept}given back {self.given_back:.2f} %"


@dataclass(frozen=True, slots=True)
class Figures:
    """`kinds` by the names of `scenes.KINDS`; `classes`: intersection over union by the class's name, percent."""

    examples_per_kind: int
    kinds: dict[str, KindFigures]
    classes: dict[str, float | None]


def measure(props: Props, parser: Parser, count: int, progress: Callable[[str], None]) -> Figures:
    """Measure a parser on `count` examples of each kind, the same in every run."""
    both, either = np.zeros(CLASSES, np.int64), np.zeros(CLASSES, np.int64)
    kinds: dict[str, KindFigures] = {}
    for kind in KINDS:
        rows = examples_of(props, kind, count)
        found, truth = predicted(parser, rows), np.stack([each.truth for each in rows])
        kinds[kind] = _of_kind(before(found) > _HALF, before(truth) > _HALF, _weighed(rows, "judged"))
        known, found, truth = _weighed(rows, "known"), found.argmax(axis=3), truth.argmax(axis=3)
        for number in range(CLASSES):
            given, wanted = (found == number) & known, (truth == number) & known
            both[number] += np.count_nonzero(given & wanted)
            either[number] += np.count_nonzero(given | wanted)
        progress(f"{kind}: {kinds[kind].text}")
    return Figures(count, kinds, {each.name.lower(): _percent(both[each], either[each]) for each in FaceClass})


def examples_of(props: Props, kind: str, count: int) -> list[Example]:
    """Return examples of one kind, the same in every run."""
    draw = np.random.default_rng(_SEED)
    return [random_example(props, draw, kind) for _ in range(count)]


def predicted(parser: Parser, rows: Sequence[Example]) -> Array:
    """Return the shares of the classes that a parser predicts, uint8 (n, 96, 96, classes)."""
    parts = (rows[first : first + _BATCH] for first in range(0, len(rows), _BATCH))
    return np.stack([shares.transpose(1, 2, 0) for part in parts for shares in parser.parse([each.image for each in part])])


def _weighed(rows: Sequence[Example], name: str) -> Array:
    return np.stack([getattr(each, name) for each in rows]) > _MIN_WEIGHT


def _of_kind(found: Array, truth: Array, judged: Array) -> KindFigures:
    """Return the figures of occluders found and true, bool (n, 96, 96), where they are `judged`."""
    free = judged & ~truth
    wrong = (found & free).sum(axis=(1, 2)) / np.maximum(judged.sum(axis=(1, 2)), 1)
    kept = np.count_nonzero(found & truth & judged)
    return KindFigures(
        _percent(kept, np.count_nonzero((found | truth) & judged)),
        _percent(kept, np.count_nonzero(truth & judged)),
        _percent(np.count_nonzero(found & free), np.count_nonzero(free)) or 0.0,
        round(100 * float(wrong.mean()), 3),
        round(100 * float(wrong.max()), 3),
    )


def _percent(part: np.integer[Any] | int, whole: np.integer[Any] | int) -> float | None:
    return round(100 * float(part) / float(whole), 3) if whole else None
