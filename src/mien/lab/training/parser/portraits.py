"""Portraits as the parser learns from them: squares around the face, the known classes of their pixels, and turned copies."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from mien.assembly.factory import Models
from mien.errors import UsageError
from mien.face import landmark_sets
from mien.face.aligned_crop import crop_to, cut_by
from mien.imaging import geometry
from mien.lab.meshes import settled, whole_triangles
from mien.lab.training.sitters import normals_of
from mien.models.format.parsing import TEMPLATE, FaceClass
from mien.types import Array, Floats, Image, Mask

CANVAS = 128
"""Pixels of a side of the pictures in which examples are made; the parser sees them at three quarters."""
SIDE = 192  # pixels of a portrait's square: the canvas and a margin to move it in
MARGIN = (SIDE - CANVAS) // 2  # pixels of the square on each side of the canvas
UNKNOWN = 255
"""Class of a pixel of which nothing is known."""
BARE = 254
"""Class of a pixel that is skin or beard, it is not known which; it is no occluder."""
_PICTURES = {".jpg", ".jpeg", ".png"}
_TURNED = "@"  # before the yaw in the names of turned copies
_TURNS = ((14.0, 6.0), (24.0, -8.0), (34.0, 4.0))
"""Yaw and pitch in degrees of the turned copies of a portrait, each to the left and to the right."""


@dataclass(frozen=True, slots=True)
class LabelTuning:
    """Limits by which the classes of a bare portrait are told; chosen by eye on the London portraits."""

    hair_of_cheek: float = 0.5
    """Brightness, as a share of the cheeks', under which a part of the forehead that reaches its border is hair."""
    skin_of_cheek: float = 0.67
    """The same, above which it is skin; the class of a pixel between the two is unknown."""
    beard_of_cheek: float = 0.93
    """Brightness of chin and jaw, as a share of the cheeks', under which stubble or a beard is possible."""
    backdrop_levels: float = 14.0
    """Distance in Lab from the colour of a plain backdrop, below which a pixel is backdrop."""
    person_levels: float = 30.0
    """The same, above which it is the person."""
    neck_deviations: float = 3.0
    """Distance from the colour of the face's skin, in standard deviations, within which a pixel below the mouth is neck."""
    hair_deviations: float = 2.5
    """The same, beyond which a pixel of the person above the brows is hair."""
    neck_width: float = 0.35
    """Half the width of the neck, as a share of the face's width."""


TUNING = LabelTuning()


@dataclass(frozen=True, slots=True)
class Portrait:
    """A square around a face; two portraits with the same `person` show the same person.

    `image` BGR uint8 (192, 192, 3), `points` float32 (478, 3) in its pixels, `normals` float16 (192, 192, 3) as in
    `sitters.Sitter`, `classes` uint8 (192, 192): a `FaceClass`, `BARE` or `UNKNOWN`; `backdrop` uint8 (192, 192), 255 =
    behind the person, all 0 when the backdrop is not plain.
    """

    name: str
    person: str
    image: Image
    points: Floats
    normals: Array
    classes: Mask
    backdrop: Mask


def read_portraits(folder: Path, models: Models, progress: Callable[[int, int], None]) -> list[Portrait]:
    """Return the portraits below `folder`, each as it is and turned; NAME_expression.jpg shows NAME.

    Raises `UsageError` below two people.
    """
    paths = [path for path in sorted(folder.glob("**/*")) if path.suffix.lower() in _PICTURES]
    found: list[Portrait] = []
    for number, path in enumerate(paths, 1):
        content = cv2.imread(str(path))
        faces = models.photo_detector.detect(np.asarray(content, np.uint8)) if content is not None else []
        if faces:
            image = np.asarray(content, np.uint8)
            points = settled(image, faces[0].points, models).points
            person = f"{path.parent.name}/{path.stem.split('_')[0]}"
            found += with_turned(portrait(f"{path.parent.name}/{path.name}", person, image, points))
        progress(number, len(paths))
    if len({each.person for each in found}) < 2:
        raise UsageError(f"{folder} holds portraits of fewer than two people", "name a folder with .jpg or .png portraits")
    return found


def is_turned(shown: Portrait) -> bool:
    """Return True for a turned copy of a portrait."""
    return _TURNED in Path(shown.name).suffix


