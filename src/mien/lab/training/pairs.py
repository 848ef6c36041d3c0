"""Examples for the harmonising network: a swap under two random lights, and its truth.

All portraits are taken in flat light. The target gets one light, the source another; the engine swaps. The truth is the
swap of the two flat pictures, its tone blended into the target's skin along the border, under the target's light: the view of
the target's face teaches the network that light, and never to paint that face.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.imaging import geometry
from mien.imaging.blend import relight
from mien.imaging.colour import light_map, soften
from mien.imaging.draw import draw_mesh
from mien.lab.meshes import whole_triangles
from mien.lab.training.lamps import Light, lit, random_light, shading
from mien.lab.training.sitters import Sitter
from mien.swap.engines.mesh.texture import Texture, border_opacity
from mien.swap.stages.harmonise import REACH
from mien.types import Affine, Array, Floats, Image, Mask

SCENE = 2 / 3  # side of the square of an example, in sides of a sitter's


@dataclass(frozen=True, slots=True)
class Example:
    """Target, engine's patch with its mask, and true patch.

    Pictures are BGR uint8 (side, side, 3), `mask` uint8 (side, side), `points` float32 (478, 3) of the face; `sitter` is
    the person of the target, `source` that of the worn face.
    """

    target: Image
    patch: Image
    mask: Mask
    truth: Image
    points: Floats
    sitter: Sitter
    source: Sitter


def random_example(sitters: Sequence[Sitter], draw: np.random.Generator, *, plain: bool = False) -> Example:
    """Return a random example; `plain` = the engine's swap of a photo without occluders."""
    target, source = sitters[int(draw.integers(len(sitters)))], sitters[int(draw.integers(len(sitters)))]
    strength = 1.0 if plain or draw.random() < 0.8 else float(draw.uniform(0, 1))
    scene_light = random_light(draw, float(draw.choice([0.1, 0.6, 1.0, 1.0])))
    texture = 0 if draw.random() < 0.4 else int(draw.integers(len(source.textures)))
    made = example(target, source, texture, scene_light, _placed(target, draw), strength, draw, plain=plain)
    if not plain and draw.random() < 0.35:
        # In a video the engine already relights from the track's memory: less is left to do, or nothing.
        share = float(draw.uniform(0.3, 1.0))
        patch = cv2.addWeighted(made.patch, 1 - share, made.truth, share, 0)
        made = replace(made, patch=np.asarray(patch, np.uint8))
    return made


def example(
    target: Sitter,
    source: Sitter,
    texture: int,
    scene_light: Light,
    to_scene: Affine,
    strength: float,
    draw: np.random.Generator,
    *,
    plain: bool,
) -> Example:
    """Return the source in one of its textures on the target under its light; `strength` is the setting `light`."""
    side = scene_side(target)
    flat = np.asarray(_moved(target.image, to_scene, side), np.uint8)
    normals = _turned(_moved(target.normals, to_scene, side), to_scene)
    points = np.empty_like(target.points)
    points[:, :2] = geometry.apply(to_scene, target.points[:, :2])
    points[:, 2] = target.points[:, 2] * geometry.scale_of(to_scene)
    fallen = shading(scene_light, normals, float(np.exp(draw.normal(-0.1, 0.35))))
    worn = flat if plain else _adorned(flat, points, draw)
    shown, free = lit(worn, fallen, scene_light), None
    if not plain:
        shown, free = _obstructed(shown, draw)
    drawn_flat, mask = _drawn(source.textures[0], points, side)
    patch, _ = _drawn(source.textures[texture], points, side)
    if strength > 0 and mask.any():
        relight(patch, mask, light_map(patch, mask, shown, strength))
        patch = soften(patch, mask, shown)
    truth = lit(_toned(drawn_flat, mask, flat), fallen, scene_light)
    if free is not None:
        mask = np.where(mask > 0, np.maximum(cv2.multiply(mask, free, scale=1 / 255), 1), 0).astype(np.uint8)
    return Example(shown, patch, mask, truth, points, target, source)


