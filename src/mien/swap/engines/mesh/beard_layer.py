"""The beard of the photo as a layer with an opacity of its own, which goes on over the border of the face.

The face fades towards its oval, and a beard does not: along the jaw and beyond it hair by hair as the photo shows it is laid
under the face's soft border.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.beard import BeardView, redness
from mien.face.mean_face import face_model, head_pose
from mien.face.texels import SIDE
from mien.imaging import geometry
from mien.imaging.arrays import locked
from mien.imaging.blend import lay_below
from mien.imaging.colour import LUMA
from mien.imaging.draw import draw_mask, draw_mesh
from mien.imaging.smoothstep import smoothstep
from mien.models.format.parsing import FaceClass
from mien.swap.engines.mesh.photo_beard import photo_beard
from mien.swap.engines.mesh.texture import border_opacity
from mien.swap.stages.own_beard import fullness_of, share_of
from mien.types import Array, Floats, Image, Mask, SourceFace


@dataclass(frozen=True, slots=True)
class LayerTuning:
    """The layer; lengths are in eye distances. Chosen by eye."""

    beside: tuple[float, float] = (0.02, 0.1)
    below: tuple[float, float] = (0.3, 0.5)
    """Reach of a short and of a full beard beyond the oval, to the sides and under the chin."""
    downwards: float = 4.0
    """Power of the part of the way outwards that leads down by which the reach grows: at the corners of a jaw a photo shows
    neck and collar."""
    sideways: tuple[float, float] = (0.05, 0.45)
    """Part of the way outwards that leads down, between which the layer comes in: beside the ears there is none."""
    full_sideways: float = 0.5
    """Opacity there of a full beard."""
    turned_degrees: float = 8.0
    """Yaw of a photo from which its far side is the mirror image of the near one: there it shows background beside the jaw."""
    behind: float = 0.35
    """Way back from the camera for each step outwards: a neck lies behind a jaw."""
    detail: float = 160.0
    """Pixels of the largest picture of the layer for an eye distance; bounds memory."""
    darker: float = 0.45
    greyer: float = 0.35
    """Share by which a pixel is darker than the skin under it, and difference in redness, from which it is nothing but hair."""
    least: float = 0.15
    """Part of that which folds and shadows have, too."""
    redder: float = 0.15
    """Difference in redness by which hair may be redder than the skin under it: ginger beards are, red collars more."""
    thinnest: float = 0.6
    """Opacity under which the colour of a hair is no longer told from that of the skin that shines through."""
    sure_darker: float = 0.12
    """Share by which hair beyond the oval is darker than the skin it covers."""
    border: float = 0.12
    """Way over which the layer fades towards the border of the photo, beyond which nothing is known of a beard."""
    soft: float = 0.02
    """Sigma of the blur of its opacity beyond the oval."""
    trace: float = 0.01
    """Blurred opacity that is too little to tell the colour of hair by."""
    hidden: float = 0.95
    """Opacity of the face from which the layer below it is not drawn."""
    compared: int = 100
    """Opacity of face and layer, of 255, from which their colours are compared."""
    sizes: int = 6
    """Each smaller by the square root of two."""


TUNING = LayerTuning()


@dataclass(frozen=True, slots=True)
class BeardLayer:
    """The beard of a photo: `images` BGRA uint8 go from large to small, `points` float32 (n, 2) are the vertices in the first.

    `away` float32 (m, 3) is the way from the jaw to the outermost of them in the head frame, `unit` the distance of the eyes in
    the first picture, in pixels. `opacity` float32 (n,) is that of the vertices: beside the ears, where the photo shows
    background, it falls to 0.
    """

    images: tuple[Image, ...]
    points: Floats
    away: Floats
    unit: float
    opacity: Floats


def beard_layer(source: SourceFace) -> BeardLayer | None:
    """Return the beard of a photo; None where it shows none that is known."""
    view = photo_beard(source)
    if source.classes is None or view is None:
        return None
    points = source.landmarks.points
    unit = float(np.linalg.norm(points[33] - points[263]))
    image, scale = _matted(source.image, view, unit)
    full = fullness_of(share_of(source.classes[FaceClass.BEARD]))
    left, top = view.box_xyxy[:2]
    away = _away(full)
    places = (vertices(points, away)[:, :2] - np.array([left, top], np.float32) + 0.5) * scale - 0.5
    yaw = head_pose(points).yaw
    if abs(yaw) > TUNING.turned_degrees:
        places = places[_mirrored_from(-np.sign(yaw))]
    return BeardLayer(
        _chain(image),
        np.ascontiguousarray(places + 1, np.float32),
        away,
        unit * float(scale.mean()),
        _opacity(full),
    )


def _matted(photo: Image, view: BeardView, unit: float) -> tuple[Image, Floats]:
    """Return the hairs of a beard without the skin between them, BGRA uint8 (h, w, 4), and its scale against the photo (2,).

    It has a border of one transparent pixel.
    """
    left, top, right, bottom = view.box_xyxy
    part = photo[top:bottom, left:right]
    shrunk = min(1.0, TUNING.detail / unit)
    size_wh = max(1, round(part.shape[1] * shrunk)), max(1, round(part.shape[0] * shrunk))
    seen = cv2.resize(part, size_wh, interpolation=cv2.INTER_AREA).astype(np.float32)
    # The mesh's outline is not quite the photo's: a rim of background may lie within it.
    rim = cv2.blur(cv2.dilate(view.beyond, np.ones((5, 5), np.uint8)), (3, 3))
    maps = view.skin, view.share, np.asarray(rim, np.float32)
    skin, share, beyond = (cv2.resize(each, size_wh, interpolation=cv2.INTER_LINEAR) for each in maps)
    darker = (skin - seen) @ LUMA / (skin @ LUMA + 1)
    greyer = redness(skin) - redness(seen)
    hairy = np.maximum(darker / TUNING.darker, greyer / TUNING.greyer)
    hair = np.clip((hairy - TUNING.least) / (1 - TUNING.least), 0, 1)
    # What is redder than skin is cloth.
    sure = smoothstep(1 + (greyer + TUNING.redder) / 0.1)
    # Beside the jaw what is paler than skin is background.
    sure *= 1 - beyond * (1 - np.clip(darker / TUNING.sure_darker, 0, 1))
    matte = hair * sure
    height, width = photo.shape[:2]
    x = (np.arange(size_wh[0]) + 0.5) / shrunk + left
    y = (np.arange(size_wh[1]) + 0.5) / shrunk + top
    inner = np.minimum(np.minimum(x, width - x)[None, :], np.minimum(y, height - y)[:, None]) / (TUNING.border * unit)
    # Beyond the oval single hairs of a photo would end in the air, where they do not fit the outline of another jaw.
    sigma = TUNING.soft * unit * shrunk
    soft = cv2.GaussianBlur(matte, (0, 0), sigma)
    colour = np.clip(skin + (seen - skin) / np.maximum(hair, TUNING.thinnest)[:, :, None], 0, 255)
    # The soft edge reaches over what is no hair, whose colour is not known: it takes that of the hair around it.
    known = cv2.GaussianBlur(colour * matte[:, :, None], (0, 0), sigma)
    around = (known + TUNING.trace * colour) / (soft + TUNING.trace)[:, :, None]
    colour += (around - colour) * (1 - sure)[:, :, None]
    alpha = (matte + (soft - matte) * beyond) * share * smoothstep(inner)
    image = np.dstack([np.clip(colour, 0, 255), 255 * alpha]) + 0.5
    framed = cv2.copyMakeBorder(image.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    framed[[0, -1], :, 3] = 0
    framed[:, [0, -1], 3] = 0
    return np.asarray(framed, np.uint8), np.array([size_wh[0] / part.shape[1], size_wh[1] / part.shape[0]], np.float32)


def vertices(points: Floats, away: Floats) -> Floats:
    """Return the landmarks (478, 3) and a ring of vertices around the lower half of the oval, float32 (n, 3).

    `away` as in `BeardLayer`.
    """
    pose = head_pose(points)
    outer = points[_jaw()] + np.asarray(pose.scale * (away @ pose.rotation.T), np.float32)
    return np.ascontiguousarray(np.concatenate([points, outer]), np.float32)


def lay_under(layer: BeardLayer, local: Floats, opacity: Floats, occluder: Mask | None, crop: Image, mask: Mask) -> None:
    """Lay the beard under a face that is drawn in `crop` BGR uint8 (h, w, 3), in place.

    `mask` uint8 (h, w) is the opacity of the face, and becomes that of both. `local` float32 (n, 3) are the vertices in pixels
    of the crop, `opacity` float32 (478,) that of the landmarks. `occluder`, a texture of the face, stays in front; beyond the
    oval it goes on as it is at the jaw.
    """
    numbers, triangles = _texels(), _triangles()
    left, top, right, bottom = geometry.clipped_box(geometry.box_of(local[_used()]), mask.shape[1], mask.shape[0], after=1)
    if right <= left or bottom <= top:
        return
    places = np.ascontiguousarray(local - np.array([left, top, 0], np.float32))
    image, texture_places = _fitting(layer, local)
    drawn, hair = np.zeros((bottom - top, right - left, 3), np.uint8), np.zeros((bottom - top, right - left), np.uint8)
    shares = np.ascontiguousarray(opacity[numbers] * layer.opacity, np.float32)
    draw_mesh(triangles, places, texture_places, image, shares, drawn, hair, np.empty(hair.shape, np.float32))
    if occluder is not None and occluder.any():
        before = np.zeros_like(hair)
        uv = np.ascontiguousarray((face_model().uv * np.float32(SIDE) - np.float32(0.5))[numbers])
        draw_mask(triangles, np.ascontiguousarray(places[:, :2]), uv, occluder, before)
        hair = np.asarray(cv2.multiply(hair, 255 - before, scale=1 / 255), np.uint8)
    part = crop[top:bottom, left:right]
    both = cv2.inRange(cv2.min(hair, mask[top:bottom, left:right]), TUNING.compared, 255)
    # The drawn face has lost the photo's light: the layer takes its tone where both show the beard.
    tone = (np.array(cv2.mean(part, both)[:3]) + 1) / (np.array(cv2.mean(drawn, both)[:3]) + 1)
    lay_below(crop, mask, drawn, hair, left, top, np.asarray(tone, np.float32))


def _fitting(layer: BeardLayer, local: Floats) -> tuple[Image, Floats]:
    """Return the smallest picture of the layer that is as fine as the crop, and the vertices in it, float32 (n, 2)."""
    unit = float(np.linalg.norm(local[33] - local[263]))
    step = int(np.floor(2 * np.log2(max(layer.unit / max(unit, 1e-3), 1.0))))
    image = layer.images[min(step, len(layer.images) - 1)]
    ratio = np.array([image.shape[1] / layer.images[0].shape[1], image.shape[0] / layer.images[0].shape[0]], np.float32)
    return image, np.ascontiguousarray((layer.points + 0.5) * ratio - 0.5, np.float32)


@cache
def _jaw() -> Array:
    """The landmarks of the jaw from ear to ear."""
    oval = landmark_sets.FACE_OVAL
    return locked(np.array(oval[oval.index(454) : oval.index(234) + 1]))


def _mirrored_from(far: float) -> Array:
    """Return for each vertex the one whose place in the photo it takes, int (n,); `far` is the sign of x on the far side."""
    mirror, count = face_model().mirror, len(face_model().shape)
    other = np.concatenate([mirror, count + np.arange(len(_jaw()))[::-1]])
    across = np.concatenate([face_model().shape[:, 0], face_model().shape[_jaw(), 0]])
    return np.where(across * far > 0, other, np.arange(len(other)))


def _outward() -> Floats:
    """Return the direction outwards from each landmark of the jaw in the plane of the mean face, float32 (n, 2)."""
    shape = face_model().shape[_jaw(), :2]
    along = np.gradient(shape, axis=0)
    outward = np.column_stack([-along[:, 1], along[:, 0]])
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    outward *= np.sign((outward * (shape - face_model().shape[1, :2])).sum(axis=1, keepdims=True))
    return np.asarray(outward, np.float32)


def _opacity(fullness: float) -> Floats:
    """Return the opacity of each vertex, float32 (n,)."""
    opacity = np.ones(len(face_model().shape), np.float32)
    low, high = TUNING.sideways
    down = smoothstep((_outward()[:, 1] - low) / (high - low))
    opacity[_jaw()] = np.maximum(down, TUNING.full_sideways * fullness)
    return np.concatenate([opacity, opacity[_jaw()] * down])


def _away(fullness: float) -> Floats:
    """Return the way outwards from each landmark of the jaw, float32 (n, 3), in the head frame."""
    outward = _outward()
    beside, below = (low + fullness * (high - low) for low, high in (TUNING.beside, TUNING.below))
    reach = (beside + (below - beside) * np.clip(outward[:, 1], 0, 1) ** TUNING.downwards)[:, None]
    return np.asarray(np.column_stack([outward * reach, TUNING.behind * reach]), np.float32)


@cache
def _triangles() -> Array:
    """The triangles of the lower face and of the ring, int32 (t, 3)."""
    skin = landmark_sets.skin_triangles()
    # Farther in, the face hides the layer.
    low = (face_model().shape[skin].mean(axis=1)[:, 1] > face_model().shape[2, 1] - 0.35) & (
        border_opacity()[skin].min(axis=1) < 0.95
    )
    jaw = _jaw()
    first = len(face_model().shape)
    rows = []
    for number in range(len(jaw) - 1):
        a, b, c, d = jaw[number], jaw[number + 1], first + number + 1, first + number
        rows += [(a, c, b), (a, d, c)]
    ring = np.array(rows, np.int32)
    flat = np.concatenate([face_model().shape, face_model().shape[jaw] + _away(0.0)])[:, :2]
    x, y = flat[ring, 0], flat[ring, 1]
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    ring[area < 0] = ring[area < 0][:, [0, 2, 1]]
    return locked(np.ascontiguousarray(np.concatenate([skin[low], ring]), np.int32))


def _chain(image: Image) -> tuple[Image, ...]:
    found = [np.ascontiguousarray(image)]
    for step in range(1, TUNING.sizes):
        size_wh = tuple(max(2, round(side * 2.0 ** (-step / 2))) for side in image.shape[1::-1])
        found.append(np.ascontiguousarray(cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA), np.uint8))
    return tuple(found)


@cache
def _used() -> Array:
    """The vertices of the triangles."""
    return locked(np.unique(_triangles()))


@cache
def _texels() -> Array:
    """The landmark whose texel stands for each vertex: its own, and for the ring that of the jaw inside it."""
    return locked(np.concatenate([np.arange(len(face_model().shape)), _jaw()]))
