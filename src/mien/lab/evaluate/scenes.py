"""Synthetic scenes with known truth: portraits moved, turned, blurred, darkened. All are deterministic.

A scene draws any of its shots by number, with randomness seeded by that number.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.imaging import geometry
from mien.imaging.draw import draw_mesh
from mien.lab.evaluate.portraits import Portrait, moved_points, placed
from mien.lab.meshes import whole_triangles
from mien.types import Affine, Floats, Image

SIZE_WH = (640, 480)  # pixels of a scene; small, for speed
FACE_HEIGHT = 240.0  # pixels, half the height of a scene
_SEED = 7  # any; figures of the documentation are those of these scenes
_MAKE_UP = {
    "forehead": (109, 10, 338, 297, 334, 296, 9, 66, 105, 67),
    "right shadow": (226, 247, 30, 29, 27, 28, 56, 190, 55, 65, 52, 53, 46),
    "left shadow": (446, 467, 260, 259, 257, 258, 286, 414, 285, 295, 282, 283, 276),
    "right cheek": (117, 50, 205, 187, 147, 123),
    "left cheek": (346, 280, 425, 411, 376, 352),
    "upper lip": (61, 40, 37, 0, 267, 270, 291, 310, 312, 13, 82, 80),
    "lower lip": (61, 91, 84, 17, 314, 321, 291, 318, 317, 14, 87, 88),
}
"""Landmarks around the painted regions."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture of a scene and its truth.

    `clean` is the picture without the occluder, `alpha` float32 (h, w) its opacity, 0..1; `points` are the landmarks of the
    (first) face; `shift_xy` is the shift of the face since the first shot in pixels; `yaw` is in degrees.
    """

    image: Image
    points: Floats
    clean: Image | None = None
    alpha: Floats | None = None
    shift_xy: tuple[float, float] = (0.0, 0.0)
    yaw: float = 0.0


@dataclass(frozen=True, slots=True)
class Scene:
    """A number of shots; `draw` draws any of them."""

    name: str
    length: int
    draw: Callable[[int], Shot]


def to_frame_of(
    portrait: Portrait,
    centre: tuple[float, float],
    face_height: float = FACE_HEIGHT,
    angle: float = 0.0,
) -> Affine:
    """Return the similarity that moves the middle of the portrait's face to `centre` and turns it by `angle` degrees."""
    x1, y1, x2, y2 = geometry.box_of(portrait.landmarks.points)
    scale, turn = face_height / (y2 - y1), np.radians(angle)
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return np.hstack([linear, (np.array(centre) - linear @ [(x1 + x2) / 2, (y1 + y2) / 2])[:, None]])


def noisy(image: Image, sigma: float, index: int) -> Image:
    """Return the picture with Gaussian sensor noise of `sigma` grey levels."""
    noise = np.random.default_rng((_SEED, index)).standard_normal(image.shape, np.float32)
    return np.asarray(np.clip(image + sigma * noise + 0.5, 0, 255), np.uint8)


def still(portrait: Portrait, length: int, sigma: float = 2.0) -> Scene:
    """Return a portrait at rest under sensor noise."""
    image, points = placed(portrait, to_frame_of(portrait, _middle()), SIZE_WH)
    return Scene("still", length, lambda index: Shot(noisy(image, sigma, index), points))


def moving(portrait: Portrait, length: int, sigma: float = 2.0, first: int = 12) -> Scene:
    """Return a portrait that rests for `first` frames, then moves smoothly by fractions of up to about 6 pixels a frame."""
    centre = _middle()

    def draw(index: int) -> Shot:
        time = max(0, index - first) / 60
        fade = min(1.0, max(0, index - first) / 15)
        dx = fade * (42.3 * np.sin(2 * np.pi * 0.9 * time) + 13.7 * np.sin(2 * np.pi * 2.3 * time))
        dy = fade * (17.1 * np.sin(2 * np.pi * 1.3 * time) + 0.37)
        to_frame = to_frame_of(portrait, (centre[0] + dx, centre[1] + dy))
        image, points = placed(portrait, to_frame, SIZE_WH)
        return Shot(noisy(image, sigma, index), points, shift_xy=(float(dx), float(dy)))

    return Scene("moving", length, draw)


