"""Finds and reads the invisible mark: in whole pictures at once, in pieces, zoomed, turned or mirrored ones by a search.

Pictures are whitened (local mean removed, less weight where much goes on), summed over the frames, folded to one tile, whose
spectrum is flattened and correlated with the five patterns. The statistic is the sum of the anchor's correlation and of each
byte's best one, so that all of the mark's energy counts. The geometry of a piece shows without the key: a repeated tile leaves
a lattice of sharp lines in the spectrum of the whole picture.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from math import cos, degrees, floor, log, radians, sin

import cv2
import numpy as np

from mien.imaging.kernels import kernel
from mien.provenance.mark.pattern import (
    GRID,
    HIGHEST,
    KEY,
    LOWEST,
    SHIFT,
    TILES,
    code_spectra,
    crc8,
    gain,
    nominal_tile,
    pattern,
    tile_pixels,
)
from mien.types import Array, Floats, Image

FOUND_FROM = 7.5
"""Least z at the geometry of a whole picture, upright or mirrored: false in 2 of 10⁸ files at the most."""
SEARCHED_FROM = 10.5
"""Least z after a search: false in 3 of 10⁸ files at the most."""
_MEAN, _DEVIATION = 12.74, 1.014
"""Of the best statistic around the corner, by a million random keys on unmarked pictures; z counts from there."""
_SEARCHED_MEAN, _SEARCHED_DEVIATION = 15.57, 0.645
"""The same for the best of all shifts."""
_SEARCH_SIDE = 1280
_MOST_KEPT = 48
"""Frames that a search looks at."""
_BLUR = 9
_AROUND, _MOST_MAGNITUDE = 7, 2.0
"""How a tile's spectrum is flattened: the side of the neighbourhood, and the limit in means of it."""
_LISTED = 3
"""Bytes of each pattern that are tried when the likeliest ones contradict the check."""
_COMBINATIONS = 6
_SECOND_FROM = 4.2
"""A second peak so high in two patterns is a second mark: of one pattern's 256, chance brings one in 300 pictures."""
_LEAST_PERIOD, _MOST_PERIOD = 36.0, 420.0
_PERIOD_STEP = 0.003
_MOST_TURN_DEG, _TURN_STEP_DEG = 6.0, 0.25
_STEP_BINS = 0.35
"""Steps of the search at the finest wave of the smallest tile; pictures of 320 pixels and more take the steps above."""
_CANDIDATES = 10
_USUAL_SIDES = (480, 640, 720, 768, 800, 854, 960, 1024, 1080, 1280, 1366, 1440, 1600, 1920, 2560, 3840)
"""Longer sides that whole pictures usually have; a piece at its own size has the tile of one of them."""


@dataclass(frozen=True, slots=True)
class MarkFound:
    """`mark_id` is None when the mark is there and its id cannot be read for certain.

    `z` is how far the evidence lies over chance; `scale` the size of the pattern against that of a whole picture of this
    size; `strength` the amplitude against that of a fresh mark, nan unless the picture is whole.
    """

    mark_id: int | None
    z: float
    scale: float
    angle_deg: float
    mirrored: bool
    strength: float
    frames: int


@dataclass(frozen=True, slots=True)
class _Geometry:
    """Where the tiles lie: `period` in pixels of the searched picture, turned by `angle_deg` after flipping."""

    period: float
    angle_deg: float
    mirrored: bool


