"""Trial of profiles of the mark for calls: stronger, and with larger cells, at a call's hardest compression. A command.

    .venv/bin/python benchmarks/mark_profiles.py --media FOLDER --clips 8

Windows of 3 s of FOLDER/clips, one a clip, enlarged to 720 lines, marked, shown at 360 lines, coded at CRF 35; and the usual
mark in pictures of 640 x 480. The geometry is known; the surer of the last 24 pictures and of all 90 is read.
"""

import argparse
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import av
import cv2
import numpy as np

from check import LEAD_IN, ends, window_of
from mark import MARK_ID, clip_paths, resized, to_height, x264
from mien.provenance.mark.correlation import MIN_WHOLE_Z, NEIGHBOURS, at_neighbours, correlate, read_id, statistic, whole_z
from mien.provenance.mark.pattern import GRID, code_spectra, gain, nominal_tile, pattern, tile_pixels
from mien.provenance.mark.tiles import folded, sized, whitened
from mien.types import Array, Image

Frames = list[Image]
PROFILES = ((1.0, 1.0), (1.5, 1.0), (2.0, 1.0), (1.0, 1.5), (1.0, 2.0), (1.5, 2.0))
"""Strength and side of a cell, against the usual ones."""
SUMS = 24, 90
_PRESET = "veryfast"


def marked(frames: Sequence[Image], strength: float, cells: float) -> Frames:
    """Return marked copies."""
    height, width = frames[0].shape[:2]
    tile = nominal_tile(MARK_ID) * np.float32(strength * gain(width, height))
    levels = np.rint(pattern(tile, cells * tile_pixels(width, height), width, slice(0, height))).astype(np.int16)[:, :, None]
    return [np.clip(frame.astype(np.int16) + levels, 0, 255).astype(np.uint8) for frame in frames]


def read(frames: Sequence[Image], period: float, codes: Array) -> tuple[float, int | None]:
    """Return the higher z of the two sums, and the id there, None where the mark is not found."""
    height, width = frames[0].shape[:2]
    size_wh = round(width * GRID / period), round(height * GRID / period)
    tiles = [folded(whitened(sized(np.asarray(cv2.cvtColor(each, cv2.COLOR_BGR2GRAY)), *size_wh))[0]) for each in frames]
    best: tuple[float, int | None] = (float("-inf"), None)
    for length in SUMS:
        maps = correlate(np.asarray(sum(tiles[-length:]), np.float32), codes)
        there = statistic(maps)
        z = float(whole_z(np.asarray(at_neighbours(there))))
        corner = max(product(NEIGHBOURS, NEIGHBOURS), key=lambda shift: float(there[shift]))
        best = max(best, (z, read_id(maps, corner) if z >= MIN_WHOLE_Z else None), key=lambda each: each[0])
    return best


def main() -> None:
    """Print z and the count of right ids of each profile and codec."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", type=Path)
    parser.add_argument("--clips", type=int, default=100)
    given = parser.parse_args()
    av.logging.set_level(av.logging.ERROR)
    cv2.setNumThreads(1)
    codes = np.conj(code_spectra()).astype(np.complex64)
    rows: dict[str, list[tuple[float, bool]]] = {}

    def note(name: str, frames: Frames, change: Callable[[Frames], Frames], period: float) -> None:
        z, mark_id = read(change(frames)[LEAD_IN:], period, codes)
        rows.setdefault(name, []).append((round(z, 1), mark_id == MARK_ID))
        print(name, rows[name][-1], flush=True)

    for path in clip_paths(given.media)[: given.clips]:
        window = window_of(path, 0, 1)
        for strength, cells in PROFILES:
            small = [to_height(each, 360) for each in marked(window, strength, cells)]
            period = cells * tile_pixels(window[0].shape[1], 720) * small[0].shape[1] / window[0].shape[1]
            note(f"360 lines, CRF 35, strength {strength:g}, cells {cells:g}", small, x264(35, _PRESET), period)
        usual = marked([resized(each, 640, 480) for each in window], 1.0, 1.0)
        for name, change in (("CRF 28", x264(28, _PRESET)), ("CRF 35", x264(35, _PRESET)), ("250 kbit/s", ends())):
            note(f"640 x 480, {name}", usual, change, tile_pixels(640, 480))
    for name, found in rows.items():
        print(f"{name:50} {sum(right for _, right in found)}/{len(found)}  z {[z for z, _ in found]}")


if __name__ == "__main__":
    main()