def portrait(name: str, person: str, image: Image, points: Floats, *, plain: bool = True) -> Portrait:
    """Return the square around a face with landmarks `points` (478, 3) in a picture, BGR uint8.

    `plain`: the picture is sharp and its backdrop is plain, so that colours tell hair and backdrop.
    """
    to_canvas = crop_to(TEMPLATE, CANVAS, points)
    to_square = to_canvas + np.array([[0, 0, MARGIN], [0, 0, MARGIN]])
    square = cut_by(image, to_square, SIDE).image
    moved = np.empty_like(points)
    moved[:, :2] = geometry.apply(to_square, points[:, :2])
    moved[:, 2] = points[:, 2] * geometry.scale_of(to_square)
    backdrop = _backdrop(square) if plain else np.zeros((SIDE, SIDE), np.uint8)
    classes = _classes(square, moved, backdrop, plain=plain)
    return Portrait(name, person, square, moved, normals_of(moved, SIDE).astype(np.float16), classes, backdrop)


def filled(loop: tuple[int, ...], points: Floats, side: int) -> Mask:
    """Return the area inside a loop of landmarks, uint8 (side, side), 255 inside, with smooth edges."""
    area = np.zeros((side, side), np.uint8)
    cv2.fillPoly(area, [(points[list(loop), :2] * 8).round().astype(np.int32)], 255, cv2.LINE_AA, 3)
    return area


def hull(loop: tuple[int, ...], points: Floats, side: int) -> Mask:
    """Return the convex hull of landmarks, uint8 (side, side), 255 inside, with smooth edges."""
    area = np.zeros((side, side), np.uint8)
    corners = cv2.convexHull((points[list(loop), :2] * 8).round().astype(np.int32))
    cv2.fillConvexPoly(area, corners, 255, cv2.LINE_AA, 3)
    return area


