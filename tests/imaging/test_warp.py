"""Moves spread over a grid against their plain formula."""

import cv2
import numpy as np
import pytest

from mien.imaging.warp import spread_whole
from mien.types import Floats

ROWS, COLUMNS, PLACES = 9, 7, 40


@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_what_has_not_arrived_is_added_and_spread_again(rounds: int) -> None:
    random = np.random.default_rng(2)
    shares = random.random((ROWS * COLUMNS, PLACES), np.float32)
    shares /= shares.sum(1, keepdims=True)
    # Beyond the grid its border counts.
    places = random.uniform((-1, -1), (COLUMNS, ROWS), (PLACES, 2)).astype(np.float32)
    moves = random.uniform(-5, 5, (PLACES, 2)).astype(np.float32)
    nodes = np.empty((ROWS, COLUMNS, 2), np.float32)
    spread_whole(shares, places, moves, rounds, np.empty((2, PLACES), np.float32), nodes)
    asked = moves
    for _ in range(rounds):
        asked = asked + moves - _read(_spread(shares, asked), places)
    np.testing.assert_allclose(nodes, _spread(shares, asked), atol=1e-5)


def _spread(shares: Floats, asked: Floats) -> Floats:
    return (shares @ asked).reshape(ROWS, COLUMNS, 2)


def _read(nodes: Floats, places: Floats) -> Floats:
    column, row = places.T[:, None]
    return np.asarray(cv2.remap(nodes, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0], np.float32)
