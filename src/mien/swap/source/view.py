"""Texture of a photo's face, with maps of what is seen, what is seen well, and what is skin."""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.head_pose import yaw_of_mesh
from mien.face.mean_face import texture_per_eye_distance, texture_points
from mien.face.texels import texel_map
from mien.imaging.colour import skin_confidence
from mien.imaging.draw import carry_values, draw_mesh
from mien.imaging.smoothstep import smoothstep
from mien.swap.source.fill import HOLE_SIDE, filled
from mien.swap.source.hard_light import Unevenness, blown_out, evened, mouth_width, unevenness
from mien.swap.source.hidden import hidden_parts, terminator
from mien.swap.source.light import even_light, lit, shaded_half, tint_of, untinted
from mien.swap.source.regions import GRID, regions
from mien.swap.source.uncovered import uncovered
from mien.types import Array, Floats, Image, Landmarks

LARGEST, SMALLEST = 1024, 64  # texels on a side; bounds memory: 3 MB a texture
OVERSAMPLING = 1.25  # texels for each pixel of the photo: at the photo's own density its finest detail would be lost
SILHOUETTE_MARGIN = 4  # texels around the silhouette, so that its outline is closed


@dataclass(frozen=True, slots=True)
class View:
    """One photo's face as a texture; the maps are float32 (grid, grid).

    `own` is BGR uint8 (n, n, 3). `gain` (grid, grid, 3) lights it evenly, `other_gain` its mirror picture. `seen` and `well`,
    0..1, are how surely the photo shows the face at all and shows it well, `skin` how surely that is bare skin. `mirrored` is
    the part that is taken from the mirror picture whatever the photo shows; `guessed` is that and what was filled: it gives
    way to another photo. `glasses` are those that are worn.
    """

    own: Image
    gain: Floats
    other_gain: Floats
    seen: Floats
    well: Floats
    skin: Floats
    mirrored: Floats
    guessed: Floats
    glasses: Floats | None = None


@dataclass(frozen=True, slots=True)
class UnevenView:
    """A view whose skin is still lit as in the photo: `light` says how.

    `bare`, float32 (grid, grid), is how surely a texel is bare skin that is seen well; `mouth_width` is in eye distances.
    """

    view: View
    light: Unevenness
    bare: Floats
    mouth_width: float

    def evened(self, *, folds: bool = False) -> View:
        """Return the view in even light; with `folds` those of a smile stay."""
        own = evened(self.view.own, self.view.gain, self.bare, self.light, self.mouth_width, folds=folds)
        return replace(self.view, own=own)


def view_of(
    photo: Image,
    landmarks: Landmarks,
    size: int,
    classes: Array | None = None,
    *,
    glasses: bool = False,
    folds: bool = False,
) -> View:
    """Return the face with these landmarks in the photo, BGR uint8, as a texture of `size` texels in even light.

    `classes` and `glasses` as in `uneven_view`, `folds` as in `UnevenView.evened`.
    """
    return uneven_view(photo, landmarks, size, classes, glasses=glasses).evened(folds=folds)


