"""Mixture of portraits on one canvas: tone by tone, with the contrast of fine detail that its makers have."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien.imaging.smoothstep import smoothstep
from mien.lab.training.stand_ins.backdrop import GREY
from mien.types import Array, Floats, Image


@dataclass(frozen=True, slots=True)
class MixTuning:
    """Numbers behind the committed assets; chosen by eye."""

    sigmas: tuple[float, ...] = (0.8, 1.6, 3.2, 6.4, 12.8)  # pixels of the canvas: borders of the bands
    fine_bands: int = 4  # whose contrast is brought back
    local: float = 8.0  # sigma over which contrast is compared
    outliers: float = 2.5  # local deviations; a mole of one person is not amplified
    most: float = 4.0  # times that a band's contrast may grow
    quiet: float = 0.001  # natural logarithm of a contrast that is noise
    darkest: float = 6.0  # levels added before the logarithm
    outline: tuple[float, float] = (0.6, 0.8)  # share of the makers that cover a pixel of the outline
    outline_sigma: float = 3.0  # pixels over which that share is smoothed


TUNING = MixTuning()


@dataclass(frozen=True, slots=True)
class Bands:
    """A picture as natural logarithms: the coarse rest and bands of detail from fine to coarse, float32 (h, w, 3).

    `energies` are the mean squares around each pixel of the fine bands, `opacity` that of the head, float32 (h, w).
    """

    rest: Floats
    details: tuple[Array, ...]
    energies: tuple[Array, ...]
    opacity: Floats

    def packed(self) -> "Bands":
        """Return the bands with details and energies in half precision: dozens of people are held in memory."""
        return replace(self, details=_halves(self.details), energies=_halves(self.energies))


def _halves(many: Sequence[Array]) -> tuple[Array, ...]:
    return tuple(each.astype(np.float16) for each in many)


def bands_of(picture: Image) -> Bands:
    """Take a picture, BGRA uint8, apart; outliers are cut off the fine bands."""
    now = np.log(picture[:, :, :3].astype(np.float32) + np.float32(TUNING.darkest))
    details: list[Floats] = []
    energies: list[Floats] = []
    before = 0.0
    for number, sigma in enumerate(TUNING.sigmas):
        soft = np.asarray(cv2.GaussianBlur(now, (0, 0), float(np.sqrt(sigma**2 - before**2))), np.float32)
        detail = now - soft
        if number < TUNING.fine_bands:
            detail, energy = _tamed(detail)
            energies.append(energy)
        details.append(detail)
        now, before = soft, sigma
    return Bands(now, tuple(details), tuple(energies), picture[:, :, 3].astype(np.float32) / np.float32(255))


def mixed(many: Sequence[Bands], shares: Floats, *, restore: bool) -> Bands:
    """Return the weighted mean of pictures; with `restore` its fine detail has the local contrast of theirs, not of a mean."""
    weighted = [(bands, np.float32(share)) for bands, share in zip(many, shares, strict=True)]
    rest, opacity = (_sum([(getattr(bands, name), share) for bands, share in weighted]) for name in ("rest", "opacity"))
    details = [_sum([(bands.details[i], share) for bands, share in weighted]) for i in range(len(TUNING.sigmas))]
    energies = [_sum([(bands.energies[i], share) for bands, share in weighted]) for i in range(TUNING.fine_bands)]
    if restore:
        for number, energy in enumerate(energies):
            gain = np.sqrt(energy / (_local(details[number]) + np.float32(TUNING.quiet**2)))
            details[number] *= np.clip(gain, 1, TUNING.most)[:, :, None]
    return Bands(rest, tuple(details), tuple(energies), opacity)


def _sum(weighted: Sequence[tuple[Array, np.float32]]) -> Floats:
    """Return the weighted sum of arrays in single precision."""
    total = np.zeros(weighted[0][0].shape, np.float32)
    for values, share in weighted:
        total += values.astype(np.float32) * share
    return total


def pictured(whole: Bands, mean: Bands, strength: float) -> Image:
    """Return the picture of a mixture whose difference from the mean is `strength` times as large, BGR uint8."""
    grown = np.float32(strength - 1)
    logarithm = whole.rest + grown * (whole.rest - mean.rest)
    for number, (detail, usual) in enumerate(zip(whole.details, mean.details, strict=True)):
        logarithm = logarithm + detail
        if number >= TUNING.fine_bands:
            logarithm = logarithm + grown * (detail - usual)
    levels = np.exp(logarithm) - np.float32(TUNING.darkest)
    low, high = TUNING.outline
    share = cv2.GaussianBlur(whole.opacity, (0, 0), TUNING.outline_sigma)
    opacity = smoothstep((share - low) / (high - low))[:, :, None]
    levels = np.float32(GREY) + (levels - np.float32(GREY)) * opacity
    return np.asarray(np.clip(levels + np.float32(0.5), 0, 255), np.uint8)


def _tamed(detail: Floats) -> tuple[Floats, Floats]:
    """Return a band without outliers, and its local energy."""
    energy = _local(detail)
    most = np.float32(TUNING.outliers) * np.sqrt(energy + np.float32(TUNING.quiet**2))[:, :, None]
    return np.clip(detail, -most, most), energy


def _local(detail: Floats) -> Floats:
    return np.asarray(cv2.GaussianBlur(np.square(detail).mean(axis=2), (0, 0), TUNING.local), np.float32)