def _backdrop(square: Image) -> Mask:
    """Return a plain backdrop that reaches the upper corners, uint8, 255 = backdrop; all 0 where it is not plain."""
    lab = cv2.cvtColor(square, cv2.COLOR_BGR2LAB).astype(np.float32)
    corners = np.concatenate([lab[: SIDE // 3, : SIDE // 12].reshape(-1, 3), lab[: SIDE // 3, -SIDE // 12 :].reshape(-1, 3)])
    middle = np.median(corners, axis=0)
    if np.abs(corners - middle).max(axis=1).mean() > TUNING.backdrop_levels:
        return np.zeros((SIDE, SIDE), np.uint8)
    away = cv2.GaussianBlur(np.linalg.norm(lab - middle, axis=2), (0, 0), 0.7)
    share = np.clip((TUNING.person_levels - away) / (TUNING.person_levels - TUNING.backdrop_levels), 0, 1)
    _, spots = cv2.connectedComponents((share > 0.2).astype(np.uint8))
    joined = np.isin(spots, np.unique(np.concatenate([spots[:, 0], spots[:, -1], spots[0]])))
    return np.asarray(share * joined * (spots > 0) * 255).astype(np.uint8)


def _classes(square: Image, points: Floats, backdrop: Mask, *, plain: bool) -> Mask:
    """Return the classes of a bare portrait's pixels as far as they are known, uint8 (192, 192)."""
    classes = np.full((SIDE, SIDE), UNKNOWN, np.uint8)
    oval = filled(landmark_sets.FACE_OVAL, points, SIDE) > 127
    smooth = cv2.GaussianBlur(cv2.cvtColor(square, cv2.COLOR_BGR2GRAY).astype(np.float32), (0, 0), 0.7)
    grey = np.asarray(smooth, np.float32)
    cheek = float(np.median(grey[tuple(_pixels(points, (50, 280, 205, 425, 151)).T[::-1])]))
    if plain:
        _mark_around(classes, square, points, oval, backdrop)
    classes[oval] = FaceClass.SKIN
    jaw = (hull(landmark_sets.BEARD, points, SIDE) > 127) & oval
    if np.median(grey[jaw]) < TUNING.beard_of_cheek * cheek or not plain:
        classes[jaw] = BARE
    for loop, kind in _FEATURES:
        classes[filled(loop, points, SIDE) > 127] = kind
    hair = _hair(grey, points, oval, cheek)
    if plain:
        classes[hair > 0.75] = FaceClass.HAIR
    classes[(hair > 0.25) & (hair <= (0.75 if plain else 1.0))] = UNKNOWN
    return classes


_FEATURES: tuple[tuple[tuple[int, ...], FaceClass], ...] = (
    (landmark_sets.RIGHT_BROW, FaceClass.BROW),
    (landmark_sets.LEFT_BROW, FaceClass.BROW),
    (landmark_sets.RIGHT_EYE, FaceClass.EYE),
    (landmark_sets.LEFT_EYE, FaceClass.EYE),
    (landmark_sets.OUTER_LIPS, FaceClass.LIPS),
)


def _hair(grey: Floats, points: Floats, oval: Array, cheek: float) -> Floats:
    """Return the certainty, 0..1, that a pixel of the forehead is the person's own hair: dark, and joined to the border."""
    eyes = float(np.linalg.norm(points[33, :2] - points[263, :2]))
    tops = points[[70, 63, 105, 66, 107, 336, 296, 334, 293, 300], :2]
    tops = tops[np.argsort(tops[:, 0])]
    line = np.interp(np.arange(SIDE), tops[:, 0], tops[:, 1]) - 0.1 * eyes
    above = oval & (np.arange(SIDE)[:, None] < line[None])
    low, high = TUNING.hair_of_cheek, TUNING.skin_of_cheek
    hair = np.clip((high - grey / max(cheek, 1.0)) / (high - low), 0, 1) * above
    ring = oval & ~(cv2.erode(oval.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0)
    _, spots = cv2.connectedComponents((hair > 0.2).astype(np.uint8))
    return np.asarray(hair * np.isin(spots, np.unique(spots[ring & (spots > 0)])), np.float32)


def _away_from_skin(square: Image, points: Floats) -> Floats:
    """Return the distance of each pixel's colour from the face's skin, in standard deviations; float32 (192, 192)."""
    lab = cv2.cvtColor(square, cv2.COLOR_BGR2LAB).astype(np.float32)
    inside = np.zeros((SIDE, SIDE), np.uint8)
    for loop in landmark_sets.BARE_SKIN:
        inside |= hull(loop, points, SIDE)
    skin = lab[inside > 127]
    middle, spread = np.median(skin, axis=0), np.maximum(skin.std(axis=0), (9.0, 3.0, 3.0))
    return np.asarray(np.sqrt((((lab - middle) / spread) ** 2).sum(axis=2) / 3), np.float32)


def _mark_around(classes: Mask, square: Image, points: Floats, oval: Array, backdrop: Mask) -> None:
    """Mark backdrop, neck, and hair above the brows; other pixels outside the oval stay unknown."""
    rows, columns = np.arange(SIDE)[:, None], np.arange(SIDE)[None, :]
    away = _away_from_skin(square, points)
    person = (backdrop < 64) & ~oval
    over_brows = rows < points[[105, 334], 1].min()
    classes[person & over_brows & (away > TUNING.hair_deviations)] = FaceClass.HAIR
    below_mouth = rows > points[17, 1]
    in_middle = np.abs(columns - points[152, 0]) < TUNING.neck_width * np.ptp(points[:, 0])
    classes[person & below_mouth & in_middle & (away < TUNING.neck_deviations)] = FaceClass.SKIN
    classes[backdrop > 192] = FaceClass.BACKGROUND


def _pixels(points: Floats, numbers: tuple[int, ...]) -> Array:
    """Return landmarks as whole pixels (n, 2) inside the square."""
    return np.clip(points[list(numbers), :2].round().astype(np.int32), 0, SIDE - 1)


def with_turned(first: Portrait) -> Iterator[Portrait]:
    """Yield a portrait and its copies with the head turned."""
    yield first
    for yaw, pitch in _TURNS:
        yield turned(first, yaw, pitch)
        yield turned(first, -yaw, -pitch)


def turned(given: Portrait, yaw: float, pitch: float) -> Portrait:
    """Return a portrait with its head turned by yaw and pitch in degrees.

    The mesh moves the face; its surroundings follow the border of the face. Skin that the camera did not see is stretched from
    its neighbours; the nose hides the cheek behind it.
    """
    points = _rotated(given.points, yaw, pitch)
    source = _source_places(given.points, points)
    moved = [
        cv2.remap(each, source[:, :, 0], source[:, :, 1], kind, borderMode=cv2.BORDER_REPLICATE)
        for each, kind in (
            (given.image, cv2.INTER_LINEAR), (given.classes, cv2.INTER_NEAREST), (given.backdrop, cv2.INTER_LINEAR)
        )
    ]  # fmt: skip
    image, classes, backdrop = (np.asarray(each, np.uint8) for each in moved)
    oval = filled(landmark_sets.FACE_OVAL, points, SIDE) > 127
    classes[~oval & (backdrop <= 192) & (classes == FaceClass.SKIN)] = UNKNOWN
    again = crop_to(TEMPLATE, CANVAS, points) + np.array([[0, 0, MARGIN], [0, 0, MARGIN]])
    scale = geometry.scale_of(again)
    placed = np.empty_like(points)
    placed[:, :2] = geometry.apply(again, points[:, :2])
    placed[:, 2] = points[:, 2] * scale

    def move(each: Array, kind: int) -> Array:
        return np.asarray(cv2.warpAffine(each, again, (SIDE, SIDE), flags=kind, borderMode=cv2.BORDER_REPLICATE), np.uint8)

    return replace(
        given,
        name=f"{given.name}{_TURNED}{yaw:+.0f}",
        image=move(image, cv2.INTER_LINEAR),
        points=placed,
        normals=normals_of(placed, SIDE).astype(np.float16),
        classes=move(classes, cv2.INTER_NEAREST),
        backdrop=move(backdrop, cv2.INTER_LINEAR),
    )


def _rotated(points: Floats, yaw: float, pitch: float) -> Floats:
    """Return the points turned about the middle of the head."""
    y, p = np.radians(yaw), np.radians(pitch)
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    width = float(np.ptp(points[:, 0]))
    middle = points[[127, 356]].mean(0) + np.array([0, 0, 0.1 * width])
    moved: Floats = ((points - middle) @ (about_x @ about_y).T + middle).astype(np.float32)
    return moved


def _source_places(source: Floats, target: Floats) -> Floats:
    """Return the place in the given picture of each pixel of the turned one, float32 (192, 192, 2)."""
    places = np.zeros((SIDE, SIDE, 2), np.float32)
    depth = np.full((SIDE, SIDE), np.inf, np.float32)
    for i, j, k in whole_triangles():
        a, b, c = target[i], target[j], target[k]
        area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
        if area < 1e-3:
            continue
        x1, y1, x2, y2 = geometry.clipped_box(geometry.box_of(target[[i, j, k]]), SIDE, SIDE, after=1)
        y, x = np.mgrid[y1:y2, x1:x2].astype(np.float32)
        w1 = ((c[1] - a[1]) * (x - a[0]) - (c[0] - a[0]) * (y - a[1])) / area
        w2 = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / area
        z = a[2] + w1 * (b[2] - a[2]) + w2 * (c[2] - a[2])
        part = np.s_[y1:y2, x1:x2]
        nearer = (w1 > -1e-3) & (w2 > -1e-3) & (w1 + w2 < 1.001) & (z < depth[part])
        depth[part][nearer] = z[nearer]
        origin, first, second = source[i, :2], source[j, :2] - source[i, :2], source[k, :2] - source[i, :2]
        spot = origin + w1[..., None] * first + w2[..., None] * second
        places[part][nearer] = spot[nearer]
    drawn = np.isfinite(depth)
    grid = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), axis=2).astype(np.float32)
    shift = np.where(drawn[:, :, None], places - grid, 0).astype(np.float32)
    return _continued(shift, drawn) + grid


def _continued(shift: Floats, known: Array) -> Floats:
    """Continue a field (192, 192, 2) beyond its known part, more smoothly the farther away."""
    inside, field, done = known.astype(np.float32), shift.copy(), known.astype(np.float32)
    for sigma in (2.0, 6.0, 16.0, 40.0, 80.0):
        weight = cv2.GaussianBlur(inside, (0, 0), sigma)
        mean = cv2.GaussianBlur(shift, (0, 0), sigma) / np.maximum(weight, 1e-4)[:, :, None]
        share = np.clip(weight * 12, 0, 1) * (1 - done)
        field += mean * share[:, :, None]
        done += share
    return field