def uneven_view(
    photo: Image, landmarks: Landmarks, size: int, classes: Array | None = None, *, glasses: bool = False
) -> UnevenView:
    """Return the face with these landmarks in the photo, BGR uint8, as a texture of `size` texels, before it is evened.

    `classes` as in `SourceFace`: what they show in front of the face is taken off, as far as the photo shows what it hides;
    its glasses only without `glasses`.
    """
    photo, points = bounded(photo, landmarks.points, size)
    own = unwrapped(photo, points, size)
    seen, well = weights_of(points, photo.shape)
    yaw = yaw_of_mesh(points)
    hidden = None if classes is None else hidden_parts(own, classes, points, yaw, well, glasses=glasses)
    holes = blown_out(own) if hidden is None else np.maximum(blown_out(own), hidden.holes)
    if hidden is None:
        own = uncovered(own, holes, np.zeros_like(holes), well, np.zeros((GRID, GRID), np.float32))
    else:
        own = uncovered(own, holes, hidden.rims, well, hidden.unknown)
    small = np.asarray(cv2.resize(own, (GRID, GRID), interpolation=cv2.INTER_AREA), np.uint8)
    tint = tint_of(small)
    if tint is not None:
        own, small = untinted(own, tint), untinted(small, tint)
    # Light from the side makes the skin look like many colours: skin is judged again without it.
    gain, other_gain = even_light(small, well * skin_of(small, well))
    skin = skin_of(lit(small, gain), well)
    # On the outline a colour unlike skin may be background, even in the parts that are kept whatever their colour.
    kept = regions().kept * smoothstep(well / 0.5)
    face = np.maximum(skin, kept) * (1 - regions().mouth * (1 - _openness(points)))
    mirrored = np.zeros((GRID, GRID), np.float32)
    if hidden is not None:
        face, mirrored = np.maximum(face * (1 - hidden.unknown), hidden.glasses), hidden.mirrored
    shaded = shaded_half(small, well * skin)
    # Of a texel and its mirror image one has to stay: what is hidden in the lit half comes from the half in shadow.
    ridge = np.zeros((HOLE_SIDE, HOLE_SIDE), np.float32) if hidden is None else hidden.ridge
    if shaded is not None and float((mirrored * (1 - shaded)).max()) < 0.5:
        mirrored = np.maximum(mirrored, shaded)
        # The edge of the shadow runs along the ridge of the nose, where both halves meet.
        ridge = np.maximum(ridge, terminator(classes))
    own = filled(own, ridge, well * (1 - mirrored))
    worn = np.zeros((GRID, GRID), np.float32) if hidden is None else hidden.glasses
    bare = well * face * (1 - worn)
    found = unevenness(own, gain, bare * (1 - mirrored), well, classes)
    guessed = np.maximum(cv2.resize(np.maximum(holes, ridge), (GRID, GRID), interpolation=cv2.INTER_AREA), mirrored)
    view = View(own, gain, other_gain, seen * face, well * face, skin, mirrored, guessed, worn)
    return UnevenView(view, found, bare, mouth_width(points))


def size_for(points: Floats) -> int:
    """Return the side of the texture that holds all detail of a photo with these landmarks, at most `LARGEST`."""
    wanted = OVERSAMPLING * _eye_distance(points) / texture_per_eye_distance()
    return int(min(max(math.ceil(wanted / 32) * 32, SMALLEST), LARGEST))


