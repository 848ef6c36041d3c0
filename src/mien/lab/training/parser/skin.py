"""Looks of a bare face: hard light, cast shadows, shine, age, make-up, freckles, other tones."""

import math

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.lab.training.lamps import lit, random_light, shading
from mien.lab.training.parser.canvas import Canvas
from mien.lab.training.parser.portraits import CANVAS, filled, hull
from mien.lab.training.parser.shapes import noise, outline
from mien.types import Array, Floats

_CREASES = (
    (129, 203, 206, 216, 57), (358, 423, 426, 436, 287),  # from the nose to the mouth
    (103, 67, 109, 10, 338, 297, 332), (104, 69, 108, 151, 337, 299, 333), (68, 63, 66, 9, 296, 293, 298),  # forehead
    (9, 8), (107, 55), (336, 285),  # between the brows
    (33, 226, 35), (263, 446, 265), (130, 25, 111), (359, 255, 340),  # beside the eyes
    (243, 112, 26, 22, 23, 24, 110), (463, 341, 256, 252, 253, 254, 339),  # below the eyes
    (57, 43, 106, 182), (287, 273, 335, 406), (214, 210, 170), (434, 430, 395),  # beside the chin
)  # fmt: skip
"""Rows of landmarks along which skin folds with age."""
_LAMP_SHARE = 0.45  # of the pictures; the others keep the flat light of the portrait, with a slope


def vary_skin(canvas: Canvas, draw: np.random.Generator) -> None:
    """Change the tone, age and make-up of the skin, of which nothing is an occluder."""
    if draw.random() < 0.35:
        _tone(canvas, draw)
    if draw.random() < 0.32:
        _age(canvas, draw)
    if draw.random() < 0.25:
        _spots(canvas, draw)
    if draw.random() < 0.25:
        _make_up(canvas, draw)


def vary_light(canvas: Canvas, draw: np.random.Generator) -> None:
    """Put the face into another light: lamps on its normals, cast shadows, overexposed patches with hard edges, highlights."""
    if draw.random() < _LAMP_SHARE:
        light = random_light(draw, float(draw.uniform(0.3, 1.0)))
        exposure = float(np.exp(draw.normal(0.1, 0.35)))
        picture = np.clip(canvas.image, 0, 255).astype(np.uint8)
        canvas.image[:] = lit(picture, shading(light, canvas.normals, exposure), light)
    else:
        _slope(canvas, draw)
    if draw.random() < 0.3:
        _cast_shadow(canvas, draw)
    if draw.random() < 0.3:
        _hard_edge(canvas, draw)
    if draw.random() < 0.3:
        _shine(canvas, draw)


def _tone(canvas: Canvas, draw: np.random.Generator) -> None:
    """Make the whole person darker or lighter, redder or paler."""
    power = math.exp(draw.normal(0.12, 0.28))
    canvas.image[:] = 255 * (np.clip(canvas.image, 0, 255) / 255) ** np.float32(power)
    canvas.image *= np.exp(draw.normal(0, 0.08, 3)).astype(np.float32)


def _age(canvas: Canvas, draw: np.random.Generator) -> None:
    """Draw folds along the lines of age, each with its lighter lip, and roughen the skin."""
    depth = draw.uniform(0.1, 0.5)
    folds = np.zeros((CANVAS, CANVAS), np.float32)
    for row in _CREASES:
        if draw.random() < 0.7:
            path = canvas.points[list(row), :2] + draw.normal(0, 0.015, (len(row), 2)) * canvas.eyes
            width = 1 if draw.random() < 0.6 else 2
            line = [(path * 8).round().astype(np.int32)]
            cv2.polylines(folds, line, False, float(draw.uniform(0.4, 1)), width, cv2.LINE_AA, 3)
    folds = np.asarray(cv2.GaussianBlur(folds, (0, 0), draw.uniform(0.6, 1.6)), np.float32)
    lip = np.roll(folds, 2, axis=0)
    canvas.image *= (1 - depth * folds + 0.4 * depth * lip)[:, :, None]
    blurred = cv2.GaussianBlur(canvas.image, (0, 0), 2.0)
    canvas.image += draw.uniform(0, 1.2) * (canvas.image - blurred)
    canvas.image *= (1 + draw.uniform(0, 0.05) * noise(draw, ((2.5, 0.7), (5, 0.7))))[:, :, None]


def _spots(canvas: Canvas, draw: np.random.Generator) -> None:
    """Scatter freckles, moles and age spots, or lay red patches."""
    face = filled(landmark_sets.FACE_OVAL, canvas.points, CANVAS).astype(np.float32) / 255
    cover = np.zeros((CANVAS, CANVAS), np.float32)
    if draw.random() < 0.6:
        for _ in range(int(draw.integers(1, 120))):
            spot = canvas.points[int(draw.integers(landmark_sets.SKIN_POINTS)), :2] + draw.normal(0, 0.08, 2) * canvas.eyes
            radius = float(draw.uniform(0.3, 1.4))
            x, y = (spot * 8).round().astype(int).tolist()
            cv2.circle(cover, (x, y), max(1, round(radius * 8)), float(draw.uniform(0.3, 1)), -1, cv2.LINE_AA, 3)
        tint = np.array([0.45, 0.6, 0.75]) * draw.uniform(0.7, 1.2)
    else:
        cover = np.clip(noise(draw, ((16, 1.0),)) - draw.uniform(0.2, 1.0), 0, 1)
        tint = np.array([0.75, 0.75, 1.05])
    share = draw.uniform(0.2, 0.8) * cover * face
    canvas.image *= 1 + (tint.astype(np.float32) - 1) * share[:, :, None]


