"""Examples for the parser: a portrait, its backdrop and skin, what it wears, light, occluders, camera."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mien.lab.training.parser.beards import add_beard
from mien.lab.training.parser.camera import photograph
from mien.lab.training.parser.canvas import Example, canvas_of
from mien.lab.training.parser.glasses import add_glasses
from mien.lab.training.parser.hair import add_hair
from mien.lab.training.parser.hands import add_hand
from mien.lab.training.parser.portraits import Portrait
from mien.lab.training.parser.skin import vary_light, vary_skin
from mien.lab.training.parser.things import add_cap, add_cloth, add_thing, replace_backdrop
from mien.types import Array, Floats, Image

KINDS = ("bare", "beard", "hair", "glasses", "cap", "cloth", "hand", "thing")
_SHARES = (0.13, 0.08, 0.17, 0.17, 0.05, 0.04, 0.26, 0.10)
"""Probabilities of the kinds, in their order, for the first addition to a portrait."""
_SINGLE_SHARE = 0.72  # of the pictures; the others get two kinds


@dataclass(frozen=True, slots=True)
class Props:
    """Material of examples.

    `pictures` BGR uint8, of which surfaces and backdrops are cut; `cuts` BGRA uint8 (160, 160, 4), real hands; `poses` float32
    (21, 3), joints of real hands.
    """

    portraits: Sequence[Portrait]
    pictures: Sequence[Image]
    cuts: Sequence[Array]
    poses: Sequence[Floats]


def random_example(props: Props, draw: np.random.Generator, kind: str | None = None) -> Example:
    """Return a random example, or one with a given `kind` of `KINDS` alone."""
    canvas = canvas_of(props.portraits[int(draw.integers(len(props.portraits)))], draw)
    kinds = [kind] if kind else _chosen(draw)
    if draw.random() < 0.7:
        replace_backdrop(canvas, draw, props.pictures)
    vary_skin(canvas, draw)
    if "beard" in kinds:
        add_beard(canvas, draw)
    if "hair" in kinds:
        add_hair(canvas, draw)
    if "glasses" in kinds:
        add_glasses(canvas, draw)
    if "cap" in kinds:
        add_cap(canvas, draw, props.pictures)
    vary_light(canvas, draw)
    if "cloth" in kinds:
        add_cloth(canvas, draw, props.pictures)
    if "thing" in kinds:
        add_thing(canvas, draw, props.pictures)
    if "hand" in kinds:
        add_hand(canvas, draw, props.cuts, props.poses)
        if draw.random() < 0.2:
            add_hand(canvas, draw, props.cuts, props.poses)
    photograph(canvas, draw)
    return canvas.example()


def _chosen(draw: np.random.Generator) -> list[str]:
    count = 1 if draw.random() < _SINGLE_SHARE else 2
    return [str(kind) for kind in draw.choice(KINDS, count, replace=False, p=_SHARES)]
