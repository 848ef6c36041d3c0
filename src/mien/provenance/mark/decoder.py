"""Decoder of the mark: whole pictures are read directly; pieces, zoomed, turned and mirrored ones after a search.

Pictures are whitened (local mean removed, less weight where the picture is busy), summed over the frames and folded to one
tile, whose spectrum is flattened and correlated with the five patterns. The statistic is the sum of the anchor's correlation
and of each byte's best one, so that all of the mark's energy counts. The geometry of a piece shows without the key: a repeated
tile leaves a lattice of sharp lines in the spectrum of the whole picture.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import product

import cv2
import numpy as np

from mien.provenance.mark.correlation import (
    MIN_SEARCHED_Z,
    MIN_WHOLE_Z,
    NEIGHBOURS,
    at_neighbours,
    correlate,
    read_id,
    searched_z,
    statistic,
    whole_z,
)
from mien.provenance.mark.lattice import (
    Geometry,
    SearchTuning,
    lattices,
    straightened,
)
from mien.provenance.mark.pattern import GRID, KEY, TILES, code_spectra, gain, nominal_tile, pattern, tile_pixels
from mien.provenance.mark.tiles import BLUR, folded, reduced, sized, whitened
from mien.types import Array, Floats, Image

_SEARCH = SearchTuning()


@dataclass(frozen=True, slots=True)
class MarkFound:
    """Mark as it was found; `mark_id` is None when its id cannot be read for certain.

    `z` is the evidence, in deviations over chance; `scale` the size of the pattern against that of a whole picture of this
    size; `strength` the amplitude against that of a fresh mark, nan unless the picture is whole.
    """

    mark_id: int | None
    z: float
    scale: float
    angle_deg: float
    mirrored: bool
    strength: float
    frames: int


@cache
def _codes(key: bytes) -> Array:
    """Return complex64 (5, 64, 64): the conjugate spectra of the patterns, drawn once, as they take as long as a look."""
    codes = np.conj(code_spectra(key)).astype(np.complex64)
    codes.flags.writeable = False
    return codes


class MarkReader:
    """Takes a picture, or pictures of one video, all of the same size; reads the mark that they carry together."""

    def __init__(self, key: bytes = KEY, tuning: SearchTuning = _SEARCH) -> None:
        self._tuning = tuning
        self._codes = _codes(key)
        self._sums: dict[float, Floats] = {}
        self._weights: dict[float, Floats] = {}
        self._greys: list[Image] = []
        self._size_wh: tuple[int, int] | None = None
        self._frames = 0

    def add(self, image: Image) -> None:
        """Take one picture, BGR uint8 (h, w, 3). Raises `ValueError` for one of another size than the first."""
        height, width = image.shape[:2]
        if self._size_wh not in {None, (width, height)}:
            raise ValueError(f"pictures read together must be of one size, got {self._size_wh} and {(width, height)}")
        self._size_wh = width, height
        # Grey first: shrinking one channel takes a third of the time.
        self._take(reduced(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8), self._tuning.side))

    def add_grey(self, grey: Image) -> None:
        """Take one picture that is grey and reduced already, uint8 (h, w). Raises as `add`."""
        height, width = grey.shape[:2]
        if self._size_wh not in {None, (width, height)}:
            raise ValueError(f"pictures read together must be of one size, got {self._size_wh} and {(width, height)}")
        self._size_wh = width, height
        self._take(grey)

    def _take(self, grey: Image) -> None:
        assert self._size_wh is not None
        width, height = self._size_wh
        for factor in self._factors():
            detail, weight = whitened(sized(grey, round(width * factor), round(height * factor)))
            self._sums[factor] = self._sums.get(factor, np.float32(0)) + detail
            self._weights[factor] = self._weights.get(factor, np.float32(0)) + weight
        if len(self._greys) < self._tuning.max_frames:
            self._greys.append(np.asarray(grey, np.uint8))
        self._frames += 1

    def read(self, *, search: bool = False) -> MarkFound | None:
        """Return the mark; None without one of sufficient z. `search` also tries pieces, zooms, turns and reflections."""
        if self._size_wh is None:
            return None
        found = self._at_full_size()
        if search and (found is None or found.mark_id is None):
            searched = self._searched()
            if searched is not None and (found is None or searched.mark_id is not None):
                return searched
        return found

    def tiles(self) -> dict[tuple[float, bool], Floats]:
        """Return the tiles to correlate, float32 (64, 64), by the factor to the size as marked and whether it is mirrored."""
        return {
            (factor, mirrored): folded(whole[:, ::-1] if mirrored else whole)
            for factor, whole in self._sums.items()
            for mirrored in (False, True)
        }

    def _factors(self) -> tuple[float, ...]:
        """Return factors to pictures whose tiles have GRID samples: as marked at this size, and as shrunk to it."""
        assert self._size_wh is not None
        marked, shrunk = GRID / tile_pixels(*self._size_wh), GRID * TILES / max(self._size_wh)
        return (marked,) if marked == shrunk else (marked, shrunk)

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
        if z < MIN_WHOLE_Z:
            return None
        there = statistic(maps)
        corner = max(product(NEIGHBOURS, NEIGHBOURS), key=lambda shift: float(there[shift]))
        mark_id = read_id(maps, corner)
        strength = float("nan") if mirrored or mark_id is None else self._strength(factor, mark_id)
        return MarkFound(mark_id, z, 1.0, 0.0, mirrored, strength, self._frames)

    def _strength(self, factor: float, mark_id: int) -> float:
        """Return the amplitude that fits best, by least squares with the weights of the whitening."""
        whole, weight = self._sums[factor], self._weights[factor]
        assert self._size_wh is not None
        height, width = whole.shape
        laid = pattern(nominal_tile(mark_id), GRID, width, slice(0, height)) * np.float32(gain(*self._size_wh))
        expected = laid - cv2.blur(laid, (BLUR, BLUR))
        return float((whole * expected).sum() / max(float((weight * expected**2).sum()), 1e-9))

    def _searched(self) -> MarkFound | None:
        located = self.locate()
        return None if located is None else located[1]

    def locate(self) -> tuple[Geometry, MarkFound] | None:
        """Return the geometry that a search finds, and the mark there; None without one of sufficient z.

        The geometry belongs to the grey picture of at most `SearchTuning.side` pixels on its longer side.
        """
        if self._size_wh is None:
            return None
        whole = sum((whitened(grey.astype(np.float32), blur=self._tuning.blur)[0] for grey in self._greys), np.float32(0))
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
        if z < MIN_SEARCHED_Z:
            return None
        flat = int(statistic(maps).argmax())
        mark_id = read_id(maps, (flat // GRID, flat % GRID))
        assert self._size_wh is not None
        to_full = max(self._size_wh) / max(whole.shape)
        scale = geometry.period * to_full / tile_pixels(*self._size_wh)
        return geometry, MarkFound(mark_id, z, scale, geometry.angle_deg, geometry.mirrored, float("nan"), self._frames)

    def _geometries(self, sides: dict[bool, Floats]) -> Iterator[Geometry]:
        whole = sides[False]
        assert self._size_wh is not None
        shrunk = max(whole.shape) / max(self._size_wh)
        periods = [(period, 0.0) for period in (side * shrunk / TILES for side in self._tuning.usual_sides)]
        periods += [(period, angle) for period, angle in lattices(whole, self._tuning)]
        for period, angle in periods:
            if self._tuning.min_period <= period <= self._tuning.max_period:
                yield Geometry(period, angle, mirrored=False)
                yield Geometry(period, -angle, mirrored=True)

    def _tried(self, whole: Floats, geometry: Geometry) -> tuple[float, Array]:
        maps = correlate(folded(straightened(whole, geometry)), self._codes)
        return float(statistic(maps).max()), maps

    def _refined(self, whole: Floats, best: tuple[float, Geometry, Array]) -> tuple[float, Geometry, Array]:
        """Return the geometry at the local maximum of the statistic near the best one, by hill climbing."""
        step, turn = self._tuning.period_step, self._tuning.turn_step_deg / 2
        for _ in range(self._tuning.refinements):
            _, middle, _ = best
            for grow, angle in ((step, 0.0), (-step, 0.0), (0.0, turn), (0.0, -turn)):
                near = replace(middle, period=middle.period * (1 + grow), angle_deg=middle.angle_deg + angle)
                height, maps = self._tried(whole, near)
                if height > best[0]:
                    best = height, near, maps
            if best[1] is middle:
                step, turn = step / 2, turn / 2
        return best
