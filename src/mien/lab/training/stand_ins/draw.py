"""Draws of stand-ins: who contributes to the skin, who to the shape, and how much."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mien.lab.training.stand_ins.contributors import Contributor
from mien.types import Array, Floats


@dataclass(frozen=True, slots=True)
class DrawTuning:
    """Numbers behind the committed assets."""

    contributors: int = 12  # to the skin, and as many others to the shape
    least_share: float = 0.04
    most_share: float = 0.18  # below the fifth that is promised
    directions: int = 8  # in which descriptors differ most; further ones are what single people have
    age: float = 0.8  # weight of the apparent age beside the first direction
    older: float = 0.5  # liking of older people: a mean of faces looks younger than they do
    chance: float = 0.3  # of a person to be taken who is not the likest, in deviations
    evenness: float = 4.0  # of the Dirichlet distribution of shares: larger = more equal


TUNING = DrawTuning()


@dataclass(frozen=True, slots=True)
class Draw:
    """Contributors by index and their shares, which add up to 1; nobody gives both skin and shape."""

    skin: tuple[int, ...]
    skin_shares: Floats
    shape: tuple[int, ...]
    shape_shares: Floats

    @property
    def everybody(self) -> tuple[int, ...]:
        """All contributors."""
        return (*self.skin, *self.shape)


class Draws:
    """Endless draws of one seed: people who are alike in a random direction of the descriptors and of age."""

    def __init__(self, contributors: Sequence[Contributor], seed: int) -> None:
        self._random = np.random.default_rng(seed)
        descriptors = np.stack([each.descriptor for each in contributors]).astype(np.float64)
        left, sizes, _ = np.linalg.svd(descriptors - descriptors.mean(0), full_matrices=False)
        ages = np.array([each.age for each in contributors])
        scores = left[:, : TUNING.directions] * np.sqrt(len(contributors))
        self._scores: Array = np.column_stack([scores, (ages - ages.mean()) / max(float(ages.std()), 1e-6)])
        self._sizes: Array = np.append(np.sqrt(sizes[: TUNING.directions] / sizes[0]), TUNING.age)

    def next(self) -> Draw:
        """Return the next draw."""
        direction = self._random.normal(size=len(self._sizes)) * self._sizes
        direction /= np.linalg.norm(direction)
        likeness = self._scores @ direction + TUNING.older * self._scores[:, -1]
        likeness += self._random.gumbel(size=len(self._scores)) * TUNING.chance
        chosen = np.argsort(-likeness)[: 2 * TUNING.contributors]
        self._random.shuffle(chosen)
        skin, shape = (tuple(map(int, part)) for part in np.split(chosen, 2))
        return Draw(skin, self._shares(), shape, self._shares())

    def _shares(self) -> Floats:
        shares = self._random.dirichlet(np.full(TUNING.contributors, TUNING.evenness))
        for _ in range(20):
            # Shares that are cut off go to the others, which may then be too large again.
            shares = np.clip(shares, TUNING.least_share, TUNING.most_share)
            shares /= shares.sum()
        return np.asarray(shares, np.float32)
