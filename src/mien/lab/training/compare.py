"""Comparison of the engine with and without the harmonising network: swaps of known light on held-out people."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import cv2
import numpy as np

from mien.contracts import Harmoniser, Recogniser
from mien.imaging.colour import LUMA
from mien.lab.training.pairs import Example, random_example
from mien.lab.training.sitters import Sitter
from mien.swap.stages.compose import compose
from mien.swap.stages.harmonise import harmonise
from mien.types import Array, FacePatch, Floats, Frame, Image, Landmarks, Mask, TrackedFace

_SEED = 11  # any; the same swaps in every run
_HERE = np.array([[1.0, 0, 0], [0, 1, 0]])
_CELLS = 24  # a side of the grid on which coarse luminance is read


@dataclass(frozen=True, slots=True)
class Measured:
    """One swap.

    Embedding distances to source and target; correlation of the face's coarse luminance with the target's and the truth's;
    steepness where the mask is soft, 1 = as steep as the target; mean difference from the truth in levels.
    """

    to_source: float
    to_target: float
    light: float
    light_truth: float
    seam: float
    error: float


def compare(
    sitters: Sequence[Sitter], finisher: Harmoniser, recogniser: Recogniser, count: int, progress: Callable[[int, int], None]
) -> dict[str, Any]:
    """Return means over `count` swaps without the network, with it and of the truth, and the milliseconds a face."""
    draw = np.random.default_rng(_SEED)
    rows: dict[str, list[Measured]] = {"without": [], "with": [], "truth": []}
    took = []
    for number in range(count):
        example = random_example(sitters, draw, plain=True)
        frame, face = Frame(example.target, 0, 0, Fraction(1)), TrackedFace(1, Landmarks(example.points, 1.0), 1)
        patch = FacePatch(example.patch, example.mask, _HERE)
        started = time.perf_counter()
        finished = harmonise(frame, face, patch, finisher)
        took.append(time.perf_counter() - started)
        whose = [recogniser.describe(each.image, Landmarks(each.points, 1.0)) for each in (example.source, example.sitter)]
        truth = FacePatch(example.truth, example.mask, _HERE)
        for name, each in (("without", patch), ("with", finished), ("truth", truth)):
            rows[name].append(_measured(example, each, whose, recogniser))
        progress(number + 1, count)
    return {
        "swaps": count,
        **{name: _means(found) for name, found in rows.items()},
        "lit_95": {name: float(np.mean([row.light >= 0.95 for row in found])) for name, found in rows.items()},
        "milliseconds_median": float(1000 * np.median(took)),
    }


def _means(rows: Sequence[Measured]) -> dict[str, float]:
    return {key: float(np.nanmean([asdict(row)[key] for row in rows])) for key in asdict(rows[0])}


def coarse_luminance(picture: Image) -> Floats:
    """Return luminance without detail, float32 (24, 24)."""
    return np.asarray(cv2.resize(picture, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA) @ LUMA, np.float32)


def light_correlation(picture: Image, wanted: Image, mask: Mask) -> float:
    """Return the correlation of the coarse luminance of two pictures where the mask is full."""
    inside = cv2.resize(mask, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA) > 230
    if inside.sum() < 8:
        return float("nan")
    return float(np.corrcoef(coarse_luminance(picture)[inside], coarse_luminance(wanted)[inside])[0, 1])


def seam_ratio(picture: Image, target: Image, mask: Mask) -> float:
    """Return the mean steepness along the mask's soft border, as a multiple of the target's."""
    ring = (mask > 8) & (mask < 200)
    if not ring.any():
        return float("nan")
    return float(_steepness(picture)[ring].mean()) / max(float(_steepness(target)[ring].mean()), 1e-6)


def _steepness(picture: Image) -> Array:
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    smooth = cv2.GaussianBlur(grey, (0, 0), max(0.7, 0.006 * grey.shape[0]))
    return np.asarray(cv2.magnitude(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)))


def _measured(example: Example, patch: FacePatch, whose: Sequence[Floats], recogniser: Recogniser) -> Measured:
    made, truth = example.target.copy(), example.target.copy()
    compose(made, patch)
    compose(truth, FacePatch(example.truth, example.mask, _HERE))
    embedding = recogniser.describe(made, Landmarks(example.points, 1.0))
    share = example.mask[:, :, None] / 255.0
    difference = np.abs(made.astype(np.float32) - truth) * share
    return Measured(
        float(np.linalg.norm(embedding - whose[0])),
        float(np.linalg.norm(embedding - whose[1])),
        light_correlation(made, example.target, example.mask),
        light_correlation(made, truth, example.mask),
        float(seam_ratio(made, example.target, example.mask)),
        float(difference.sum() / (3 * share.sum() + 1e-6)),
    )