def scene_side(target: Sitter) -> int:
    """Return the side of an example, in pixels."""
    side: int = target.image.shape[0]
    return round(SCENE * side)


def _adorned(flat: Image, points: Floats, draw: np.random.Generator) -> Image:
    """Give some targets a beard, glasses, dark lids or a spot: neither light nor part of the source."""
    side, kind = flat.shape[0], draw.random()
    if kind > 0.45:
        return flat
    flat_points = points[:, :2].round().astype(np.int32)
    cover = np.zeros(flat.shape[:2], np.uint8)
    if kind < 0.25:
        cv2.fillPoly(cover, [flat_points[list(_BEARD)]], 255)
        if draw.random() < 0.7:
            cv2.fillConvexPoly(cover, cv2.convexHull(flat_points[list(_LIPS)]), 0)
        spread, depth = float(draw.uniform(0.008, 0.02)), float(draw.uniform(0.4, 0.95))
    elif kind < 0.37:
        width = max(1, round(float(draw.uniform(0.006, 0.02)) * side))
        for eye in (landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE):
            x, y, wide, high = cv2.boundingRect(flat_points[list(eye)])
            axes = round(0.85 * wide), round(max(0.65 * wide, 0.8 * high))
            filled = -1 if kind < 0.28 else width
            cv2.ellipse(cover, (x + wide // 2, y + high // 2), axes, 0.0, 0.0, 360.0, 255, filled)
        spread, depth = 0.004, float(draw.uniform(0.5, 1.0))
    else:
        middle = flat_points[int(draw.integers(landmark_sets.SKIN_POINTS))]
        axes = round(float(draw.uniform(0.04, 0.12)) * side), round(float(draw.uniform(0.03, 0.08)) * side)
        cv2.ellipse(cover, (int(middle[0]), int(middle[1])), axes, float(draw.uniform(0, 180)), 0.0, 360.0, 255, -1)
        spread, depth = 0.02, float(draw.uniform(0.15, 0.5))
    share = cv2.GaussianBlur(cover, (0, 0), spread * side)[:, :, None] * (depth / 255)
    share = share * np.clip(1 + 0.35 * draw.normal(0, 1, flat.shape[:2]), 0, 1.2)[:, :, None]
    colour = np.array([30.0, 40.0, 55.0]) * draw.uniform(0.3, 1.8) + draw.normal(0, 8, 3)
    return np.clip(flat + (colour - flat) * np.clip(share, 0, 1), 0, 255).astype(np.uint8)


_BEARD = (234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454,
          411, 426, 423, 327, 2, 98, 203, 206, 187)  # fmt: skip
_LIPS = (61, 37, 0, 267, 291, 314, 17, 84)  # landmarks of the outer lips, free of the beard


def _obstructed(shown: Image, draw: np.random.Generator) -> tuple[Image, Mask | None]:
    """Add an occluder or the frame's border to some pictures; return the picture and the free part of the face."""
    kind, side = draw.random(), shown.shape[0]
    if kind < 0.15:
        middle = draw.uniform(0.25, 0.75, 2) * side
        axes = draw.uniform(0.05, 0.25, 2) * side
        thing = np.zeros(shown.shape[:2], np.uint8)
        cv2.ellipse(
            thing, (round(middle[0]), round(middle[1])), (round(axes[0]), round(axes[1])),
            float(draw.uniform(0, 180)), 0.0, 360.0, 255, -1,
        )  # fmt: skip
        soft = cv2.GaussianBlur(thing, (0, 0), 0.01 * side)
        colour = np.clip(draw.normal(0, 40, 3) + shown[thing > 0].mean(0) if thing.any() else 0, 0, 255)
        covered = shown + (colour - shown) * (soft / 255.0)[:, :, None]
        return covered.astype(np.uint8), (255 - soft).astype(np.uint8)
    if kind < 0.23:
        free = np.full(shown.shape[:2], 255, np.uint8)
        picture, turns = shown.copy(), int(draw.integers(4))
        turned, cut = np.rot90(picture, turns), round(float(draw.uniform(0.05, 0.35)) * side)
        turned[:cut] = turned[cut]
        np.rot90(free, turns)[:cut] = 0
        return picture, free
    return shown, None


def _placed(target: Sitter, draw: np.random.Generator) -> Affine:
    """Return the place of the sitter's square in the scene: about the network's window, slightly turned and shifted."""
    x1, y1, x2, y2 = geometry.box_of(target.points)
    side = scene_side(target)
    scale = side / (REACH * max(x2 - x1, y2 - y1)) * float(np.exp(draw.normal(0, 0.03)))
    turn = float(draw.normal(0, 0.15))
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    middle = np.array([(x1 + x2) / 2, (y1 + y2) / 2])
    shift = side / 2 + draw.normal(0, 0.01 * side, 2) - linear @ middle
    return np.hstack([linear, shift[:, None]])


def _opacity() -> Floats:
    """Return the engine's opacity: 0 at the border, the irises and the inner lips."""
    opacity = border_opacity()
    opacity[[landmark_sets.RIGHT_IRIS, landmark_sets.LEFT_IRIS, *landmark_sets.INNER_LIPS]] = 0
    return opacity


def _moved(picture: Array, to_scene: Affine, side: int) -> Array:
    return np.asarray(cv2.warpAffine(picture, to_scene, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _turned(normals: Array, to_scene: Affine) -> Floats:
    rotation = (to_scene[:, :2] / geometry.scale_of(to_scene)).astype(np.float32)
    turned = normals.astype(np.float32)
    turned[:, :, :2] = turned[:, :, :2] @ rotation.T
    return turned


def _drawn(texture: Texture, points: Floats, side: int) -> tuple[Image, Mask]:
    """Draw a texture at the target's points; return patch and mask, 0 outside."""
    crop, mask = np.empty((side, side, 3), np.uint8), np.zeros((side, side), np.uint8)
    depth = np.empty((side, side), np.float32)
    draw_mesh(_TRIANGLES, points, texture.points, texture.image, _OPACITY, crop, mask, depth)
    crop[mask == 0] = 0
    return crop, mask


_TRIANGLES = whole_triangles()
_OPACITY = _opacity()
_RING = (16, 160)  # values of the mask at the border, where both pictures must meet
_TONE_SIDE = 64  # pixels; tone varies slowly
_MAX_TONE_LEVELS = 45.0  # a larger difference between the two is hair or collar, not tone; chosen by eye


def _toned(patch: Image, mask: Mask, target: Image) -> Image:
    """Return a flat patch in the tone of the flat target: the engine's means, then the rest of the step at the border."""
    toned = patch.copy()
    if not mask.any():
        return toned
    relight(toned, mask, light_map(toned, mask, target, 1.0))
    toned = soften(toned, mask, target)
    side = mask.shape[0]
    half = _TONE_SIDE
    cover = cv2.resize((mask > 0).astype(np.float32), (half, half), interpolation=cv2.INTER_AREA)
    small = cv2.resize(toned, (half, half), interpolation=cv2.INTER_AREA) / np.maximum(cover, 0.05)[:, :, None]
    small_mask = cv2.resize(mask, (half, half), interpolation=cv2.INTER_AREA)
    step = (cv2.resize(target, (half, half), interpolation=cv2.INTER_AREA) - small).astype(np.float32)
    ring = (cover > 0.95) & (small_mask > _RING[0]) & (small_mask < _RING[1]) & (np.abs(step).max(axis=2) < _MAX_TONE_LEVELS)
    weight = cv2.GaussianBlur(ring.astype(np.float32), (0, 0), 4.0)
    led = cv2.GaussianBlur(step * ring[:, :, None], (0, 0), 4.0) / np.maximum(weight, 1e-3)[:, :, None]
    reach = np.clip(weight * 6, 0, 1)
    correction = cv2.resize(led * reach[:, :, None], (side, side), interpolation=cv2.INTER_LINEAR)
    moved = np.clip(toned + correction + 0.5, 0, 255).astype(np.uint8)
    moved[mask == 0] = 0
    return np.asarray(moved, np.uint8)
