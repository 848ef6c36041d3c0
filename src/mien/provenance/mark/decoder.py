"""Finds and reads the invisible mark: in whole pictures at once, in pieces, zoomed, turned or mirrored ones by a search.

Pictures are whitened (local mean removed, less weight where much goes on), summed over the frames, folded to one tile, whose
spectrum is flattened and correlated with the five patterns. The statistic is the sum of the anchor's correlation and of each
byte's best one, so that all of the mark's energy counts. The geometry of a piece shows without the key: a repeated tile leaves
a lattice of sharp lines in the spectrum of the whole picture.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import cv2
import numpy as np

from mien.provenance.mark.correlation import (
    FOUND_FROM,
    NEIGHBOURS,
    SEARCHED_FROM,
    at_neighbours,
    correlate,
    read_id,
    searched_z,
    statistic,
    whole_z,
)
from mien.provenance.mark.lattice import (
    LEAST_PERIOD,
    MOST_PERIOD,
    PERIOD_STEP,
    TURN_STEP_DEG,
    Geometry,
    lattices,
    straightened,
)
from mien.provenance.mark.pattern import GRID, KEY, TILES, code_spectra, gain, nominal_tile, pattern, tile_pixels
from mien.types import Array, Floats, Image

_SEARCH_SIDE = 1280
_MOST_KEPT = 48
"""Frames that a search looks at."""
_BLUR = 9
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
        corner = max(product(NEIGHBOURS, NEIGHBOURS), key=lambda shift: float(there[shift]))
        mark_id = read_id(maps, corner)
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
        best: tuple[float, Geometry, Array] | None = None
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
        mark_id = read_id(maps, (flat // GRID, flat % GRID))
        assert self._size_wh is not None
        to_full = max(self._size_wh) / max(whole.shape)
        scale = geometry.period * to_full / tile_pixels(*self._size_wh)
        return MarkFound(mark_id, z, scale, geometry.angle_deg, geometry.mirrored, float("nan"), self._frames)

    def _geometries(self, sides: dict[bool, Floats]) -> Iterator[Geometry]:
        whole = sides[False]
        assert self._size_wh is not None
        reduced = max(whole.shape) / max(self._size_wh)
        periods = [(period, 0.0) for period in (side * reduced / TILES for side in _USUAL_SIDES)]
        periods += [(period, angle) for period, angle in lattices(whole)]
        for period, angle in periods:
            if LEAST_PERIOD <= period <= MOST_PERIOD:
                yield Geometry(period, angle, mirrored=False)
                yield Geometry(period, -angle, mirrored=True)

    def _tried(self, whole: Floats, geometry: Geometry) -> tuple[float, Array]:
        maps = correlate(_folded(straightened(whole, geometry)), self._codes)
        return float(statistic(maps).max()), maps

    def _refined(self, whole: Floats, best: tuple[float, Geometry, Array]) -> tuple[float, Geometry, Array]:
        """Climb from the best geometry to the top of its hill."""
        step, turn = PERIOD_STEP, TURN_STEP_DEG / 2
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
