"""Occluders drawn with their exact opacity: a hand, hair, a microphone, a cup, sunglasses, a bar."""

from dataclasses import dataclass

import cv2
import numpy as np

from mien.lab.evaluate.portraits import Portrait
from mien.lab.evaluate.scenes import Scene, Shot, swaying
from mien.types import Floats

_SIDE = 512  # pixels of a drawn occluder
_OVERSAMPLING = 2  # drawn larger by this factor and shrunk, for smooth borders
_WORN = "sunglasses", "glasses", "fringe"  # move with the head
_SEED = 11  # any; the same drawing in every run


@dataclass(frozen=True, slots=True)
class Occluder:
    """A drawn occluder: `colour` BGR float32 (512, 512, 3), `alpha` float32 (512, 512), 0..1.

    The drawing is `width` eye distances wide. It moves from `start` to `goal`, both in eye distances from the middle between
    the eyes, and sways there.
    """

    name: str
    colour: Floats
    alpha: Floats
    width: float
    start_xy: tuple[float, float]
    goal_xy: tuple[float, float]


def all_occluders(skin_bgr: Floats) -> list[Occluder]:
    """Return all occluders; the hand has the given colour of skin."""
    return [
        Occluder("hand", *_hand(skin_bgr), 2.6, (-3.2, 3.0), (-0.35, 0.9)),
        Occluder("hair", *_hair(), 2.2, (-0.2, -3.4), (0.1, -0.15)),
        Occluder("microphone", *_microphone(), 2.0, (1.6, 4.2), (0.2, 1.25)),
        Occluder("cup", *_cup(), 1.9, (-2.6, 3.4), (-0.1, 1.15)),
        Occluder("sunglasses", *_sunglasses(), 1.75, (0.0, -3.2), (0.0, 0.08)),
        Occluder("bar", *_bar(), 4.4, (4.6, 0.4), (0.25, 0.4)),
    ]


def glasses(draw: np.random.Generator, *, dark: bool, fine: bool = False) -> Occluder:
    """Return a pair of glasses of random shape and colour: rims, bridge and arms; the panes are clear, or `dark`.

    `fine` rims are thin, and half of them pale.
    """
    drawing = _glasses(
        draw, dark, (0.6, 1.2) if fine else (1.2, 3.0), (110.0, 210.0) if fine and draw.random() < 0.5 else (20.0, 60.0)
    )
    return Occluder("sunglasses" if dark else "glasses", *drawing, 2.0, (0.0, -3.2), (0.0, 0.06))


def fringe(draw: np.random.Generator) -> Occluder:
    """Return a fringe down to the brows or over them, of a random brightness."""
    colour, alpha = _hair()
    return Occluder(
        "fringe", colour * np.float32(draw.uniform(0.6, 2.5)), alpha, 2.4, (0.0, -3.4), (0.0, draw.uniform(-1.0, -0.8))
    )


def cheek_colour(portrait: Portrait) -> Floats:
    """Return the median colour of the cheeks, BGR float32 (3,)."""
    points = np.round(portrait.landmarks.points[[50, 205, 280, 425], :2]).astype(int)
    patches = [portrait.image[y - 4 : y + 5, x - 4 : x + 5].reshape(-1, 3) for x, y in points]
    return np.asarray(np.median(np.concatenate(patches), axis=0), np.float32)


def occluded(portrait: Portrait, occluder: Occluder, length: int, enters_at: int) -> Scene:
    """Return the scene of a swaying portrait whose occluder comes in at frame `enters_at`; 0 = present from the first.

    It leaves in the last sixth.
    """
    base = swaying(portrait, length)

    def draw(index: int) -> Shot:
        shot = base.draw(index)
        return occlude(shot, occluder, _nearness(index, length, enters_at), index)

    return Scene(f"{occluder.name}, {'there from the first frame' if enters_at == 0 else 'comes in'}", length, draw)


