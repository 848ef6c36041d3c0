"""Things that pass before a face, drawn with known alpha: a hand, a microphone, a cup, strands of hair, sunglasses."""

from dataclasses import dataclass

import cv2
import numpy as np

from mien.types import Array, Floats, Image, Mask

KINDS = ("hand", "microphone", "cup", "hair", "sunglasses")
_OVER = 2
"""Drawn so many times larger, then scaled down: smooth edges."""


@dataclass(frozen=True, slots=True)
class Sprite:
    """`colour` float32 (side, side, 3) BGR, `alpha` float32 (side, side), 0..1."""

    colour: Floats
    alpha: Floats


def sprite(kind: str, side: int, skin_bgr: Array) -> Sprite:
    """One thing on a square of `side` pixels, which is meant to be as high as the face; skin of the colour `skin_bgr`."""
    big = side * _OVER
    random = np.random.default_rng(KINDS.index(kind))
    alpha = np.zeros((big, big), np.uint8)
    draw = {"hand": _hand, "microphone": _microphone, "cup": _cup, "hair": _hair, "sunglasses": _sunglasses}[kind]
    colour = draw(alpha, random, np.asarray(skin_bgr, np.float32))
    small_wh = side, side
    weight = alpha.astype(np.float32) / 255
    solid = cv2.resize(colour * weight[:, :, None], small_wh, interpolation=cv2.INTER_AREA)
    cover = cv2.GaussianBlur(cv2.resize(weight, small_wh, interpolation=cv2.INTER_AREA), (0, 0), 0.6)
    solid = cv2.GaussianBlur(solid, (0, 0), 0.6)
    return Sprite((solid / np.maximum(cover, 1e-3)[:, :, None]).astype(np.float32), cover.astype(np.float32))


