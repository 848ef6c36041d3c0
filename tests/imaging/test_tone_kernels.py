"""Each kernel of the light map against its plain formula, on cells of random colours."""

import numpy as np
import pytest

from mien.imaging.area_kernels import gather_cells
from mien.imaging.colour import LUMA, ToneTuning
from mien.imaging.tone_kernels import skin_base, weigh_skin, write_light
from mien.types import Array, Floats

TUNING = ToneTuning()
BLACK = TUNING.black_level
ROWS, COLUMNS = 9, 7


def _cells(channels: int, seed: int, low: float = 5, high: float = 200) -> Floats:
    return np.random.default_rng(seed).uniform(low, high, (ROWS, COLUMNS, channels)).astype(np.float32)


def _close(made: Array, wanted: Array) -> None:
    np.testing.assert_allclose(made, wanted, rtol=2e-5, atol=2e-4)


@pytest.mark.parametrize("size_hw", [(45, 28), (100, 61), (9, 7), (5, 7)])
def test_cells_are_the_means_of_their_pixels(size_hw: tuple[int, int]) -> None:
    random = np.random.default_rng(5)
    crop, target = (random.integers(0, 256, (*size_hw, 3), np.uint8) for _ in range(2))
    mask = random.integers(0, 2, size_hw, np.uint8) * random.integers(0, 256, size_hw, np.uint8)
    cells = np.empty((ROWS, COLUMNS, 8), np.float32)
    gather_cells(crop.reshape(len(mask), -1), target.reshape(len(mask), -1), mask, cells)
    height, width = size_hw
    for row, column in ((0, 0), (3, 2), (ROWS - 1, COLUMNS - 1)):
        down, across = (_overlap(index, count, size) for index, count, size in ((row, ROWS, height), (column, COLUMNS, width)))
        share = np.outer(down, across)
        planes = np.dstack([crop, target, mask, mask > 0]).astype(np.float64)
        np.testing.assert_allclose(cells[row, column], (planes * share[:, :, None]).sum((0, 1)) / share.sum(), atol=2e-3)


def _overlap(index: int, count: int, size: int) -> Array:
    """Return the share of each pixel in a cell."""
    first, last = index * size / count, (index + 1) * size / count
    return np.array([max(0.0, min(x + 1, last) - max(x, first)) for x in range(size)])


def test_cells_unlike_their_mean_count_less() -> None:
    both, blurred, weight = _cells(6, 1), _cells(7, 2), _cells(1, 3, 0, 1)[:, :, 0]
    blurred[:, :, 6] = 0.5 + weight
    weight[0] = 0
    mean, weighed = np.empty_like(both), np.empty((ROWS, COLUMNS, 8), np.float32)
    weigh_skin(both, blurred, weight, BLACK, TUNING.brighter_share, TUNING.unlike_share, mean, weighed)
    _close(mean, blurred[:, :, :6] / (blurred[:, :, 6:] + 1e-6))
    for number, part in enumerate((slice(0, 3), slice(3, 6))):
        usual = mean[:, :, part] @ LUMA
        off = (both[:, :, part] @ LUMA - usual) / (usual + BLACK)
        sure = weight / np.square(1 + np.square(off / np.where(off > 0, TUNING.brighter_share, TUNING.unlike_share)))
        _close(weighed[:, :, 6 + number], sure)
        _close(weighed[:, :, part], both[:, :, part] * sure[:, :, None])


@pytest.mark.parametrize("seen", [True, False])
def test_detail_is_summed_inside_only(seen: bool) -> None:
    both, mean, blurred = _cells(6, 1), _cells(6, 2), _cells(8, 3)
    inside = (_cells(1, 4)[:, :, 0] > 80) & seen
    base, energy = np.empty_like(both), np.full(2, 7.0)
    skin_base(both, mean, blurred, inside, BLACK, base, energy)
    totals = np.repeat(blurred[:, :, 6:], 3, axis=2)
    wanted = (blurred[:, :, :6] + 0.05 * mean) / (totals + 0.05)
    _close(base, wanted)
    ratio = (wanted[:, :, 3:] @ LUMA + BLACK) / (wanted[:, :, :3] @ LUMA + BLACK)
    detail = both - wanted
    detail[:, :, :3] *= np.minimum(ratio, 1)[:, :, None]
    _close(energy, np.array([np.square(detail[inside][:, part]).sum() for part in (slice(0, 3), slice(3, 6))]))


@pytest.mark.parametrize("white", [TUNING.highlight_white, -1.0])
@pytest.mark.parametrize("strength", [0.0, 0.6, 1.0])
def test_light_and_what_it_lacks(white: float, strength: float) -> None:
    both, base, weight = _cells(6, 1), _cells(6, 2), _cells(1, 3, 0, 1)[:, :, 0]
    gain, clear = 0.9, 0.8
    light, lacks = np.empty((ROWS, COLUMNS, 13), np.float32), np.empty((ROWS, COLUMNS, 4), np.float32)
    numbers = np.array((BLACK, TUNING.darker_skin, TUNING.unlike_share), np.float32)
    powers = _cells(1, 4, TUNING.skin_power, TUNING.hair_power)[:, :, 0]
    brows = _cells(1, 5, 0, 1)[:, :, 0]
    write_light(both, base, weight, powers, brows, gain, clear, white, strength, numbers, light, lacks)
    own, wanted = base[:, :, :3], base[:, :, 3:]
    own_luma, wanted_luma = ((mean @ LUMA)[:, :, None] + BLACK for mean in (own, wanted))
    ratio = wanted_luma / own_luma
    assert (ratio < 1).any()
    assert (ratio > TUNING.darker_skin).any()
    exposure = np.minimum(ratio, TUNING.darker_skin)
    darker = gain * np.where(ratio < 1, ratio**0.8, exposure**0.85 * (ratio / exposure) ** powers[:, :, None])
    brighter = gain * np.where(ratio < 1, ratio**0.3, ratio**-0.6)
    tint = np.zeros_like(ratio) if white < 0 else clear * np.clip(ratio**0.75, 0.35, 1.0)
    own_tone, wanted_tone = (own + BLACK) / own_luma, (wanted + BLACK) / wanted_luma
    less_blue = np.clip((1 - wanted_tone[:, :, :1]) / np.maximum(1 - own_tone[:, :, :1], 0.02), 0, 1)
    assert (less_blue < 1).any()
    tint = tint * (1 - brows[:, :, None] * (1 - less_blue))
    own_shine, wanted_shine = (tone + max(white, 0) * (1 - tone) for tone in (own_tone, wanted_tone))
    parts = (
        own, own + strength * (wanted - own), strength * (darker * wanted_tone - tint * own_tone),
        strength * (brighter * wanted_shine - tint * own_shine), 1 + strength * (tint - 1),
    )  # fmt: skip
    _close(light, np.concatenate(parts, axis=2))
    detail = both[:, :, :3] - own
    luma = (detail @ LUMA)[:, :, None]
    rest = both[:, :, 3:] - (parts[1] + detail * parts[4] + luma * np.where(luma < 0, parts[2], parts[3]))
    off = (rest @ LUMA) / (both[:, :, 3:] @ LUMA + BLACK)
    sure = (weight / np.square(1 + np.square(off / TUNING.unlike_share)))[:, :, None]
    _close(lacks, np.dstack([rest * sure, sure]))
