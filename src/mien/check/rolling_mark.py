"""Rolling reader of the mark in a live picture: several sums side by side, at the geometry of a whole picture or a found one.

Codecs differ in what they keep. One keeps the mark in every picture, so that longer sums are surer; another in its first whole
picture only, so that a longer sum loses it again. So three sums are read: the last 24 pictures, the last 90, and all.
"""

from collections import deque
from dataclasses import dataclass
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
from mien.provenance.mark.decoder import MarkFound, MarkReader
from mien.provenance.mark.lattice import Geometry, SearchTuning, lattices, straightened
from mien.provenance.mark.pattern import GRID, KEY, TILES, code_spectra, tile_pixels
from mien.provenance.mark.tiles import folded, reduced, sized, whitened
from mien.types import Array, Floats, Image


@dataclass(frozen=True, slots=True)
class RollingTuning:
    """Lengths of the sums, in pictures, and of what a search reads."""

    sums: tuple[int, ...] = (24, 90)
    """Beside the sum of all. Right ids of 13 windows after H.264 at 250 kbit/s: 8 from 24 pictures, 12 from 90."""
    searched_every: int = 2
    """Pictures for one that a search, and the sums at its geometry, take: half of them were enough from a screen."""
    searched_pictures: int = 48
    """Pictures of a search; bounds memory."""
    least_searched: int = 12
    """Pictures before the first search; fewer find less than half of what 24 do after a call's coding."""


_TUNING = RollingTuning()
_SEARCH = SearchTuning()


class _Sums:
    """Tiles of one geometry: the last ones, and the sum of all."""

    def __init__(self, most: int) -> None:
        self._last: deque[Floats] = deque(maxlen=most)
        self._all = np.zeros((GRID, GRID), np.float32)

    def add(self, tile: Floats) -> None:
        self._last.append(tile)
        self._all += tile

    def tiles(self, lengths: tuple[int, ...]) -> list[Floats]:
        """Return the sums of the last pictures, for each length that there are, and of all."""
        tiles = list(self._last)
        found = [np.asarray(sum(tiles[-length:]), np.float32) for length in lengths if length < len(tiles)]
        return [*found, self._all]