def lay(image: Image, thing: Sprite, left: float, top: float) -> tuple[Image, Mask]:
    """The picture with the thing at (left, top), and its alpha, uint8 (h, w)."""
    height, width = image.shape[:2]
    shift = np.array([[1, 0, left], [0, 1, top]], np.float64)
    alpha = cv2.warpAffine(thing.alpha, shift, (width, height), flags=cv2.INTER_LINEAR)
    colour = cv2.warpAffine(thing.colour, shift, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mixed = image + (colour - image) * alpha[:, :, None]
    return np.clip(mixed + 0.5, 0, 255).astype(np.uint8), np.round(alpha * 255).astype(np.uint8)


def path(kind: str, step: float, box: tuple[float, float, float, float]) -> tuple[float, float]:
    """Where a sprite as high as the face box lies at `step`, 0..1: it enters, wanders over the face and leaves."""
    x1, y1, x2, y2 = box
    side = y2 - y1
    centre = (x1 + x2) / 2 - side / 2, y1
    come = np.clip(step / 0.15, 0, 1) * np.clip((1 - step) / 0.15, 0, 1)
    away = (1 - come) ** 2
    wave = np.sin(2 * np.pi * step * 1.5)
    if kind == "hand":
        return centre[0] + side * (0.25 * wave + 1.2 * away), y1 + side * (0.35 - 0.1 * wave + 0.4 * away)
    if kind == "microphone":
        return centre[0] + side * (0.1 * wave), y1 + side * (0.45 + 0.9 * away + 0.05 * wave)
    if kind == "cup":
        return centre[0] + side * 0.08 * wave, y1 + side * (0.5 + 0.9 * away - 0.1 * wave)
    if kind == "hair":
        return centre[0] + side * 0.05 * wave, y1 - side * (0.15 + 1.2 * away)
    return centre[0], y1 - side * (0.06 + 1.2 * away - 0.01 * wave)


def _shaded(alpha: Mask, depth: float, low: float) -> Floats:
    """Light that falls off towards the rim of a shape, float32 (big, big, 1)."""
    distance = cv2.distanceTransform((alpha > 127).astype(np.uint8), cv2.DIST_L2, 5) / (depth * alpha.shape[0])
    round_ = np.sqrt(np.clip(1 - (1 - np.clip(distance, 0, 1)) ** 2, 0, 1))
    return np.asarray(low + (1 - low) * round_, np.float32)[:, :, None]


def _grain(random: np.random.Generator, big: int, sigma: float, strength: float) -> Floats:
    noise = cv2.GaussianBlur(random.normal(0, 1, (big, big)).astype(np.float32), (0, 0), sigma)
    return np.asarray(1 + strength * noise / noise.std(), np.float32)[:, :, None]


def _hand(alpha: Mask, random: np.random.Generator, skin_bgr: Floats) -> Floats:
    big = alpha.shape[0]
    at = lambda x, y: (round(x * big), round(y * big))  # noqa: E731
    light = np.zeros((big, big, 1), np.float32)
    parts = [[(0.5, 0.62), (0.72, 0.95), 0.34], [(0.72, 0.95), (0.95, 1.3), 0.26]]
    fingers = [((0.38, 0.62), (0.12, 0.40)), ((0.42, 0.52), (0.22, 0.18)), ((0.52, 0.47), (0.40, 0.06)),
               ((0.62, 0.48), (0.60, 0.10)), ((0.64, 0.66), (0.86, 0.46))]  # fmt: skip
    for start, end, thick in [*parts, *[(a, b, 0.105) for a, b in fingers]]:
        part = np.zeros_like(alpha)
        cv2.line(part, at(*start), at(*end), 255, round(thick * big), cv2.LINE_AA)
        light = np.where(part[:, :, None] > 127, _shaded(part, 0.5 * thick, 0.62), light)
        np.maximum(alpha, part, out=alpha)
    tone = skin_bgr * np.array([0.93, 0.97, 1.02], np.float32)
    return np.asarray(tone * light * _grain(random, big, 0.012 * big, 0.03), np.float32)


def _microphone(alpha: Mask, random: np.random.Generator, skin_bgr: Floats) -> Floats:
    big = alpha.shape[0]
    cv2.line(alpha, (round(0.5 * big), round(0.3 * big)), (round(0.58 * big), round(1.5 * big)), 255, round(0.09 * big))
    head = np.zeros_like(alpha)
    cv2.circle(head, (round(0.5 * big), round(0.3 * big)), round(0.14 * big), 255, -1, cv2.LINE_AA)
    np.maximum(alpha, head, out=alpha)
    light = _shaded(alpha, 0.1, 0.4)
    rows, columns = np.mgrid[0:big, 0:big]
    net = 1 + 0.3 * (np.sin(columns * 80 / big * 2) * np.sin(rows * 80 / big * 2))[:, :, None]
    return np.asarray(np.array([48, 46, 44], np.float32) * light * np.where(head[:, :, None] > 0, net, 1), np.float32)


def _cup(alpha: Mask, random: np.random.Generator, skin_bgr: Floats) -> Floats:
    big = alpha.shape[0]
    cv2.rectangle(alpha, (round(0.3 * big), round(0.3 * big)), (round(0.7 * big), round(0.85 * big)), 255, -1)
    columns = np.linspace(0, 1, big, dtype=np.float32)
    light = 0.6 + 0.4 * np.sin(np.clip((columns - 0.3) / 0.4, 0, 1) * np.pi)
    colour = np.ones((big, big, 3), np.float32) * np.array([205, 208, 210], np.float32)
    for row in range(3):
        top = round((0.38 + 0.15 * row) * big)
        cv2.rectangle(colour, (0, top), (big, top + round(0.07 * big)), (150.0, 90.0, 40.0), -1)
    return np.asarray(colour * light[None, :, None], np.float32)


def _hair(alpha: Mask, random: np.random.Generator, skin_bgr: Floats) -> Floats:
    big = alpha.shape[0]
    for _ in range(14):
        x = random.uniform(0.2, 0.8)
        bend = random.uniform(-0.12, 0.12, 3)
        points = [(x, -0.2), (x + bend[0], 0.15), (x + bend[0] + bend[1], 0.35), (x + bend.sum(), random.uniform(0.4, 0.75))]
        track = np.array([_bezier(points, t) for t in np.linspace(0, 1, 40)])
        thick = max(1, round(random.uniform(0.008, 0.022) * big))
        cv2.polylines(alpha, [np.round(track * big).astype(np.int32)], False, 255, thick, cv2.LINE_AA)
    return np.asarray(np.array([24, 32, 45], np.float32) * _grain(random, big, 0.004 * big, 0.3), np.float32)


def _bezier(points: list[tuple[float, float]], t: float) -> Array:
    array = np.array(points)
    weights = np.array([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3])
    blended: Array = weights @ array
    return blended


def _sunglasses(alpha: Mask, random: np.random.Generator, skin_bgr: Floats) -> Floats:
    big = alpha.shape[0]
    for x in (0.33, 0.67):
        cv2.ellipse(alpha, (round(x * big), round(0.42 * big)), (round(0.14 * big), round(0.1 * big)), 0, 0, 360, 255, -1)
    cv2.line(alpha, (round(0.45 * big), round(0.39 * big)), (round(0.55 * big), round(0.39 * big)), 255, round(0.025 * big))
    for a, b in ((0.02, 0.2), (0.8, 0.98)):
        cv2.line(alpha, (round(a * big), round(0.36 * big)), (round(b * big), round(0.39 * big)), 255, round(0.03 * big))
    sheen = np.linspace(1.6, 0.6, big, dtype=np.float32)[:, None, None]
    return np.asarray(np.array([34, 30, 28], np.float32) * sheen * np.ones((big, big, 3), np.float32), np.float32)
