"""Hands in front of the face: rendered ones in any pose and tone, and real ones cut out of clips."""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from mien.lab.training.parser.canvas import Canvas
from mien.lab.training.parser.portraits import CANVAS
from mien.lab.training.parser.shadows import OF_THINGS, cast_shadow
from mien.lab.training.parser.shapes import Solid, noise, soft
from mien.models.format.parsing import FaceClass
from mien.types import Array, Floats

_PALM = ((0, 5, 2.0, 1.25), (0, 9, 2.0, 1.35), (0, 13, 2.0, 1.3), (0, 17, 1.9, 1.15), (0, 1, 1.7, 1.5), (1, 5, 1.3, 1.2),
         (5, 9, 1.2, 1.3), (9, 13, 1.3, 1.25), (13, 17, 1.25, 1.1), (1, 2, 1.5, 1.15))  # fmt: skip
"""Capsules of the palm: two joints and the radii at both, in widths of a finger."""
# Joints of each finger, the thumb first.
_FINGERS = ((1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16), (17, 18, 19, 20))
_TAPER = ((1.1, 1.0), (1.0, 0.92), (0.92, 0.78))
"""Radii at both ends of the three segments of a finger, in widths of a finger."""
_ROOTS = np.array([[-0.33, -0.92, 0], [-0.1, -1, 0.02], [0.12, -0.96, 0.01], [0.32, -0.86, -0.03]])
_LENGTHS = np.array([[0.45, 0.28, 0.22], [0.5, 0.32, 0.24], [0.46, 0.3, 0.23], [0.36, 0.22, 0.2]])
"""Roots and lengths of the segments of the four fingers, in lengths of the palm; an ordinary hand, by eye."""
_ANCHORS = (8, 12, 9, 0, 6, 16, 4, 5, 17)  # joints of which one is placed on or near the face
_SLEEVE = 2  # number of the sleeve among the parts of a solid


def add_hand(canvas: Canvas, draw: np.random.Generator, cuts: Sequence[Array], poses: Sequence[Floats]) -> None:
    """Lay a hand over the face; `cuts` are BGRA uint8 pictures of real hands, `poses` joints (21, 3) of real hands."""
    part: Array
    if len(cuts) and draw.random() < 0.35:
        alpha, colours = _cut(canvas, draw, cuts)
        part = np.ones_like(alpha)
    else:
        alpha, colours, part = _rendered(canvas, draw, poses)
    alpha = soft(alpha, draw)
    if draw.random() < 0.65:
        cast_shadow(canvas, alpha, draw, OF_THINGS)
    canvas.lay(FaceClass.HAND, alpha, colours)
    sleeve = alpha * (part == _SLEEVE)
    if sleeve.any():
        canvas.mark(FaceClass.THING, sleeve)
    canvas.kinds.append("hand")


def _rendered(canvas: Canvas, draw: np.random.Generator, poses: Sequence[Floats]) -> tuple[Floats, Floats, Array]:
    """Return alpha, colours and numbers of the parts of a rendered hand."""
    joints = _placed(canvas, draw, _pose(draw, poses))
    palm = float(np.linalg.norm(joints[0] - joints[9]))
    width = palm * draw.uniform(0.085, 0.14)
    solid = Solid()
    sleeve = _forearm(solid, joints, palm, width, draw)
    for a, b, radius_a, radius_b in _PALM:
        solid.capsule(joints[a], joints[b], width * radius_a, width * radius_b)
    for number, finger in enumerate(_FINGERS):
        size = width * (0.85 if number == 4 else 1.0)
        for segment, (wide, narrow) in enumerate(_TAPER):
            solid.capsule(joints[finger[segment]], joints[finger[segment + 1]], size * wide, size * narrow)
    alpha, light = solid.shaded(draw, max(0.8, width * 0.35))
    tone = _tone(canvas, draw)
    grain = light * (1 + draw.uniform(0.01, 0.05) * noise(draw))
    redness = 1 + draw.uniform(0, 0.1) * noise(draw, ((12, 0.8),))
    colours = tone * grain[:, :, None] * np.dstack([np.ones_like(redness), np.ones_like(redness), redness])
    if draw.random() < 0.08:  # a glove
        colours = draw.uniform(10, 240, 3) * (light * (1 + 0.08 * noise(draw)))[:, :, None]
    if sleeve:
        cloth = draw.uniform(10, 240, 3) * (light * (1 + 0.12 * noise(draw)))[:, :, None]
        colours = np.where((solid.part == _SLEEVE)[:, :, None], cloth, colours)
    return alpha, colours.astype(np.float32), solid.part


def _tone(canvas: Canvas, draw: np.random.Generator) -> Floats:
    """Return the tone of the hand's skin, BGR float32 (3,): mostly near the face's, at times another person's."""
    if draw.random() < 0.3:
        blue = draw.uniform(30, 190)
        green = blue * draw.uniform(1.05, 1.35)
        return np.array([blue, green, green * draw.uniform(1.1, 1.5)], np.float32)
    near = 0.07 if draw.random() < 0.5 else 0.25
    tone: Floats = (canvas.skin() * draw.uniform(1 - near, 1 + near) * np.exp(draw.normal(0, 0.05, 3))).astype(np.float32)
    return tone


