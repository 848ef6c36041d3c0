"""Crowds with known truth: heads cut out of portraits, or rendered from them, that move over clutter. Deterministic.

The heads are lit from the front and nothing hides them but a post, so what is measured on them is an upper bound.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.imaging import geometry
from mien.lab.evaluate import scenes
from mien.lab.evaluate.portraits import Portrait, moved_points
from mien.types import Affine, Array, Floats, Image, Mask

SIZE_WH = (1280, 720)  # pixels of a frame
RATE_HZ = 25  # frames a second of a clip
_SEED = 11  # any; figures of the documentation are those of these crowds


@dataclass(frozen=True, slots=True)
class CrowdTuning:
    """Content of a crowd; chosen so that the pictures look like those of a camera, not measured."""

    shapes: int = 420
    """Shapes of the clutter."""
    noise_levels: float = 2.0
    jpeg_quality: int = 85
    least_light: float = 0.55
    most_light: float = 1.2
    speed: float = 0.08
    """Face heights that a head moves in a frame, at most."""
    sway: float = 0.5
    """Face heights that it sways about its way."""
    least_shown: float = 0.5
    """Share of the landmarks that a head must show before others to count."""
    posts: int = 3
    post_width: int = 26
    """Posts that the heads pass behind, and their width in pixels."""


TUNING = CrowdTuning()


@dataclass(frozen=True, slots=True)
class Kind:
    """Kind of heads in a crowd: height of the face in pixels, yaw and roll in degrees."""

    height: float
    yaw: float = 0.0
    roll: float = 0.0

    @property
    def words(self) -> str:
        """The kind for a report."""
        turned = f", yaw {self.yaw:g}" if self.yaw else ""
        rolled = f", roll {self.roll:g}" if self.roll else ""
        return f"{self.height:g} px{turned}{rolled}"


@dataclass(frozen=True, slots=True)
class Visible:
    """A head in one frame: its number and its landmarks float32 (478, 3); `hidden` = behind a post, the border or other heads.

    `shown` (478,) are the landmarks that no head in front of it hides.
    """

    number: int
    points: Floats
    hidden: bool
    shown: Array


@dataclass(frozen=True, slots=True)
class _Head:
    image: Image
    opacity: Floats
    points: Floats
    start_xy: tuple[float, float]
    step_xy: tuple[float, float]
    phase: float
    light: float


class Crowd:
    """A clip of `length` frames with `count` heads of one kind; `frame` draws one of them."""

    def __init__(self, people: Sequence[Portrait], kind: Kind, count: int, length: int, seed: int = 0) -> None:
        self.kind, self.length = kind, length
        self._draw = np.random.default_rng((_SEED, seed, round(kind.height), round(kind.yaw) + 360, round(kind.roll) + 360))
        self._background = clutter(self._draw)
        self._posts = [int(self._draw.integers(40, SIZE_WH[0] - 60)) for _ in range(TUNING.posts)]
        self._heads = [self._head(people[int(self._draw.integers(len(people)))], number, count) for number in range(count)]

    def frame(self, index: int) -> tuple[Image, list[Visible]]:
        """Return frame `index`, BGR uint8 (720, 1280, 3), and the heads in it."""
        image = self._background.copy()
        seen: list[Visible] = []
        front = np.zeros(image.shape[:2], np.uint8)
        for number, head in enumerate(self._heads):
            x, y = self._place(head, index)
            seen.append(self._paste(image, front, head, number, x, y))
        seen = [_before_others(each, front) for each in seen]
        for left in self._posts:
            image[:, left : left + TUNING.post_width] = self._background[:, left : left + TUNING.post_width]
        noisy = scenes.noisy(image, TUNING.noise_levels, index)
        _, coded = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, TUNING.jpeg_quality])
        decoded = cv2.imdecode(coded, cv2.IMREAD_COLOR)
        assert decoded is not None
        return np.asarray(decoded, np.uint8), seen

    def _place(self, head: _Head, index: int) -> tuple[float, float]:
        sway = TUNING.sway * self.kind.height
        x = head.start_xy[0] + index * head.step_xy[0] + sway * math.sin(head.phase + index / 7)
        return x, head.start_xy[1] + index * head.step_xy[1] + 0.4 * sway * math.sin(2 * head.phase + index / 5)

    def _head(self, portrait: Portrait, number: int, count: int) -> _Head:
        image, opacity, points = (
            _cut_out(portrait) if not self.kind.yaw else scenes.Head(portrait).layer(scenes.SIZE_WH, self.kind.yaw)
        )
        image, opacity, points = _sized(image, opacity, points, self.kind)
        columns = math.ceil(math.sqrt(count * SIZE_WH[0] / SIZE_WH[1]))
        rows = math.ceil(count / columns)
        x = (number % columns + 0.5 + self._draw.uniform(-0.2, 0.2)) * SIZE_WH[0] / columns
        y = (number // columns + 0.5 + self._draw.uniform(-0.2, 0.2)) * SIZE_WH[1] / rows
        step = TUNING.speed * self.kind.height
        return _Head(
            image, opacity, points, (x, y),
            (float(self._draw.uniform(-step, step)), float(self._draw.uniform(-step, step) / 2)),
            float(self._draw.uniform(0, 2 * math.pi)), float(self._draw.uniform(TUNING.least_light, TUNING.most_light)),
        )  # fmt: skip

    def _paste(self, image: Image, front: Mask, head: _Head, number: int, x: float, y: float) -> Visible:
        rows, columns = head.opacity.shape
        left, top = math.floor(x - columns / 2), math.floor(y - rows / 2)
        shift = np.array([[1.0, 0.0, x - columns / 2 - left], [0.0, 1.0, y - rows / 2 - top]])
        size_wh = columns + 1, rows + 1
        crop = cv2.warpAffine(head.image, shift, size_wh, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        share = cv2.warpAffine(head.opacity, shift, size_wh, flags=cv2.INTER_LINEAR)[:, :, None]
        x1, y1, x2, y2 = geometry.clipped_box((left, top, left + size_wh[0], top + size_wh[1]), *SIZE_WH)
        if x2 > x1 and y2 > y1:
            part, inside = image[y1:y2, x1:x2], (slice(y1 - top, y2 - top), slice(x1 - left, x2 - left))
            lit = np.clip(crop[inside].astype(np.float32) * head.light, 0, 255)
            part[:] = part * (1 - share[inside]) + lit * share[inside]
            front[y1:y2, x1:x2][share[inside][:, :, 0] > _OPAQUE] = number + 1
        points = head.points + np.array([x - columns / 2, y - rows / 2, 0], np.float32)
        low, high = points[:, :2].min(0), points[:, :2].max(0)
        cut = bool((low < 0).any() or (high > np.array(SIZE_WH) - 1).any())
        behind = any(low[0] < post + TUNING.post_width and high[0] > post for post in self._posts)
        return Visible(number, points.astype(np.float32), cut or behind, np.ones(len(points), bool))


_OPAQUE = 0.5
"""Opacity from which a head hides what is behind it."""


def _before_others(head: Visible, front: Mask) -> Visible:
    """Return the head with the landmarks that it shows; `front` is the number, from 1, of the foremost head of each pixel."""
    columns, rows = (np.clip(np.round(head.points[:, axis]).astype(int), 0, front.shape[1 - axis] - 1) for axis in (0, 1))
    shown = front[rows, columns] <= head.number + 1
    return replace(head, shown=shown, hidden=head.hidden or float(shown.mean()) < TUNING.least_shown)


def clutter(draw: np.random.Generator) -> Image:
    """Return a picture of random shapes, lines and letters without a face, BGR uint8 (720, 1280, 3)."""
    wide, tall = SIZE_WH
    image = np.full((tall, wide, 3), draw.integers(60, 190, 3), np.uint8)
    for number in range(TUNING.shapes):
        x, y = int(draw.integers(wide)), int(draw.integers(tall))
        size = int(6 + 140 * draw.random() ** 3)
        colour = tuple(int(value) for value in draw.integers(0, 256, 3))
        shape = number % 5
        if shape == 0:
            cv2.ellipse(image, (x, y), (size, max(2, size // 2)), float(draw.uniform(0, 180)), 0, 360, colour, -1, cv2.LINE_AA)
        elif shape == 1:
            cv2.rectangle(image, (x, y), (x + size, y + max(2, int(size * draw.random()))), colour, -1)
        elif shape == 2:
            corners = np.array([x, y]) + draw.integers(-size, size + 1, (5, 2))
            cv2.fillPoly(image, [corners.astype(np.int32)], colour, cv2.LINE_AA)
        elif shape == 3:
            cv2.line(image, (x, y), (x + size, y + int(draw.integers(-size, size + 1))), colour, 1 + size // 20, cv2.LINE_AA)
        else:
            cv2.putText(image, "mien"[number % 4 :], (x, y), number % 8, 0.3 + size / 120, colour, 1, cv2.LINE_AA)
    rough = cv2.GaussianBlur(draw.standard_normal((tall, wide, 1)).astype(np.float32), (0, 0), 1.5)[:, :, None] * 18
    return np.asarray(np.clip(cv2.GaussianBlur(image, (0, 0), 0.8) + rough, 0, 255), np.uint8)


def _cut_out(portrait: Portrait) -> tuple[Image, Floats, Floats]:
    """Return the portrait, the opacity of its head with hair, and its landmarks."""
    points = portrait.landmarks.points
    oval = points[list(landmark_sets.FACE_OVAL), :2]
    low, high = oval.min(0), oval.max(0)
    middle, (wide, tall) = (low + high) / 2, high - low
    mask = np.zeros(portrait.image.shape[:2], np.uint8)
    axes = (0.62 * float(wide), 0.66 * float(tall))
    centre = round(float(middle[0])), round(float(middle[1]) - 0.1 * float(tall))
    cv2.ellipse(mask, centre, (round(axes[0]), round(axes[1])), 0, 0, 360, 255, -1)
    soft = cv2.GaussianBlur(mask, (0, 0), max(1.0, 0.02 * float(wide)))
    return portrait.image, np.asarray(soft / np.float32(255), np.float32), points


def _sized(image: Image, opacity: Floats, points: Floats, kind: Kind) -> tuple[Image, Floats, Floats]:
    """Return a head at its height and roll, on a square as large as it needs; points relative to its top left."""
    x1, y1, x2, y2 = geometry.box_of(points)
    scale, side = kind.height / (y2 - y1), math.ceil(2.6 * kind.height)
    picture, share = np.asarray(image, np.uint8), opacity
    turn = math.radians(kind.roll)
    linear = scale * np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    matrix: Affine = np.hstack([linear, (np.array([side / 2, side / 2]) - linear @ [(x1 + x2) / 2, (y1 + y2) / 2])[:, None]])
    placed = moved_points(points, matrix)
    while scale < 0.5:
        # pyrDown keeps pixel 2x at x; far shrinking in one bilinear step would alias.
        picture, share = np.asarray(cv2.pyrDown(picture), np.uint8), np.asarray(cv2.pyrDown(share), np.float32)
        matrix[:, :2] *= 2
        scale *= 2
    drawn = cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(share, matrix, (side, side), flags=cv2.INTER_LINEAR)
    return np.asarray(drawn, np.uint8), np.asarray(alpha, np.float32), placed