class MarkReader:
    """Takes pictures of one video, all of the same size, or a single one; reads what they carry together."""

    def __init__(self, key: bytes = KEY) -> None:
        self._codes = np.conj(code_spectra(key)).astype(np.complex64)
        self._sums: dict[float, Floats] = {}
        self._weights: dict[float, Floats] = {}
        self._greys: list[Image] = []
        self._size_wh: tuple[int, int] | None = None
        self._frames = 0

    def add(self, image: Image) -> None:
        """Take one picture, BGR uint8 (h, w, 3). Raises `ValueError` for one of another size than the first."""
        height, width = image.shape[:2]
        if self._size_wh not in {None, (width, height)}:
            raise ValueError(f"pictures read together are of one size, got {self._size_wh} and {(width, height)}")
        self._size_wh = width, height
        # Grey first: shrinking one channel costs a third.
        grey = _reduced(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8))
        for factor in self._factors():
            whitened, weight = _whitened(_sized(grey, round(width * factor), round(height * factor)))
            self._sums[factor] = self._sums.get(factor, np.float32(0)) + whitened
            self._weights[factor] = self._weights.get(factor, np.float32(0)) + weight
        if len(self._greys) < _MOST_KEPT:
            self._greys.append(np.asarray(grey, np.uint8))
        self._frames += 1

    def read(self, *, search: bool = False) -> MarkFound | None:
        """What was found; None when nothing is surely there. `search` also tries pieces, zooms, turns and reflections."""
        if self._size_wh is None:
            return None
        found = self._at_full_size()
        if search and (found is None or found.mark_id is None):
            searched = self._searched()
            if searched is not None and (found is None or searched.mark_id is not None):
                return searched
        return found

    def tiles(self) -> dict[tuple[float, bool], Floats]:
        """What `read` correlates, float32 (64, 64), by the factor to the size as marked and whether it is mirrored."""
        return {
            (factor, mirrored): _folded(whole[:, ::-1] if mirrored else whole)
            for factor, whole in self._sums.items()
            for mirrored in (False, True)
        }

    def _factors(self) -> tuple[float, ...]:
        """From the picture to one whose tiles have GRID samples: as marked at this size, or as shrunk to it."""
        assert self._size_wh is not None
        made_so, shrunk = GRID / tile_pixels(*self._size_wh), GRID * TILES / max(self._size_wh)
        return (made_so,) if made_so == shrunk else (made_so, shrunk)

    def _at_full_size(self) -> MarkFound | None:
        best: tuple[float, float, bool, Array] | None = None
        for (factor, mirrored), tile in self.tiles().items():
            maps = correlate(tile, self._codes)
            # The encoder may have cut a row or a column; that shifts the rest by less than a sample.
            height = float(at_neighbours(statistic(maps)))
            if best is None or height > best[0]:
                best = height, factor, mirrored, maps
        assert best is not None
        height, factor, mirrored, maps = best
        z = float(whole_z(np.asarray(height)))
        if z < FOUND_FROM:
            return None
        there = statistic(maps)
        corner = max(product(_NEIGHBOURS, _NEIGHBOURS), key=lambda shift: float(there[shift]))
        mark_id = _read_id(maps, corner)
        strength = float("nan") if mirrored or mark_id is None else self._strength(factor, mark_id)
        return MarkFound(mark_id, z, 1.0, 0.0, mirrored, strength, self._frames)

    def _strength(self, factor: float, mark_id: int) -> float:
        """The amplitude that fits best, by least squares with the weights of the whitening."""
        whole, weight = self._sums[factor], self._weights[factor]
        assert self._size_wh is not None
        height, width = whole.shape
        laid = pattern(nominal_tile(mark_id), GRID, width, slice(0, height)) * np.float32(gain(*self._size_wh))
        expected = laid - cv2.blur(laid, (_BLUR, _BLUR))
        return float((whole * expected).sum() / max(float((weight * expected**2).sum()), 1e-9))

    def _searched(self) -> MarkFound | None:
        whole = sum((_whitened(grey.astype(np.float32), blur=15)[0] for grey in self._greys), np.float32(0))
        assert isinstance(whole, np.ndarray)
        sides = {False: whole, True: np.ascontiguousarray(whole[:, ::-1])}
        best: tuple[float, _Geometry, Array] | None = None
        for geometry in self._geometries(sides):
            tried = self._tried(sides[geometry.mirrored], geometry)
            if best is None or tried[0] > best[0]:
                best = tried[0], geometry, tried[1]
        if best is None:
            return None
        best = self._refined(sides[best[1].mirrored], best)
        height, geometry, maps = best
        z = float(searched_z(np.asarray(height)))
        if z < SEARCHED_FROM:
            return None
        flat = int(statistic(maps).argmax())
        mark_id = _read_id(maps, (flat // GRID, flat % GRID))
        assert self._size_wh is not None
        to_full = max(self._size_wh) / max(whole.shape)
        scale = geometry.period * to_full / tile_pixels(*self._size_wh)
        return MarkFound(mark_id, z, scale, geometry.angle_deg, geometry.mirrored, float("nan"), self._frames)

    def _geometries(self, sides: dict[bool, Floats]) -> Iterator[_Geometry]:
        whole = sides[False]
        assert self._size_wh is not None
        reduced = max(whole.shape) / max(self._size_wh)
        periods = [(period, 0.0) for period in (side * reduced / TILES for side in _USUAL_SIDES)]
        periods += [(period, angle) for period, angle in _lattices(whole)]
        for period, angle in periods:
            if _LEAST_PERIOD <= period <= _MOST_PERIOD:
                yield _Geometry(period, angle, mirrored=False)
                yield _Geometry(period, -angle, mirrored=True)

    def _tried(self, whole: Floats, geometry: _Geometry) -> tuple[float, Array]:
        maps = correlate(_folded(_straightened(whole, geometry)), self._codes)
        return float(statistic(maps).max()), maps

    def _refined(self, whole: Floats, best: tuple[float, _Geometry, Array]) -> tuple[float, _Geometry, Array]:
        """Climb from the best geometry to the top of its hill."""
        step, turn = _PERIOD_STEP, _TURN_STEP_DEG / 2
        for _ in range(5):
            _, middle, _ = best
            for grow, angle in ((step, 0.0), (-step, 0.0), (0.0, turn), (0.0, -turn)):
                near = replace(middle, period=middle.period * (1 + grow), angle_deg=middle.angle_deg + angle)
                height, maps = self._tried(whole, near)
                if height > best[0]:
                    best = height, near, maps
            if best[1] is middle:
                step, turn = step / 2, turn / 2
        return best


_NEIGHBOURS = (-1, 0, 1)
"""Shifts, down and to the right, at which the mark of a whole picture may lie."""


def correlate(tile: Floats, codes: Array) -> Array:
    """(5, 64, 64): the correlation of a tile with each pattern at each shift, in deviations of chance.

    `codes` are the conjugate spectra of the patterns, all magnitudes 1 or 0.
    """
    weighted = flattened(tile) * (np.abs(codes[0]) > 0)
    unit = np.float32(GRID * GRID / max(float(np.linalg.norm(weighted)), 1e-9))
    # The result is real, so half of the columns say all.
    half = (weighted * codes)[..., : GRID // 2 + 1]
    return np.asarray(np.fft.irfft2(half, s=(GRID, GRID)) * unit)


def at_neighbours(heights: Array) -> Array:
    """(...): the best of (..., 64, 64) at the corner and the shifts around it."""
    return np.asarray(heights[..., _NEIGHBOURS, :][..., _NEIGHBOURS].max((-2, -1)))


def whole_z(height: Array) -> Array:
    """How far the best statistic at the corner and its neighbours lies over that of random keys, in deviations."""
    return np.asarray((height - _MEAN) / _DEVIATION)


def searched_z(height: Array) -> Array:
    """The same for the best of all shifts."""
    return np.asarray((height - _SEARCHED_MEAN) / _SEARCHED_DEVIATION)


def flattened(tile: Floats) -> Array:
    """complex (64, 64): the spectrum over the mean magnitude around each frequency, and none over `_MOST_MAGNITUDE`.

    Phases alone would count the frequencies that a codec has wiped out as much as those it has kept.
    """
    spectrum = np.ascontiguousarray(cv2.dft(tile, flags=cv2.DFT_COMPLEX_OUTPUT)).view(np.complex64)[..., 0]
    magnitude = np.abs(spectrum)
    beside = _AROUND // 2
    wrapped = cv2.copyMakeBorder(magnitude, beside, beside, beside, beside, cv2.BORDER_WRAP)
    around = cv2.blur(wrapped, (_AROUND, _AROUND))[beside:-beside, beside:-beside]
    limited = np.minimum(magnitude, _MOST_MAGNITUDE * around)
    return np.asarray(spectrum * (limited / np.maximum(magnitude * around, 1e-12)))


def statistic(maps: Array) -> Array:
    """(..., 64, 64): the anchor's correlation at each shift, and the best of each byte's 256 that belong to it."""
    *several, codes, _, _ = maps.shape
    steps = GRID // SHIFT
    rows = maps[..., 1:, :, :].reshape(*several, codes - 1, steps, SHIFT * GRID).max(-2)
    best = rows.reshape(*several, codes - 1, SHIFT, steps, SHIFT).max(-2).sum(-3)
    return np.asarray(maps[..., 0, :, :] + np.tile(best, (steps, steps)))


def _reduced(image: Image) -> Image:
    """At most _SEARCH_SIDE pixels a side: more is never needed, and float copies of large pictures cost much."""
    height, width = image.shape[:2]
    scale = min(1.0, _SEARCH_SIDE / max(width, height))
    return image if scale == 1.0 else np.asarray(_sized(image, round(width * scale), round(height * scale)), np.uint8)


def _sized(picture: Array, width: int, height: int) -> Array:
    size_wh = max(1, width), max(1, height)
    if size_wh == (picture.shape[1], picture.shape[0]):
        return picture
    smaller = size_wh[0] < picture.shape[1]
    return np.asarray(cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC))


def _whitened(grey: Array, blur: int = _BLUR) -> tuple[Floats, Floats]:
    """Grey levels without their local mean, and the weight that they were given, less where much goes on."""
    detail = grey.astype(np.float32)
    detail -= cv2.blur(detail, (blur, blur))
    weight = np.asarray(cv2.blur(detail * detail, (blur, blur)), np.float32)
    np.sqrt(np.maximum(weight, 0, out=weight), out=weight)
    weight += 1
    # The power of -1.5, several times as fast as `**`.
    weight *= np.sqrt(weight)
    np.reciprocal(weight, out=weight)
    return detail * weight, weight


def _folded(whole: Floats) -> Floats:
    """float32 (64, 64): the sum of all tiles."""
    height, width = whole.shape
    down, across = -(-height // GRID), -(-width // GRID)
    padded = np.zeros((down * GRID, across * GRID), np.float32)
    padded[:height, :width] = whole
    return np.asarray(padded.reshape(down, GRID, across, GRID).sum((0, 2)), np.float32)


def _read_id(maps: Array, corner: tuple[int, int]) -> int | None:
    """The id at this shift: the likeliest bytes that agree with the check; None when none do, or when two ids lie there."""
    row, column = corner
    listed, seconds = [], 0
    for correlations in maps[1:]:
        there = np.roll(correlations, (-row, -column), (0, 1))[::SHIFT, ::SHIFT].ravel()
        order = np.argsort(there)[::-1][:_LISTED]
        listed.append([(float(there[value]), int(value)) for value in order])
        seconds += bool(there[order[1]] > _SECOND_FROM)
    if seconds >= 2:
        return None
    combined = sorted(product(*listed), key=lambda each: -sum(strength for strength, _ in each))[:_COMBINATIONS]
    for combination in combined:
        *mark, check = (value for _, value in combination)
        if crc8(bytes(mark)) == check:
            return int.from_bytes(bytes(mark), "big")
    return None


def _straightened(whole: Floats, geometry: _Geometry) -> Floats:
    """Turned and scaled so that the tiles have GRID samples and stand upright; outside of the picture 0."""
    height, width = whole.shape
    scale, angle = GRID / geometry.period, radians(geometry.angle_deg)
    c, s = scale * cos(angle), scale * sin(angle)
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) @ np.array([[c, s], [-s, c]]).T
    low, high = corners.min(0), corners.max(0)
    to_straight = np.array([[c, s, -low[0]], [-s, c, -low[1]]])
    size_wh = tuple(int(side) + 1 for side in high - low)
    # Shrinking by much: neighbours are averaged first, or the pattern's finest waves would alias.
    source = cv2.blur(whole, (2, 2)) if scale < 0.4 else whole
    return np.asarray(cv2.warpAffine(source, to_straight, size_wh, flags=cv2.INTER_LINEAR), np.float32)


def _lattices(whole: Floats) -> list[tuple[float, float]]:
    """Periods and angles at which the spectrum has a lattice, the clearest first."""
    height, width = whole.shape
    if min(height, width) < 32:
        return []
    window = np.outer(np.hanning(height), np.hanning(width)).astype(np.float32)
    spectrum = np.abs(np.fft.rfft2(whole * window)) ** 2
    spectrum = np.concatenate([spectrum[height // 2 + height % 2 :], spectrum[: height // 2 + height % 2]]).astype(np.float32)
    around = cv2.blur(spectrum, (15, 15)) + 1e-9
    power = np.minimum(spectrum / around, 8.0)
    # Small pictures have coarse spectra: there, finer steps find the same frequencies again.
    coarse = _STEP_BINS * _LEAST_PERIOD / (HIGHEST * max(height, width))
    growth, turn = max(_PERIOD_STEP, coarse), max(_TURN_STEP_DEG, degrees(coarse))
    periods = _LEAST_PERIOD * np.exp(np.arange(0, log(_MOST_PERIOD / _LEAST_PERIOD), growth))
    angles = turn * np.arange(-floor(_MOST_TURN_DEG / turn), floor(_MOST_TURN_DEG / turn) + 1)
    points = _points()
    scores = np.zeros((len(periods), len(angles)), np.float32)
    _score(np.ascontiguousarray(power), width, periods, np.radians(angles), points, scores)
    found = []
    for _ in range(_CANDIDATES):
        row, column = np.unravel_index(int(scores.argmax()), scores.shape)
        found.append((float(periods[row]), float(angles[column])))
        scores[max(row - 3, 0) : row + 4, max(column - 2, 0) : column + 3] = -np.inf
    return found


def _points() -> Floats:
    """float32 (n, 2): the frequencies (x, y) of the pattern's band, one of each pair of opposite ones."""
    frequency = np.arange(-int(HIGHEST), int(HIGHEST) + 1)
    y, x = np.meshgrid(frequency, frequency, indexing="ij")
    radius = np.hypot(x, y)
    half = (radius >= LOWEST) & (radius <= HIGHEST) & ((x > 0) | ((x == 0) & (y > 0)))
    return np.stack([x[half], y[half]], 1).astype(np.float32)


@kernel
def _score(power: Floats, width: int, periods: Array, angles: Array, points: Floats, scores: Floats) -> None:
    """scores (n, m): the mean power over chance at the lattice's points, in deviations. power (h, w//2+1), row h//2 is 0."""
    height = power.shape[0]
    for i in range(periods.shape[0]):
        for j in range(angles.shape[0]):
            c, s = np.cos(angles[j]) / periods[i], np.sin(angles[j]) / periods[i]
            total, count = 0.0, 0
            for p in range(points.shape[0]):
                x = (points[p, 0] * c - points[p, 1] * s) * width
                y = (points[p, 0] * s + points[p, 1] * c) * height
                if x < 0:
                    x, y = -x, -y
                column, row = int(x + 0.5), int(np.floor(y + 0.5)) + height // 2
                if column < power.shape[1] and 0 <= row < height:
                    total += power[row, column] - 1.0
                    count += 1
            scores[i, j] = total / np.sqrt(count) if count > 40 else -10.0