def swaying(portrait: Portrait, length: int, sigma: float = 2.0) -> Scene:
    """Return a person who sits at a camera and sways by a few pixels."""

    def draw(index: int) -> Shot:
        phase = 2 * np.pi * index / 60
        centre = _middle()[0] + 8 * np.sin(phase), _middle()[1] + 3 * np.sin(2 * phase)
        image, points = placed(portrait, to_frame_of(portrait, centre, angle=2 * np.sin(phase + 1)), SIZE_WH)
        return Shot(noisy(image, sigma, index), points)

    return Scene("swaying", length, draw)


_SKULL_RINGS = ((1.08, 0.12), (1.2, 0.45), (1.36, 0.85), (1.6, 1.25))
"""Size, in ovals of the face, and depth behind it, in eye distances, of the rings of a rough skull; set by eye."""


class Head:
    """A portrait's mesh with a rough skull, drawn turned by any yaw."""

    def __init__(self, portrait: Portrait) -> None:
        points = portrait.landmarks.points.astype(np.float32)
        right, left = landmark_sets.EYE_CORNERS
        eyes = float(np.linalg.norm(points[right] - points[left]))
        self._shape, self._triangles = _with_skull(points, eyes)
        self._height = float(np.ptp(points[:, 1]))
        self._axis = points[list(landmark_sets.FACE_OVAL)].mean(0) + np.array([0, 0, 0.3 * eyes], np.float32)
        self._texture = np.dstack([portrait.image, np.full(portrait.image.shape[:2], 255, np.uint8)])
        self._texture_points = np.ascontiguousarray(self._shape[:, :2])
        self._opacity = np.ones(len(self._shape), np.float32)
        self._opacity[-len(landmark_sets.FACE_OVAL) :] = 0.0

    def draw(self, background: Image, yaw: float, face_height: float = FACE_HEIGHT) -> tuple[Image, Floats]:
        """Return the head in the middle of the picture, and its landmarks there, float32 (478, 3)."""
        crop, share, points = self.layer((background.shape[1], background.shape[0]), yaw, face_height)
        return (background * (1 - share[:, :, None]) + crop * share[:, :, None]).astype(np.uint8), points

    def layer(self, size_wh: tuple[int, int], yaw: float, face_height: float = FACE_HEIGHT) -> tuple[Image, Floats, Floats]:
        """Return the head alone in the middle of a picture, its opacity float32 (h, w), 0..1, and its landmarks there."""
        wide, tall = size_wh
        turn, scale = np.radians(yaw), face_height / self._height
        rotation = np.array([[np.cos(turn), 0, -np.sin(turn)], [0, 1, 0], [np.sin(turn), 0, np.cos(turn)]])
        points = (scale * (self._shape - self._axis) @ rotation.T + [wide / 2, tall / 2, 0]).astype(np.float32)
        crop, mask = np.zeros((tall, wide, 3), np.uint8), np.zeros((tall, wide), np.uint8)
        depth = np.empty((tall, wide), np.float32)
        draw_mesh(self._triangles, points, self._texture_points, self._texture, self._opacity, crop, mask, depth)
        share = cv2.GaussianBlur(mask, (0, 0), 1.0).astype(np.float32) / 255 * (mask > 0)
        return crop, np.asarray(share, np.float32), points[:478]


def shaded(size_wh: tuple[int, int]) -> Image:
    """Return a plain wall, lit from one side."""
    shade = np.linspace(120, 165, size_wh[0], dtype=np.float32)[None, :, None] * np.array([1.0, 0.98, 0.95], np.float32)
    return np.broadcast_to(shade, (size_wh[1], size_wh[0], 3)).astype(np.uint8)


def turning(portrait: Portrait, length: int, most: float) -> Scene:
    """Return a rendering of the portrait's mesh with a rough skull that turns from 0 to `most` degrees and back."""
    head, background = Head(portrait), shaded(SIZE_WH)

    def draw(index: int) -> Shot:
        yaw = most * np.sin(np.pi * index / max(1, length - 1))
        image, points = head.draw(background, yaw)
        return Shot(noisy(image, 1.5, index), points, yaw=float(yaw))

    return Scene(f"turning {most:+.0f}", length, draw)