class RollingMark:
    """Takes pictures of one size in order; `read` returns the mark that they carry together, if any.

    Whole pictures, upright or mirrored, are read directly. For others, `greys` go to `locate`, in another thread; `settle`
    takes the geometry that it returns, and from there on only that one is followed.
    """

    def __init__(self, key: bytes = KEY, tuning: RollingTuning = _TUNING) -> None:
        self._key = key
        self._tuning = tuning
        self._codes = np.conj(code_spectra(key)).astype(np.complex64)
        self._whole: dict[tuple[float, bool], _Sums] = {}
        self._found: _Sums | None = None
        self._geometry: Geometry | None = None
        self._greys: deque[Image] = deque(maxlen=tuning.searched_pictures)
        self._size_wh = 0, 0
        self._frames = 0

    @property
    def geometry(self) -> Geometry | None:
        """Geometry that is followed; None while whole pictures are read."""
        return self._geometry

    @property
    def frames(self) -> int:
        """Number of pictures so far."""
        return self._frames

    def add(self, image: Image) -> None:
        """Take one picture, BGR uint8 (h, w, 3). Raises `ValueError` for one of another size than the first."""
        size_wh = image.shape[1], image.shape[0]
        if self._frames and size_wh != self._size_wh:
            raise ValueError(f"pictures of one call must be of one size, got {self._size_wh} and {size_wh}")
        self._size_wh = size_wh
        sampled = self._frames % self._tuning.searched_every == 0
        self._frames += 1
        if self._geometry is not None and not sampled:
            return
        grey = reduced(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8), _SEARCH.side)
        if sampled:
            self._greys.append(grey)
        if self._geometry is None:
            self._add_whole(grey)
        elif self._found is not None:
            self._found.add(_tile_at(grey, self._geometry))

    def greys(self) -> list[Image]:
        """Return the pictures for a search, uint8 (h, w); [] while there are too few or a geometry is followed."""
        if self._geometry is not None or len(self._greys) < self._tuning.least_searched:
            return []
        return list(self._greys)

    def settle(self, geometry: Geometry) -> None:
        """Follow a geometry from here on, beginning with the pictures at hand."""
        self._geometry, self._found = geometry, _Sums(max(self._tuning.sums) // self._tuning.searched_every)
        for grey in self._greys:
            self._found.add(_tile_at(grey, geometry))
        self._whole.clear()

    def read(self) -> MarkFound | None:
        """Return the surest mark of all sums, one with an id before one without; None without one of sufficient z."""
        found = list(self._read_whole()) if self._geometry is None else list(self._read_found(self._geometry))
        return max(found, key=lambda each: (each.mark_id is not None, each.z), default=None)

    def locate(self, greys: list[Image]) -> Geometry | None:
        """Search for a geometry in the result of `greys`; takes about a second of a core. Safe in another thread."""
        reader = MarkReader(self._key)
        for grey in greys:
            reader.add_grey(grey)
        located = reader.locate()
        return None if located is None else located[0]

    def _add_whole(self, grey: Image) -> None:
        width, height = self._size_wh
        marked, shrunk = GRID / tile_pixels(width, height), GRID * TILES / max(width, height)
        for factor in dict.fromkeys((marked, shrunk)):
            detail, _ = whitened(sized(grey, round(width * factor), round(height * factor)))
            for mirrored in (False, True):
                sums = self._whole.setdefault((factor, mirrored), _Sums(max(self._tuning.sums)))
                sums.add(folded(detail[:, ::-1] if mirrored else detail))

    def _read_whole(self) -> list[MarkFound]:
        found = []
        for (_, mirrored), sums in self._whole.items():
            for tile in sums.tiles(self._tuning.sums):
                maps = correlate(tile, self._codes)
                there = statistic(maps)
                z = float(whole_z(np.asarray(at_neighbours(there))))
                if z >= MIN_WHOLE_Z:
                    corner = max(product(NEIGHBOURS, NEIGHBOURS), key=lambda shift: float(there[shift]))
                    found.append(self._as_found(maps, corner, z, Geometry(0.0, 0.0, mirrored), 1.0))
        return found

    def _read_found(self, geometry: Geometry) -> list[MarkFound]:
        if self._found is None:
            return []
        found = []
        lengths = tuple(length // self._tuning.searched_every for length in self._tuning.sums)
        scale = geometry.period * max(1.0, max(self._size_wh) / _SEARCH.side) / tile_pixels(*self._size_wh)
        for tile in self._found.tiles(lengths):
            maps = correlate(tile, self._codes)
            there = statistic(maps)
            z = float(searched_z(np.asarray(there.max())))
            if z >= MIN_SEARCHED_Z:
                flat = int(there.argmax())
                found.append(self._as_found(maps, (flat // GRID, flat % GRID), z, geometry, scale))
        return found

    def _as_found(self, maps: Array, corner: tuple[int, int], z: float, geometry: Geometry, scale: float) -> MarkFound:
        mark_id = read_id(maps, corner)
        return MarkFound(mark_id, z, scale, geometry.angle_deg, geometry.mirrored, float("nan"), self._frames)


def warm_up_search() -> None:
    """Compile the kernel of the search, or load it."""
    lattices(np.zeros((64, 64), np.float32), _SEARCH)


def _tile_at(grey: Image, geometry: Geometry) -> Floats:
    """Return the tile of one picture at a found geometry."""
    seen = np.ascontiguousarray(grey[:, ::-1]) if geometry.mirrored else grey
    detail, _ = whitened(straightened(seen.astype(np.float32), geometry))
    return folded(detail)