def unwrapped(photo: Image, points: Floats, size: int) -> Image:
    """Return the photo's face in texture coordinates; BGR uint8 (size, size, 3), undefined outside the face."""
    places = np.full((size, size, 2), -1.0, np.float32)
    carry_values(texel_map(GRID).triangles, texture_points(size), np.ascontiguousarray(points[:, :2]), places)
    return np.asarray(
        cv2.remap(photo, places[:, :, 0], places[:, :, 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def weights_of(points: Floats, photo_shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Return how surely the photo shows each texel at all, and shows it well; float32 (grid, grid) each, 0..1.

    Not at all: from the side, behind the nose, or outside. Not well: from an angle, or on the outline of a turned face.
    """
    eye_distance = _eye_distance(points)
    values = np.ascontiguousarray(np.hstack([points, _facing(points)[:, None]]), np.float32)
    carried = np.full((GRID, GRID, 4), -1.0, np.float32)
    carry_values(texel_map(GRID).triangles, texture_points(GRID), values, carried)
    x, y, z, facing = (carried[:, :, i] for i in range(4))
    inside = (x >= 0) & (y >= 0) & (x <= photo_shape[1] - 1) & (y <= photo_shape[0] - 1)
    outline, depth, scale = _silhouette(points)
    low = points[:, :2].min(0)
    u, v = (x - low[0]) * scale + SILHOUETTE_MARGIN, (y - low[1]) * scale + SILHOUETTE_MARGIN
    from_outline = cv2.remap(outline, u, v, cv2.INTER_LINEAR) / (scale * eye_distance)
    nearest = cv2.remap(depth, u, v, cv2.INTER_LINEAR) / scale
    # The mesh is coarse: only texels clearly behind it are hidden, and its outline is not quite the face's.
    front = smoothstep((0.1 - (z - nearest) / eye_distance) / 0.06)
    seen = smoothstep((facing - 0.02) / 0.2) * front * inside
    well = seen * smoothstep((facing - 0.05) / 0.35) * smoothstep((from_outline - 0.02) / 0.08)
    blurred = cv2.GaussianBlur(np.dstack([seen, well]), (0, 0), 1.0)
    return np.asarray(blurred[:, :, 0], np.float32), np.asarray(blurred[:, :, 1], np.float32)


def skin_of(small: Image, well: Floats) -> Floats:
    """Return how surely each texel of a texture BGR uint8 (grid, grid, 3) is bare skin, 0..1, judged by cheeks and nose."""
    sample = np.where(well > 0.5, regions().sample, 0).astype(np.uint8)
    skin = skin_confidence(small, sample, 0.03 * GRID * texture_per_eye_distance()) / np.float32(255)
    luma = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.float32)
    usual = float(np.median(luma[sample > 0])) if sample.any() else 255.0
    shiny = regions().shiny * smoothstep((luma - usual) / (0.2 * usual + 1))
    return np.asarray(np.maximum(skin, shiny), np.float32)


def bounded(photo: Image, points: Floats, size: int) -> tuple[Image, Floats]:
    """Scale photo and landmarks down if the texture cannot hold their detail, so that no pixel is skipped."""
    scale = 1.1 * size * texture_per_eye_distance() / _eye_distance(points)
    if scale >= 1:
        return photo, points
    size_wh = max(1, round(photo.shape[1] * scale)), max(1, round(photo.shape[0] * scale))
    ratio = np.array([size_wh[0] / photo.shape[1], size_wh[1] / photo.shape[0], scale], np.float32)
    offset = np.array([0.5, 0.5, 0], np.float32)
    small = cv2.resize(photo, size_wh, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), np.asarray((points + offset) * ratio - offset, np.float32)


def _facing(points: Floats) -> Floats:
    """Return the facing of each landmark's surface: 1 = towards the camera, 0 = from the side; float32 (478,)."""
    triangles = texel_map(GRID).triangles
    a, b, c = (points[triangles[:, i]] for i in range(3))
    normal = np.cross(b - a, c - a)
    total = np.zeros((len(points), 3))
    for corner in range(3):
        np.add.at(total, triangles[:, corner], normal)
    return np.asarray(total[:, 2] / np.maximum(np.linalg.norm(total, axis=1), 1e-9), np.float32)


def _silhouette(points: Floats) -> tuple[Floats, Floats, float]:
    """Return small maps of the face: pixels to the outline, depth of the frontmost surface, and pixels for one of the photo."""
    low, high = points[:, :2].min(0), points[:, :2].max(0)
    side = GRID + 2 * SILHOUETTE_MARGIN
    scale = (GRID - 1) / max(float((high - low).max()), 1e-6)
    local = np.ascontiguousarray((points - np.array([*low, 0])) * scale + np.array([1, 1, 0]) * SILHOUETTE_MARGIN, np.float32)
    crop, mask = np.zeros((side, side, 3), np.uint8), np.zeros((side, side), np.uint8)
    depth = np.empty((side, side), np.float32)
    blank, flat = np.zeros((2, 2, 4), np.uint8), np.zeros((len(points), 2), np.float32)
    draw_mesh(texel_map(GRID).triangles, local, flat, blank, np.ones(len(points), np.float32), crop, mask, depth)
    outline = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    return np.asarray(outline, np.float32), np.where(mask > 0, depth, np.float32(local[:, 2].max())), scale


def _openness(points: Floats) -> float:
    """Return 0 for closed lips, 1 when teeth or tongue are seen between them."""
    gap = float(np.linalg.norm(points[13] - points[14])) / _eye_distance(points)
    return float(smoothstep(np.array((gap - 0.03) / 0.04)))


def _eye_distance(points: Floats) -> float:
    first, second = landmark_sets.EYE_CORNERS
    return max(float(np.linalg.norm(points[first] - points[second])), 1e-6)
