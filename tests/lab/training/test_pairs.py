"""Examples for the harmonising network: a swap under two lights, and its truth."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.assembly import factory
from mien.lab.meshes import settled
from mien.lab.training.lamps import random_light
from mien.lab.training.pairs import example, random_example, scene_side
from mien.lab.training.sitters import Sitter, sitter
from mien.models.library.store import Store
from mien.settings import Settings
from mien.types import Image


@pytest.fixture(scope="module")
def sitters(examples: Path) -> tuple[Sitter, ...]:
    models, found = factory.open_models(Settings(), Store()), []
    for name in ("grace_hopper.jpg", "eileen_collins.png"):
        image = np.asarray(cv2.imread(str(examples / name)), np.uint8)
        landmarks = settled(image, models.photo_detector.detect(image)[0].points, models)
        found.append(sitter(name, name, image, landmarks))
    return tuple(found)


def _error(patch: Image, truth: Image, mask: Image) -> float:
    return float(np.abs(patch.astype(np.float64) - truth)[mask > 200].mean())


@pytest.mark.parametrize("seed", range(4))
def test_the_patch_is_lit_as_the_engine_lights_it(sitters: tuple[Sitter, ...], seed: int) -> None:
    target, source = sitters
    side = scene_side(target)
    light, shift = random_light(np.random.default_rng(seed), 1.0), (side - target.image.shape[1]) / 2
    place = np.array([[1.0, 0, shift], [0, 1.0, shift]])
    draws = (np.random.default_rng(seed) for _ in range(2))
    lit, bare = (
        example(target, source, 0, light, place, strength, draw, plain=True)
        for strength, draw in zip((1.0, 0.0), draws, strict=True)
    )
    assert np.array_equal(lit.truth, bare.truth)
    assert _error(lit.patch, lit.truth, lit.mask) < 0.5 * _error(bare.patch, lit.truth, lit.mask)


@pytest.mark.parametrize("plain", [True, False])
def test_a_random_example_shows_a_face(sitters: tuple[Sitter, ...], plain: bool) -> None:
    side = scene_side(sitters[0])
    for seed in range(8):
        made = random_example(sitters, np.random.default_rng(seed), plain=plain)
        assert made.target.shape == made.patch.shape == made.truth.shape == (side, side, 3)
        assert (made.mask > 200).mean() > 0.1