def _nearness(index: int, length: int, enters_at: int) -> float:
    """Return the nearness of the occluder to its goal, 0 = out of the picture, 1 = there."""
    coming = 1.0 if enters_at == 0 else np.clip((index - enters_at) / (length / 5), 0, 1)
    leaving = np.clip((length - 2 - index) / max(1, length / 6), 0, 1)
    value = float(min(coming, leaving))
    return value * value * (3 - 2 * value)


def occlude(shot: Shot, occluder: Occluder, nearness: float, index: int) -> Shot:
    """Return the shot with the occluder drawn over it; the picture without it becomes the clean one."""
    points = shot.points
    eyes = float(np.linalg.norm(points[33, :2] - points[263, :2]))
    middle = points[[33, 263], :2].mean(0)
    still = occluder.name not in _WORN
    sway = 0.1 * nearness * np.array([np.sin(2 * np.pi * index / 24), 0.6 * np.cos(2 * np.pi * index / 31)])
    place = (1 - nearness) * np.array(occluder.start_xy) + nearness * np.array(occluder.goal_xy) + sway * still
    scale = occluder.width * eyes / _SIDE
    turn = np.radians(4 * np.sin(index / 9)) * still
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    offset = middle + eyes * place - linear @ [_SIDE / 2, _SIDE / 2]
    matrix = np.hstack([linear, offset[:, None]])
    sprite: Floats = np.dstack([occluder.colour * occluder.alpha[:, :, None], occluder.alpha])
    while scale < 0.6:
        sprite = np.asarray(cv2.pyrDown(sprite), np.float32)
        matrix[:, :2] *= 2
        scale *= 2
    size_wh = shot.image.shape[1], shot.image.shape[0]
    drawn = cv2.warpAffine(sprite, matrix, size_wh, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    alpha = np.clip(drawn[:, :, 3], 0, 1)
    image = np.clip(shot.image * (1 - alpha[:, :, None]) + drawn[:, :, :3] + 0.5, 0, 255).astype(np.uint8)
    return Shot(image, points, clean=shot.image, alpha=np.asarray(alpha, np.float32))


_Drawing = tuple[Floats, Floats]
_LARGE = _SIDE * _OVERSAMPLING


def _shrunk(colour: Floats, alpha: Floats) -> _Drawing:
    small = [cv2.resize(picture, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for picture in (colour, alpha)]
    return np.asarray(small[0], np.float32), np.asarray(small[1], np.float32)


def _texture(grain: float, strength: float, seed: int) -> Floats:
    """Return smooth noise around 1; float32 (1024, 1024)."""
    noise = np.random.default_rng((_SEED, seed)).standard_normal((_LARGE // 4, _LARGE // 4)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), grain)
    even = np.asarray(smooth / max(float(smooth.std()), 1e-6), np.float32)
    return np.asarray(1 + strength * cv2.resize(even, (_LARGE, _LARGE), interpolation=cv2.INTER_LINEAR), np.float32)


def _roundness(alpha: Floats, depth: float) -> Floats:
    """Return the shading of a rounded shape, darker towards its border; 0..1."""
    inner = cv2.distanceTransform((alpha > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(0.62 + 0.38 * np.sqrt(np.clip(inner / depth, 0, 1)), np.float32)


def _hand(skin_bgr: Floats) -> _Drawing:
    alpha = np.zeros((_LARGE, _LARGE), np.float32)
    shade = np.ones((_LARGE, _LARGE), np.float32)
    u = _LARGE / 100

    def capsule(start: tuple[float, float], end: tuple[float, float], width: float) -> None:
        own = np.zeros_like(alpha)
        ends = [tuple(round(value * u) for value in point) for point in (start, end)]
        cv2.line(own, ends[0], ends[1], 1.0, round(width * u))
        lit = _roundness(own, width * u / 2.4)
        np.copyto(shade, lit, where=own > 0)
        np.maximum(alpha, own, out=alpha)

    capsule((30, 98), (42, 62), 30)
    capsule((56, 98), (52, 60), 32)
    capsule((26, 66), (8, 46), 11)
    for base, tip, width in (
        ((33, 56), (24, 18), 10),
        ((44, 54), (42, 10), 10.5),
        ((55, 54), (59, 13), 10),
        ((64, 58), (75, 24), 8.5),
    ):
        capsule(base, tip, width)
    palm = np.zeros_like(alpha)
    cv2.ellipse(palm, (round(48 * u), round(62 * u)), (round(20 * u), round(17 * u)), 0, 0, 360, 1.0, -1)
    soft = cv2.GaussianBlur(palm, (0, 0), 2.5 * u)
    shade[:] = shade * (1 - 0.8 * soft) + 0.97 * 0.8 * soft
    np.maximum(alpha, palm, out=alpha)
    colour = np.asarray(skin_bgr, np.float32) * (shade * _texture(3, 0.035, 1) * _texture(20, 0.04, 2))[:, :, None]
    return _shrunk(np.clip(colour, 0, 255), alpha)


def _hair() -> _Drawing:
    alpha = np.zeros((_LARGE, _LARGE), np.float32)
    colour = np.full((_LARGE, _LARGE, 3), (22, 30, 42), np.float32)
    draw = np.random.default_rng((_SEED, 3))
    for _ in range(34):
        x = draw.uniform(0.1, 0.9) * _LARGE
        bend, drift = draw.uniform(-0.16, 0.16) * _LARGE, draw.uniform(-0.12, 0.12) * _LARGE
        y = np.linspace(0, draw.uniform(0.55, 1.0) * _LARGE, 40)
        share = y / _LARGE
        line = np.stack([x + drift * share + bend * np.sin(np.pi * share), y], axis=1)
        width = int(draw.integers(4, 17))
        tone = draw.uniform(0.7, 1.9)
        lane = [np.round(line).astype(np.int32)]
        cv2.polylines(alpha, lane, False, 1.0, width)
        cv2.polylines(colour, lane, False, tuple(float(tone * value) for value in (22, 30, 42)), width)
    return _shrunk(colour, alpha)


def _microphone() -> _Drawing:
    alpha = np.zeros((_LARGE, _LARGE), np.float32)
    u = _LARGE / 100
    cv2.line(alpha, (round(50 * u), round(40 * u)), (round(58 * u), round(110 * u)), 1.0, round(17 * u))
    shaft = _roundness(alpha, 8 * u)
    ball = np.zeros_like(alpha)
    cv2.circle(ball, (round(50 * u), round(28 * u)), round(20 * u), 1.0, -1)
    y, x = np.mgrid[0:_LARGE, 0:_LARGE].astype(np.float32) / u
    mesh = 0.75 + 0.25 * np.sin(2.4 * (x + y)) * np.sin(2.4 * (x - y))
    light = 60 + 90 * np.clip(1 - np.hypot(x - 43, y - 20) / 26, 0, 1)
    colour = np.where(ball > 0, mesh * light * _roundness(ball, 20 * u), 45 * shaft)[:, :, None] * np.ones(3, np.float32)
    return _shrunk(np.asarray(colour, np.float32), np.maximum(alpha, ball))


def _cup() -> _Drawing:
    alpha = np.zeros((_LARGE, _LARGE), np.float32)
    u = _LARGE / 100
    body = np.array([(22, 18), (78, 18), (70, 92), (30, 92)], np.float32) * u
    cv2.fillConvexPoly(alpha, body.astype(np.int32), 1.0)
    cv2.ellipse(alpha, (round(50 * u), round(18 * u)), (round(28 * u), round(6 * u)), 0, 0, 360, 1.0, -1)
    cv2.ellipse(alpha, (round(80 * u), round(46 * u)), (round(13 * u), round(17 * u)), 0, 0, 360, 1.0, round(6 * u))
    y, x = np.mgrid[0:_LARGE, 0:_LARGE].astype(np.float32) / u
    shade = 0.55 + 0.45 * np.cos((x - 42) / 30)
    stripes = (np.sin(y / 4.2) > 0.55)[:, :, None]
    colour = np.where(stripes, np.array([60, 60, 190], np.float32), np.array([196, 206, 210], np.float32))
    return _shrunk(np.asarray(colour * (shade * _texture(6, 0.02, 4))[:, :, None], np.float32), alpha)


def _sunglasses() -> _Drawing:
    alpha = np.zeros((_LARGE, _LARGE), np.float32)
    u = _LARGE / 100
    for x in (27, 73):
        cv2.ellipse(alpha, (round(x * u), round(50 * u)), (round(19 * u), round(14 * u)), 0, 0, 360, 1.0, -1)
    cv2.line(alpha, (round(40 * u), round(45 * u)), (round(60 * u), round(45 * u)), 1.0, round(4 * u))
    for x in (9, 91):
        cv2.line(alpha, (round(x * u), round(46 * u)), (round((x * 1.3 - 15) * u), round(43 * u)), 1.0, round(4 * u))
    y, x_map = np.mgrid[0:_LARGE, 0:_LARGE].astype(np.float32) / u
    glint = 80 * np.clip(1 - np.abs((x_map + y) % 46 - 22) / 5, 0, 1) * (np.abs(y - 44) < 8)
    colour = (18 + glint)[:, :, None] * np.array([1.1, 1.0, 0.9], np.float32)
    return _shrunk(np.asarray(colour, np.float32), alpha)


def _glasses(draw: np.random.Generator, dark: bool, thickness: tuple[float, float], levels: tuple[float, float]) -> _Drawing:
    alpha = np.zeros((_LARGE, _LARGE), np.float32)
    u = _LARGE / 100
    wide, high, thick = draw.uniform(15, 19), draw.uniform(10, 15), round(draw.uniform(*thickness) * u)
    power = draw.uniform(2, 4)
    angle = np.linspace(0, 2 * np.pi, 80, endpoint=False)
    ring = np.stack([np.sign(f(angle)) * np.abs(f(angle)) ** (2 / power) for f in (np.cos, np.sin)], axis=1)
    for x in (29, 71):
        loop = [np.round((np.array([x, 50]) + ring * (wide, high)) * u).astype(np.int32)]
        cv2.polylines(alpha, loop, True, 1.0, thick)
        if dark:
            cv2.fillPoly(alpha, loop, 1.0)
    for start, end in (((29 + wide, 46), (71 - wide, 46)), ((29 - wide, 45), (6, 43)), ((71 + wide, 45), (94, 43))):
        a, b = ((round(x * u), round(y * u)) for x, y in (start, end))
        cv2.line(alpha, a, b, 1.0, thick)
    tone = np.array([1.0, 1.0, 1.0], np.float32) + np.float32(draw.uniform(0, 1)) * np.array([-0.4, -0.1, 0.6], np.float32)
    colour = np.float32(draw.uniform(*levels)) * tone[None, None] * _texture(6, 0.1, 6)[:, :, None]
    return _shrunk(np.asarray(colour, np.float32), alpha)


def _bar() -> _Drawing:
    alpha = np.zeros((_LARGE, _LARGE), np.float32)
    u = _LARGE / 100
    cv2.rectangle(alpha, (round(46 * u), 0), (round(54 * u), _LARGE), 1.0, -1)
    x = np.linspace(0, 100, _LARGE, dtype=np.float32)
    shade = np.broadcast_to(0.5 + 0.5 * np.cos((x - 49) / 3.4), (_LARGE, _LARGE))
    colour = np.array([120, 150, 90], np.float32) * (shade * _texture(4, 0.03, 5))[:, :, None]
    return _shrunk(np.asarray(colour, np.float32), alpha)