def _with_skull(points: Floats, eyes: float) -> tuple[Floats, np.ndarray[tuple[int, ...], np.dtype[np.int32]]]:
    oval = points[list(landmark_sets.FACE_OVAL)]
    middle = oval.mean(0)
    rings, triangles = [], [whole_triangles()]
    inner, count = list(landmark_sets.FACE_OVAL), len(oval)
    for number, (size, behind) in enumerate(_SKULL_RINGS):
        ring = middle + size * (oval - middle)
        ring[:, 2] = oval[:, 2] + behind * eyes
        rings.append(ring)
        outer = [len(points) + number * count + i for i in range(count)]
        following = inner[1:] + inner[:1], outer[1:] + outer[:1]
        for a, b, c, d in zip(inner, outer, *following, strict=True):
            # The oval runs clockwise; draw_mesh wants the same of every triangle.
            triangles.append(np.array([(a, b, d), (a, d, c)], np.int32))
        inner = outer
    shape = np.concatenate([points, *rings]).astype(np.float32)
    return shape, np.ascontiguousarray(np.concatenate(triangles))


def fast(portrait: Portrait, length: int, blur: bool) -> Scene:
    """Return a portrait that moves by up to about 45 pixels a frame; `blur` adds the motion blur of a shutter half open."""

    def place(time: float) -> tuple[float, float]:
        return _middle()[0] + 130 * np.sin(2 * np.pi * time / 18), _middle()[1] + 25 * np.sin(2 * np.pi * time / 11)

    def draw(index: int) -> Shot:
        times = index + (np.linspace(-0.25, 0.25, 9) if blur else np.zeros(1))
        drawn = [placed(portrait, to_frame_of(portrait, place(time)), SIZE_WH)[0] for time in times]
        image = np.mean(drawn, axis=0).astype(np.uint8)
        points = moved_points(portrait.landmarks.points, to_frame_of(portrait, place(index)))
        return Shot(noisy(image, 2, index), points)

    return Scene("motion blur" if blur else "fast motion", length, draw)


def dark(portrait: Portrait, length: int, light: float = 0.06) -> Scene:
    """Return a dark room: `light` of the picture's light, shot noise (4,000 electrons at white), read noise and gain."""
    base = swaying(portrait, length, sigma=0)

    def draw(index: int) -> Shot:
        shot = base.draw(index)
        linear = np.power(shot.image / 255, 2.2) * light
        draw_noise = np.random.default_rng((_SEED, index, 1))
        electrons = draw_noise.poisson(linear * 4000) + draw_noise.normal(0, 3, linear.shape)
        seen = np.clip(electrons / 4000 * 2.5, 0, 1)
        return replace(shot, image=np.asarray(255 * np.power(seen, 1 / 2.2), np.uint8))

    return Scene("darkness", length, draw)


def backlit(portrait: Portrait, length: int) -> Scene:
    """Return a window behind the head: the face at a quarter of its light, the rest blown out, with glare."""
    base = swaying(portrait, length, sigma=0)

    def draw(index: int) -> Shot:
        shot = base.draw(index)
        oval = shot.points[list(landmark_sets.FACE_OVAL), :2]
        wide, tall = float(np.ptp(oval[:, 0])), float(np.ptp(oval[:, 1]))
        x, y = (float(value) for value in oval.mean(0))
        head = np.zeros(shot.image.shape[:2], np.uint8)
        cv2.ellipse(head, ((x, y - 0.12 * tall), (1.5 * wide, 1.55 * tall), 0), 255, -1)
        shoulders = [(x - 0.45 * wide, y + 0.4 * tall), (x + 0.45 * wide, y + 0.4 * tall), (x + 1.9 * wide, y + 1.3 * tall),
                     (x - 1.9 * wide, y + 1.3 * tall)]  # fmt: skip
        cv2.fillConvexPoly(head, np.array(shoulders).astype(np.int32), 255)
        share = cv2.GaussianBlur(head, (0, 0), 9).astype(np.float32)[:, :, None] / 255
        glare = 34 * (1 - cv2.GaussianBlur(head, (0, 0), 40).astype(np.float32)[:, :, None] / 255)
        image = shot.image * 0.27 * share + (1 - share) * (90 + shot.image * 1.4) + glare
        return replace(shot, image=noisy(np.clip(image, 0, 255).astype(np.uint8), 3, index))

    return Scene("backlight", length, draw)