def _make_up(canvas: Canvas, draw: np.random.Generator) -> None:
    """Colour lips, lids or cheeks."""
    areas: list[tuple[Array, float]] = []
    if draw.random() < 0.6:
        areas.append((filled(landmark_sets.OUTER_LIPS, canvas.points, CANVAS), draw.uniform(0.2, 0.8)))
    if draw.random() < 0.5:
        lids = landmark_sets.RIGHT_LIDS, landmark_sets.LEFT_LIDS
        areas += [(filled(loop, canvas.points, CANVAS), draw.uniform(0.2, 0.7)) for loop in lids]
    if draw.random() < 0.4:
        areas += [(hull(loop, canvas.points, CANVAS), draw.uniform(0.1, 0.4)) for loop in landmark_sets.BARE_SKIN[:2]]
    for area, strength in areas:
        cover = cv2.GaussianBlur(area.astype(np.float32) / 255, (0, 0), draw.uniform(0.8, 3)) * np.float32(strength)
        colour = draw.uniform(10, 220, 3) if draw.random() < 0.4 else np.array([60, 40, draw.uniform(90, 220)])
        canvas.image += (colour.astype(np.float32) * canvas.image.mean() / 110 - canvas.image) * cover[:, :, None] * 0.7


def _slope(canvas: Canvas, draw: np.random.Generator) -> None:
    """Light the picture softly from a side."""
    y, x = np.mgrid[-1 : 1 : CANVAS * 1j, -1 : 1 : CANVAS * 1j].astype(np.float32)
    turn = draw.uniform(0, 2 * math.pi)
    slope = np.tanh((x * math.cos(turn) + y * math.sin(turn) + draw.normal(0, 0.3)) * draw.uniform(0.5, 3))
    tint = np.exp(draw.normal(0, 0.08, 3)).astype(np.float32)
    canvas.image *= (1 + draw.uniform(0, 0.5) * slope)[:, :, None] * tint


def _cast_shadow(canvas: Canvas, draw: np.random.Generator) -> None:
    """Cast the shadow of leaves, a brim, fingers or blinds outside the picture on the face."""
    eyes, (x, y) = canvas.eyes, canvas.middle
    kind = draw.random()
    shade: Floats
    if kind < 0.4:
        shade = (noise(draw, ((draw.uniform(8, 40), 1.0), (6, 0.3))) > draw.uniform(0.0, 0.9)).astype(np.float32)
    elif kind < 0.7:
        turn, radius = draw.uniform(0, math.pi), draw.uniform(0.06, 0.4) * eyes
        along = np.array([math.cos(turn), math.sin(turn)]) * 200
        aside = np.array([-math.sin(turn), math.cos(turn)])
        shade = np.zeros((CANVAS, CANVAS), np.float32)
        for _ in range(int(draw.integers(1, 5))):
            place = np.array([x, y]) + draw.normal(0, 0.9, 2) * eyes
            quad = [place - along - aside * radius, place + along - aside * radius, place + along + aside * radius]
            shade = np.maximum(shade, outline(np.array([*quad, place - along + aside * radius])))
    else:
        line = y + draw.normal(0.0, 0.5) * eyes
        rows, columns = np.mgrid[0:CANVAS, 0:CANVAS].astype(np.float32)
        bend = draw.normal(0, 0.15) * (columns - x) ** 2 / eyes + draw.normal(0, 0.2) * (columns - x)
        shade = (rows + bend < line).astype(np.float32)
    shade = np.asarray(cv2.GaussianBlur(shade, (0, 0), draw.uniform(0.6, 4)), np.float32)
    cool = np.array([draw.uniform(1.0, 1.15), 1.0, draw.uniform(0.85, 1.0)], np.float32)
    canvas.image *= 1 + (cool * draw.uniform(0.3, 0.8) - 1) * shade[:, :, None]


def _hard_edge(canvas: Canvas, draw: np.random.Generator) -> None:
    """Overexpose a part of the face, or put it into deep shadow, with a curved edge."""
    y, x = np.mgrid[-1 : 1 : CANVAS * 1j, -1 : 1 : CANVAS * 1j].astype(np.float32)
    turn, bend = draw.uniform(0, 2 * math.pi), draw.normal(0, 0.6)
    u, v = x * math.cos(turn) + y * math.sin(turn), -x * math.sin(turn) + y * math.cos(turn)
    edge = (u - draw.uniform(-0.3, 0.65) - bend * v * v + 0.1 * noise(draw, ((25, 1.0),))) / draw.uniform(0.02, 0.2)
    part = 1 / (1 + np.exp(-np.clip(edge, -30, 30)))
    change = draw.uniform(0.3, 1.5) if draw.random() < 0.5 else -draw.uniform(0.2, 0.75)
    brighter = canvas.image * (1 + change * part)[:, :, None]
    canvas.image[:] = np.minimum(brighter, 255 + 0.2 * (brighter - 255))


def _shine(canvas: Canvas, draw: np.random.Generator) -> None:
    """Add highlights to cheeks, nose or forehead, overexposed in the middle."""
    y, x = np.mgrid[-1 : 1 : CANVAS * 1j, -1 : 1 : CANVAS * 1j].astype(np.float32)
    for _ in range(int(draw.integers(1, 4))):
        at_x, at_y = draw.uniform(-0.5, 0.5), draw.uniform(-0.65, 0.5)
        wide, high = draw.uniform(0.05, 0.35, 2)
        distance = ((x - at_x) / wide) ** 2 + ((y - at_y) / high) ** 2 + 0.5 * noise(draw, ((18, 1.0),))
        share = draw.uniform(0.2, 0.85) / (1 + np.exp(np.clip((distance - 1) * draw.uniform(1.2, 5), -30, 30)))
        canvas.image += (255 - canvas.image) * share[:, :, None].astype(np.float32)
