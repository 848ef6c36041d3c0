"""Line plots as inline SVG, and contact sheets: a few lines instead of a library."""

import html
import math
from collections.abc import Sequence

import cv2
import numpy as np

from mien.imaging import geometry
from mien.lab.evaluate.figures import Plot
from mien.types import Floats, Image

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 640, 220, 52, 34  # SVG units: the plot, and margins for its labels
_COLOURS = ("#0b62a4", "#c4521c", "#2c8a3d", "#7a4fa3", "#8a6d1a", "#555")


def svg(plot: Plot) -> str:
    """Return the plot as one <svg> element, empty without values."""
    values = [value for line in plot.lines.values() for value in line if not math.isnan(value)]
    if not values:
        return ""
    low, high = min(values), max(values)
    # The axis starts at zero unless all values lie far above.
    low = low if low < 0 or low > 0.5 * high else 0.0
    high = high if high > low else low + 1
    count = max(len(line) for line in plot.lines.values())
    wide, tall = _WIDTH - _LEFT - 12, _HEIGHT - _BOTTOM - 24

    def x(index: int) -> float:
        return _LEFT + wide * index / max(1, count - 1)

    def y(value: float) -> float:
        return 24 + tall * (1 - (value - low) / (high - low))

    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(plot.caption)}">']
    for step in range(5):
        value = low + (high - low) * step / 4
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - 12}" y1="{y(value):.1f}" y2="{y(value):.1f}" class="grid"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.3g}</text>')
    parts += [
        f'<text x="{x(index):.1f}" y="{_HEIGHT - 16}" text-anchor="middle">{index}</text>'
        for index in sorted({0, count // 2, count - 1})
    ]
    parts.append(f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 2}" text-anchor="middle">{html.escape(plot.across)}</text>')
    parts.append(f'<text x="2" y="12">{html.escape(plot.up)}</text>')
    for number, (name, line) in enumerate(plot.lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        path, pen = [], "M"
        for index, value in enumerate(line):
            if math.isnan(value):
                pen = "M"
                continue
            path.append(f"{pen}{x(index):.1f} {y(value):.1f}")
            pen = "L"
        parts.append(f'<path d="{"".join(path)}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        at = f'x="{180 + 150 * (number % 3)}" y="{12 + 12 * (number // 3)}"'
        parts.append(f'<text {at} style="fill: {colour}">{html.escape(name)}</text>')
    return "".join([*parts, "</svg>"])


def face_crop(image: Image, points: Floats, side: int, margin: float = 1.6) -> Image:
    """Return a square around a face, `margin` faces tall, `side` pixels wide; BGR uint8."""
    x1, y1, x2, y2 = geometry.box_of(points)
    scale = side / (margin * max(y2 - y1, x2 - x1, 1))
    x, y = (x1 + x2) / 2, (y1 + y2) / 2 - 0.08 * (y2 - y1)
    to_tile = np.array([[scale, 0, side / 2 - scale * x], [0, scale, side / 2 - scale * y]])
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    while scale < 0.5:
        image = np.asarray(cv2.pyrDown(image), np.uint8)
        to_tile[:, :2] *= 2
        scale *= 2
    return np.asarray(cv2.warpAffine(image, to_tile, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def fitted(image: Image, width: int) -> Image:
    """Return the picture at another width and the same aspect ratio."""
    height = max(1, round(image.shape[0] * width / image.shape[1]))
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def grid(tiles: Sequence[Image], columns: int) -> Image:
    """Return tiles of one size in rows of `columns`; black fills the last row."""
    tiles = [*tiles, *[np.zeros_like(tiles[0])] * (-len(tiles) % columns)]
    return np.vstack([np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)])


def beside(*pictures: Image) -> Image:
    """Return pictures of one height side by side, cropped to even sizes for every codec."""
    row = np.hstack(pictures)
    return np.ascontiguousarray(row[: row.shape[0] // 2 * 2, : row.shape[1] // 2 * 2])