def made_up(portrait: Portrait, length: int) -> Scene:
    """Return a face with heavy make-up: dark eyes, red lips and cheeks, a white forehead, black lines."""
    face = portrait.landmarks.points[:, :2]
    image = portrait.image.astype(np.float32)
    eyes = float(np.linalg.norm(face[33] - face[263]))

    def paint(region: str, colour_bgr: tuple[int, int, int], strength: float, soft: float) -> None:
        mask = np.zeros(image.shape[:2], np.uint8)
        cv2.fillPoly(mask, [np.round(face[list(_MAKE_UP[region])]).astype(np.int32)], 255)
        share = cv2.GaussianBlur(mask, (0, 0), max(0.6, soft * eyes)).astype(np.float32)[:, :, None] / 255 * strength
        image[:] = image * (1 - share) + np.array(colour_bgr, np.float32) * share

    paint("forehead", (235, 235, 235), 0.75, 0.04)
    paint("right shadow", (120, 20, 60), 0.8, 0.02)
    paint("left shadow", (120, 20, 60), 0.8, 0.02)
    paint("right cheek", (70, 60, 210), 0.6, 0.06)
    paint("left cheek", (70, 60, 210), 0.6, 0.06)
    paint("upper lip", (20, 10, 150), 0.85, 0.008)
    paint("lower lip", (20, 10, 150), 0.85, 0.008)
    for line in ((226, 34, 127), (446, 264, 356), (118, 50, 205), (347, 280, 425)):
        cv2.polylines(image, [np.round(face[list(line)]).astype(np.int32)], False, (15, 15, 15), max(2, round(0.03 * eyes)))
    painted = replace(portrait, image=np.clip(image, 0, 255).astype(np.uint8))
    return replace(swaying(painted, length), name="make-up")


def crowd(people: Sequence[Portrait], length: int) -> Scene:
    """Return ten people at once in 1280 x 720, two rows, each face 130 pixels tall."""

    def draw(index: int) -> Shot:
        image = np.zeros((720, 1280, 3), np.uint8)
        first = None
        for number in range(10):
            portrait = people[number % len(people)]
            phase = 2 * np.pi * (index / 40 + number / 10)
            centre = 128 + 4 * np.sin(phase), 190 + 3 * np.cos(phase)
            tile, points = placed(portrait, to_frame_of(portrait, centre, 130), (256, 360))
            left, top = 256 * (number % 5), 360 * (number // 5)
            image[top : top + 360, left : left + 256] = tile
            first = points if first is None else first
        assert first is not None
        return Shot(noisy(image, 2, index), first)

    return Scene("ten faces", length, draw)


def sized(portrait: Portrait, length: int, face_height: float, name: str) -> Scene:
    """Return a slightly swaying face of the given height in pixels."""

    def draw(index: int) -> Shot:
        phase = 2 * np.pi * index / 40
        centre = _middle()[0] + 0.03 * face_height * np.sin(phase), _middle()[1] + 0.02 * face_height * np.cos(phase)
        image, points = placed(portrait, to_frame_of(portrait, centre, face_height), SIZE_WH)
        return Shot(noisy(image, 2, index), points)

    return Scene(name, length, draw)


def compressed(portrait: Portrait, length: int) -> Scene:
    """Return a bad video call: half the size, JPEG of quality 15, scaled up again."""
    base = swaying(portrait, length)

    def draw(index: int) -> Shot:
        shot = base.draw(index)
        small = cv2.resize(shot.image, (SIZE_WH[0] // 2, SIZE_WH[1] // 2), interpolation=cv2.INTER_AREA)
        _, coded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 15])
        back = cv2.imdecode(coded, cv2.IMREAD_COLOR)
        assert back is not None
        return replace(shot, image=np.asarray(cv2.resize(back, SIZE_WH, interpolation=cv2.INTER_LINEAR), np.uint8))

    return Scene("compression", length, draw)


def _middle() -> tuple[float, float]:
    return SIZE_WH[0] / 2, SIZE_WH[1] / 2