def _pose(draw: np.random.Generator, poses: Sequence[Floats]) -> Array:
    """Return joints (21, 3) around the wrist, length of the palm 1, of a real or a made-up pose, turned at random."""
    turned: Array
    if len(poses) and draw.random() < 0.35:
        joints = poses[int(draw.integers(len(poses)))].astype(np.float64)
        joints = (joints - joints[0]) * (1, 1, -1)
        joints = joints / max(float(np.linalg.norm(joints[9])), 1e-6)
        turned = joints @ _rotation(draw.normal(0, 0.25), draw.normal(0, 0.25), draw.normal(0, 0.5)).T
        return turned
    joints = _skeleton(draw)
    if draw.random() < 0.5:
        joints[:, 0] *= -1
    back = math.pi if draw.random() < 0.5 else 0.0
    turned = joints @ _rotation(draw.normal(0, 1.0) + back, draw.normal(0, 0.5), draw.normal(0, 0.9)).T
    return turned


def _placed(canvas: Canvas, draw: np.random.Generator, joints: Array) -> Array:
    """Return the joints in pixels of the canvas, one of them on or near the face."""
    eyes, (x, y) = canvas.eyes, canvas.middle
    joints = joints * eyes * draw.uniform(1.0, 1.75)
    goal = np.array([x + draw.normal(0, 0.75) * eyes, y + draw.normal(0.9, 0.7) * eyes, 0])
    joints = joints - joints[_ANCHORS[int(draw.integers(len(_ANCHORS)))]] + goal
    joints[:, 2] -= joints[:, 2].min()
    return joints


def _forearm(solid: Solid, joints: Array, palm: float, width: float, draw: np.random.Generator) -> bool:
    """Add the forearm, in a sleeve or bare; return True for a sleeve."""
    away = joints[0] - joints[9]
    away = away / max(float(np.linalg.norm(away[:2])), 1e-6) + draw.normal(0, 0.25, 3) * (1, 1, 0)
    sleeve = bool(draw.random() < 0.5)
    cuff, end = joints[0] + away * palm * draw.uniform(0.1, 0.5), joints[0] + away * palm * 3.2
    solid.capsule(joints[0], cuff, width * 2.1, width * 2.0)
    wide = (2.7, 3.4) if sleeve else (2.0, 2.8)
    solid.capsule(cuff, end, width * wide[0], width * wide[1], _SLEEVE if sleeve else 1)
    return sleeve


def _skeleton(draw: np.random.Generator) -> Array:
    """Return the joints (21, 3) of a random pose: the wrist at 0, the fingers up, the length of the palm 1."""
    joints = np.zeros((21, 3))
    spread = draw.uniform(0.4, 2.6)
    curl = np.clip(draw.uniform(0, 1) * draw.uniform(0.2, 1.3) + draw.normal(0, 0.18, 5), 0, 1.15)
    if draw.random() < 0.4:  # an open hand: skin shows between the fingers
        curl *= draw.uniform(0, 0.4)
    if draw.random() < 0.25:  # two fingers stretched
        curl[draw.permutation(4)[:2] + 1] = draw.uniform(0, 0.2)
    for finger in range(4):
        place = _ROOTS[finger].copy()
        joints[5 + 4 * finger] = place
        aside = (finger - 1.4) * 0.13 * spread + draw.normal(0, 0.04)
        bent = 0.0
        for segment, most in enumerate((1.35, 1.5, 0.9)):
            bent += curl[finger + 1] * most
            way = np.array([math.sin(aside) * math.cos(bent), -math.cos(aside) * math.cos(bent), math.sin(bent)])
            place = place + _LENGTHS[finger, segment] * way
            joints[6 + 4 * finger + segment] = place
    out = draw.uniform(0.1, 1.0)
    place = np.array([-0.2, -0.2, 0.05])
    joints[1] = place
    way = np.array([-math.sin(0.5 + 0.5 * out), -math.cos(0.5 + 0.5 * out), 0.25 + 0.5 * curl[0]])
    for segment, length in enumerate((0.38, 0.32, 0.27)):
        way = way / np.linalg.norm(way)
        place = place + length * way
        joints[2 + segment] = place
        way = way + np.array([0.35 * curl[0], 0, 0.3 * curl[0]])
    return joints


def _rotation(yaw: float, pitch: float, roll: float) -> Array:
    """Return a rotation matrix (3, 3) of angles in radians."""
    cy, sy, cp, sp, cr, sr = (each(angle) for angle in (yaw, pitch, roll) for each in (math.cos, math.sin))
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    rotation: Array = about_z @ about_x @ np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    return rotation


def _cut(canvas: Canvas, draw: np.random.Generator, cuts: Sequence[Array]) -> tuple[Floats, Floats]:
    """Return alpha and colours of a real hand, turned and sized at random, often in the sitter's tone."""
    hand = cuts[int(draw.integers(len(cuts)))]
    side, eyes = hand.shape[0], canvas.eyes
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), draw.normal(0, 40), eyes * draw.uniform(1.6, 3.4) / side)
    goal = canvas.middle + np.array([draw.normal(0, 0.8), draw.normal(0.8, 0.8)]) * eyes
    turn[:, 2] += goal - side / 2
    if draw.random() < 0.5:
        hand = np.ascontiguousarray(hand[:, ::-1])
    moved = cv2.warpAffine(hand, turn, (CANVAS, CANVAS), flags=cv2.INTER_LINEAR).astype(np.float32)
    alpha, colours = moved[:, :, 3] / 255, moved[:, :, :3]
    if draw.random() < 0.6:
        mean = (colours * alpha[:, :, None]).sum((0, 1)) / (alpha.sum() + 1e-3)
        tone = canvas.skin() * draw.uniform(0.7, 1.3) * np.exp(draw.normal(0, 0.05, 3))
        colours = colours * (tone / (mean + 1))
    return alpha.astype(np.float32), colours.astype(np.float32)
