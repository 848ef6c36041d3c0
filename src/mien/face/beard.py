"""The beard of a face in a picture, and the skin that it hides, at a coarse scale.

Inside the oval of the face the hidden skin grows from bare cheeks, shaded as the face is; outside it grows from what lies
around the beard: neck, clothes, background.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.texels import texel_map, wrap
from mien.imaging import geometry
from mien.imaging.arrays import locked
from mien.imaging.colour import LUMA
from mien.imaging.draw import carry_values
from mien.imaging.push_pull import grown
from mien.imaging.smoothstep import smoothstep
from mien.types import Affine, Array, Floats, Image, Mask


@dataclass(frozen=True, slots=True)
class BeardTuning:
    """Signs and reach of a beard. Lengths are in eye distances, colours natural logarithms; chosen by eye on 40 bearded men."""

    scale: float = 24.0
    """Pixels of the coarse picture for an eye distance; bounds the time."""
    beside: tuple[float, float] = (0.13, 0.2)
    below: tuple[float, float] = (0.4, 0.6)
    """Reach of a short and of a full beard beyond the oval, to the sides and under the chin."""
    margin: float = 0.15
    """Picture beside the oval that is looked at."""
    darker: tuple[float, float] = (0.10, 0.30)
    """Share by which hair is darker than the skin beside it: from where it may be a beard, from where it is."""
    greyer: tuple[float, float] = (0.12, 0.40)
    """Difference in redness: hair is greyer than skin, in light and in shadow alike."""
    rougher: tuple[float, float] = (2.0, 4.0)
    """Fine detail as a multiple of that of the cheeks."""
    unlike: float = 0.18
    """Difference of a colour from those between the skin's and the beard's from which it is something else, as cloth."""
    least_bare: int = 12
    """Pixels of bare skin, of about 300, without which nothing can be said."""
    detail: float = 1.6
    """Fine detail that a shaved chin keeps, as a multiple of that of the cheeks."""
    black: float = 8.0
    """Levels added before a logarithm, so that noise in the dark does not explode."""
    covered: float = 160.0
    """Level of the occlusion mask, of 255, from which nothing is seen of a beard."""
    neck: float = 0.72
    """Brightness of a neck that is not seen, as a share of the jaw's above it."""


TUNING = BeardTuning()

_FEATURES = (
    landmark_sets.OUTER_LIPS,
    landmark_sets.RIGHT_LIDS,
    landmark_sets.LEFT_LIDS,
    landmark_sets.RIGHT_BROW,
    landmark_sets.LEFT_BROW,
    landmark_sets.NOSE_UNDERSIDE,
)
"""Parts that are neither skin nor beard."""
_JAW_CORNERS = (172, 397)  # landmarks below the ears


@dataclass(frozen=True, slots=True)
class BeardView:
    """A beard in the rectangle `box_xyxy` of whole pixels of a picture; the maps are coarse and span it.

    `seen` float32 (h, w, 3) is the picture without its fine detail, BGR; `skin` float32 (h, w, 3) the same without the beard;
    `share` float32 (h, w) the opacity of the beard, 0..1, whatever lies before it. `detail` is the fine detail of bare skin in
    levels, `tone` float32 (3,) its colour, and `points` float32 (478, 2) are the landmarks in the picture. `signs` is the mean of
    what the colours alone say of a beard in the area where beards grow: stubble 0.3 and more, bare faces 0.25 at most.
    """

    box_xyxy: tuple[int, int, int, int]
    seen: Floats
    skin: Floats
    share: Floats
    detail: float
    tone: Floats
    points: Floats
    signs: float


@dataclass(frozen=True, slots=True)
class _Part:
    """The coarse picture around a jaw and what the mesh says of it.

    `picture` and `normals` float32 (h, w, 3); `points` float32 (478, 2) in its pixels; `down` (2,) is the way from forehead to
    chin; `oval`, `area` (where beards grow), `bare` (surely skin), `features`, `free` of occluders and `rough`, the fine
    detail relative to the brightness, float32 (h, w), all but the last 0..1.
    """

    picture: Floats
    points: Floats
    down: Array
    normals: Floats
    oval: Floats
    area: Floats
    bare: Floats
    features: Floats
    free: Floats
    rough: Floats


def beard_view(
    image: Image, points: Floats, beard: Mask, occluder: Mask | None = None, fullness: float = 0.0
) -> BeardView | None:
    """Return the beard of the face with landmarks (478, 3) in `image`, BGR uint8; None where too little bare skin is seen.

    `beard` and `occluder`, uint8 (side, side), are textures of the face: the share of a beard, and of what lies before it.
    `fullness` 0..1 says how far the beard may reach beyond the oval.
    """
    window = window_of(image, points, fullness)
    if window is None:
        return None
    part = _part(image, points, window, occluder)
    known = (part.bare > 0.5) & (part.free > 0.8)
    if np.count_nonzero(known) < TUNING.least_bare:
        return None
    hinted = wrap(beard, part.points, (part.picture.shape[1], part.picture.shape[0])).astype(np.float32) / np.float32(255)
    hair, inner, signs = _inside(part, known, hinted)
    around, outer = _outside(part, hair, inner, fullness)
    soft = cv2.GaussianBlur(part.oval, (0, 0), 1.0)[:, :, None]
    share = np.maximum(hair * part.oval, around * (1 - part.oval)) * (1 - part.features)
    share = cv2.morphologyEx(np.asarray(share, np.float32), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    share = cv2.GaussianBlur(share, (0, 0), 1.0)
    seen = smoothed(part.picture)
    detail = float(np.median(part.rough[known])) * (float(np.median(part.picture[known] @ LUMA)) + TUNING.black)
    return BeardView(
        window.box_xyxy,
        seen,
        np.asarray(inner * soft + outer * (1 - soft), np.float32),
        np.asarray(np.clip(share, 0, 1), np.float32),
        TUNING.detail * detail + 0.5,
        tone_of(seen, part.points),
        np.asarray(points[:, :2], np.float32),
        signs,
    )


@dataclass(frozen=True, slots=True)
class Window:
    """The whole pixels `box_xyxy` of a picture around a face and the neck below it, and their size at the coarse scale."""

    box_xyxy: tuple[int, int, int, int]
    size_wh: tuple[int, int]

    def to_coarse(self) -> Affine:
        """Return the transform from the picture to the coarse one."""
        left, top, right, bottom = self.box_xyxy
        x, y = self.size_wh[0] / (right - left), self.size_wh[1] / (bottom - top)
        return np.array([[x, 0, (0.5 - left) * x - 0.5], [0, y, (0.5 - top) * y - 0.5]], np.float64)

    def coarse(self, image: Image) -> Floats:
        """Return the picture within the window at the coarse scale, float32 (h, w, 3)."""
        left, top, right, bottom = self.box_xyxy
        small = cv2.resize(image[top:bottom, left:right], self.size_wh, interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.float32)


def window_of(image: Image, points: Floats, fullness: float) -> Window | None:
    """Return the window of a face with landmarks (478, 3); None when too little of it is in the picture."""
    unit, down = _unit(points), _down(points)
    low, high = TUNING.below
    below = low + fullness * (high - low) + TUNING.margin
    under = points[list(landmark_sets.FACE_OVAL), :2] + down * (unit * below)
    x1, y1, x2, y2 = geometry.box_of(np.vstack([points[:, :2], under]))
    side = TUNING.margin * unit
    box = geometry.clipped_box((x1 - side, y1, x2 + side, y2), image.shape[1], image.shape[0])
    across, along = box[2] - box[0], box[3] - box[1]
    if min(across, along) < unit / 2 or min(across, along) < 8:
        return None
    return Window(box, (max(8, round(across * TUNING.scale / unit)), max(8, round(along * TUNING.scale / unit))))


def smoothed(picture: Floats) -> Floats:
    """Return a coarse picture as `BeardView.seen` has it."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.8), np.float32)


def tone_of(picture: Floats, points: Floats) -> Floats:
    """Return the mean colour of cheeks and nose in a coarse picture with landmarks (478, 2); float32 (3,)."""
    spots = points[_bare()].round().astype(np.int32)
    inside = ((spots >= 0) & (spots < picture.shape[1::-1])).all(axis=1)
    if not inside.any():
        return np.ones(3, np.float32)
    return np.asarray(picture[spots[inside, 1], spots[inside, 0]].mean(axis=0), np.float32)


@cache
def _bare() -> Array:
    return locked(np.array([point for part in landmark_sets.BARE_SKIN for point in part]))


def uncovered(local: Floats, size_wh: tuple[int, int], occluder: Mask | None) -> Floats:
    """Return where nothing lies before the face with landmarks (478, 2) in a coarse picture, 0..1, float32 (h, w)."""
    if occluder is None or not occluder.any():
        return np.ones(size_wh[::-1], np.float32)
    hidden = cv2.GaussianBlur(cv2.dilate(wrap(occluder, local, size_wh), np.ones((5, 5), np.uint8)), (0, 0), 1.0)
    return np.asarray(1 - np.minimum(hidden.astype(np.float32) / np.float32(TUNING.covered), 1), np.float32)


def _part(image: Image, points: Floats, window: Window, occluder: Mask | None) -> _Part:
    local = geometry.apply(window.to_coarse(), points[:, :2])
    picture = window.coarse(image)
    normals = np.zeros((*picture.shape[:2], 3), np.float32)
    carry_values(texel_map().triangles, local, _normals(points), normals)
    small = picture.shape[:2]
    left, top, right, bottom = window.box_xyxy
    return _Part(
        picture,
        local,
        _down(points),
        normals,
        _filled(local[None, list(landmark_sets.FACE_OVAL)], small),
        np.asarray(cv2.dilate(_filled(_hulls(local, (landmark_sets.BEARD,)), small), np.ones((5, 5))), np.float32),
        _filled(_hulls(local, landmark_sets.BARE_SKIN), small),
        _filled(_hulls(local, _FEATURES), small),
        uncovered(local, window.size_wh, occluder),
        _roughness(image[top:bottom, left:right], picture, _unit(points)),
    )


def _inside(part: _Part, known: Array, hinted: Floats) -> tuple[Floats, Floats, float]:
    """Return the opacity of the beard within the oval, the skin under it, and the signs of a beard as in `BeardView`."""
    level = np.median(part.picture[known] @ LUMA)
    face = cv2.erode(part.oval, np.ones((3, 3), np.uint8)) * (1 - part.features) * part.free
    clear = face * (1 - cv2.dilate(part.area, np.ones((3, 3), np.uint8))) * (cv2.dilate(hinted, np.ones((5, 5))) < 0.1)
    shade = _shade(part, known | ((clear > 0.5) & (np.abs(part.picture @ LUMA / level - 1) < 0.3)))[:, :, None]
    even = part.picture / shade
    usual = np.abs(even @ LUMA / level - 1)
    # A first guess of the skin, from what is surely none of the beard: by it the beard is found.
    skin = np.asarray(cv2.GaussianBlur(grown(even, _weight(clear * (usual < 0.35))), (0, 0), 2.3) * shade, np.float32)
    smooth = smoothed(part.picture)
    rough = _ramp(part.rough / np.median(part.rough[known]), TUNING.rougher)
    where = part.area * (1 - part.features)
    signs = _signs(smooth, skin, rough) * where
    hair = np.maximum(signs, np.clip(1.6 * cv2.dilate(hinted, np.ones((3, 3))), 0, 1)) * part.oval
    hair = cv2.GaussianBlur(cv2.dilate(np.asarray(hair, np.float32), np.ones((3, 3))), (0, 0), 0.8)
    bright = smoothstep((smooth @ LUMA / np.maximum(skin @ LUMA, 1) - 0.82) / 0.12)
    sure = face * (1 - hair) ** 3 * (1 - part.area * (1 - bright)) * (usual < 0.4)
    hidden = cv2.GaussianBlur(grown(even, _weight(sure)), (0, 0), 1.2) * shade
    mean = float((signs * part.oval).sum() / max(float((where * part.oval).sum()), 1e-6))
    return np.asarray(hair, np.float32), np.asarray(hidden, np.float32), mean


def _signs(picture: Floats, skin: Floats, rough: Floats) -> Floats:
    """Return how surely each pixel is hair rather than skin of colour `skin`, 0..1: grey, or rough and dark, or rough and pale.

    A smooth shadow is none, nor is red skin.
    """
    greyer = _redness(skin) - _redness(picture)
    darker = _ramp(_darker(picture, skin), TUNING.darker)
    some = np.maximum(rough, smoothstep(greyer / TUNING.greyer[0]))
    pale = rough * smoothstep((greyer + 0.02) / 0.06)
    return np.asarray(np.maximum(np.maximum(darker * some, _ramp(greyer, TUNING.greyer)), pale), np.float32)


def _outside(part: _Part, hair: Floats, inner: Floats, fullness: float) -> tuple[Floats, Floats]:
    """Return the opacity of the beard beyond the oval, and what it hides; float32 (h, w) and (h, w, 3).

    It grows from the jaw outwards as far as the picture looks like this beard.
    """
    inside = part.oval >= 0.5
    jaw = _spread(inner, _weight(part.oval > 0.9), 0.15 * TUNING.scale)
    smooth = smoothed(part.picture)
    distance, under = _from_jaw(part, inside)
    beside, below = (low + fullness * (high - low) for low, high in (TUNING.beside, TUNING.below))
    reach = beside + under * (below - beside)
    lowness = ((_pixels(part.oval.shape) - part.points[list(_JAW_CORNERS)].mean(0)) @ part.down) / TUNING.scale
    zone = smoothstep((reach - distance) / (0.5 * reach)) * smoothstep((lowness + 0.6) / 0.4)
    edge = inside & (hair > 0.6) & (lowness > -0.3)
    own = smooth[edge] if np.count_nonzero(edge) >= 8 else np.median(jaw, axis=(0, 1))[None] * np.float32(0.35)
    rough = _ramp(part.rough / np.median(part.rough[part.bare > 0.5]), TUNING.rougher)
    greyer = _redness(jaw) - _redness(smooth)
    darker = smoothstep((_darker(smooth, jaw) - 0.15) / 0.25) * np.maximum(rough, smoothstep(greyer / TUNING.greyer[0]))
    like = np.maximum(_ramp(greyer, TUNING.greyer), darker) * _alike(smooth, jaw, own, under) * zone
    spread = np.minimum(cv2.dilate(hair * part.oval, np.ones((5, 5))) * (distance < 0.12), like).astype(np.float32)
    for _ in range(round(below * TUNING.scale)):
        spread = np.minimum(cv2.dilate(spread, np.ones((3, 3))), like)
    brightness = smooth @ LUMA / np.maximum(jaw @ LUMA, 1)
    skinlike = smoothstep((0.45 - np.abs(greyer)) / 0.25) * smoothstep((brightness - 0.2) / 0.15)
    skinlike *= smoothstep((1.3 - brightness) / 0.15)
    # Under the chin only a neck may show; to the sides whatever is there.
    sure = (1 - cv2.dilate(spread, np.ones((3, 3)))) ** 2 * (part.oval < 0.06) * (1 - under + under * skinlike)
    faint = (0.03 * (1 - sure))[:, :, None]
    sure = sure[:, :, None]
    blend = (part.picture * sure + TUNING.neck * jaw * faint) / (sure + faint)
    hidden = grown(np.asarray(blend, np.float32), _weight((sure + faint)[:, :, 0]))
    # Hair stands on skin: what it covers close to the oval is still the jaw, whose outline the mesh does not quite know.
    cheek = (spread * (1 - smoothstep((distance / (1 - 0.7 * under) - 0.04) / 0.09)))[:, :, None]
    hidden += (jaw - hidden) * cheek
    return np.asarray(spread, np.float32), np.asarray(cv2.GaussianBlur(hidden, (0, 0), 0.8), np.float32)


def _alike(picture: Floats, jaw: Floats, own: Floats, under: Floats) -> Floats:
    """Return how surely a colour lies between that of the skin `jaw` and those of the beard, `own` (n, 3); 0..1.

    `under` is 1 below the chin, 0 to the sides.
    """
    usual = np.median(own, axis=0)
    luma, skin = picture @ LUMA, np.maximum(jaw @ LUMA, 1)
    dark, middle = float(np.percentile(own @ LUMA, 10)), float(np.median(skin))
    between = np.ones_like(luma)
    for hue in (_redness, _greenness):
        found, low, high = hue(picture), np.minimum(hue(usual), hue(jaw)), np.maximum(hue(usual), hue(jaw))
        between *= smoothstep((found - low + TUNING.unlike) / 0.1) * smoothstep((high + TUNING.unlike + 0.1 - found) / 0.1)
    # What is nearly black has no hue.
    black = smoothstep((0.25 - luma / skin) / 0.1) * float(dark < 0.25 * middle)
    lighter = max(1.15, float(usual @ LUMA) / middle + 0.1)
    # Black cloth under the chin is darker than a black beard; to the sides a black background may be taken for one.
    floor = under * np.float32(min(0.15, 0.4 * dark / middle))
    within = smoothstep((lighter - luma / skin) / 0.1) * smoothstep((luma / skin - floor) / 0.05 + 0.5)
    return np.asarray(np.maximum(between, black) * within, np.float32)


def _from_jaw(part: _Part, inside: Array) -> tuple[Floats, Floats]:
    """Return the distance to the oval in eye distances, and how far the way from it leads downwards, 0..1."""
    distance = cv2.distanceTransform((~inside).view(np.uint8), cv2.DIST_L2, 5) / np.float32(TUNING.scale)
    even = cv2.GaussianBlur(distance, (0, 0), 1.5)
    across, along = cv2.Sobel(even, cv2.CV_32F, 1, 0), cv2.Sobel(even, cv2.CV_32F, 0, 1)
    towards = (across * part.down[0] + along * part.down[1]) / np.maximum(np.hypot(across, along), 1e-6)
    return np.asarray(distance, np.float32), smoothstep((towards - 0.35) / 0.5)


def _shade(part: _Part, lit: Array) -> Floats:
    """Return the brightness that the light gives each pixel of the face, fitted to the normals of the skin `lit`; 1 = usual."""
    luma = part.picture[lit] @ LUMA
    wanted = luma / np.median(luma)
    terms = np.column_stack([np.ones(len(wanted)), part.normals[lit]]).astype(np.float64)
    stiff = np.diag([3e-4, 0.018, 0.018, 0.018]) * len(wanted)
    weight, found = np.ones(len(wanted)), np.zeros(4)
    for _ in range(3):
        weighted = terms * weight[:, None]
        found = np.linalg.solve(weighted.T @ terms + stiff, weighted.T @ wanted)
        weight = 1 / (1 + np.square((wanted - terms @ found) / 0.08))
    drawn = np.abs(part.normals).sum(axis=2) > 0
    shade = np.clip(found[0] + part.normals @ found[1:], 0.45, 1.35).astype(np.float32)
    # The outermost normals look to the side; beyond them there are none.
    core = cv2.erode(drawn.view(np.uint8), np.ones((3, 3), np.uint8))
    return _spread(shade, _weight(core), 1.0 + 0.04 * TUNING.scale)


def _normals(points: Floats) -> Floats:
    """Return the unit normal of each landmark, float32 (478, 3); 0 for one without a triangle."""
    triangles = texel_map().triangles
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    across = np.cross(b - a, c - a)
    order, starts, used = _corners()
    total = np.zeros((len(points), 3), np.float32)
    total[used] = np.add.reduceat(across[order // 3], starts, axis=0)
    return np.asarray(total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-9), np.float32)


@cache
def _corners() -> tuple[Array, Array, Array]:
    """The corners of all triangles sorted by landmark, where each landmark's begin, and the landmarks."""
    flat = texel_map().triangles.ravel()
    order = np.argsort(flat, kind="stable")
    used, starts = np.unique(flat[order], return_index=True)
    return locked(order), locked(starts), locked(used)


def _roughness(full: Image, picture: Floats, unit: float) -> Floats:
    """Return the mean fine detail of each coarse pixel as a share of its brightness, float32 (h, w)."""
    grey = cv2.cvtColor(full, cv2.COLOR_BGR2GRAY)
    size = max(3, 2 * round(0.02 * unit) + 1)
    fine = cv2.absdiff(grey, cv2.blur(grey, (size, size)))
    mean = cv2.resize(fine, (picture.shape[1], picture.shape[0]), interpolation=cv2.INTER_AREA).astype(np.float32)
    luma = cv2.GaussianBlur(picture, (0, 0), 1.0) @ LUMA
    return np.asarray(cv2.GaussianBlur(mean, (0, 0), 1.0) / (luma + np.float32(TUNING.black)), np.float32)


def _redness(colour: Array) -> Floats:
    """Return red against blue and green, natural logarithm: the same in light and in shadow."""
    blue, green, red = (np.log(colour[..., channel] + np.float32(TUNING.black)) for channel in range(3))
    return np.asarray(red - (blue + green) / 2, np.float32)


def _greenness(colour: Array) -> Floats:
    """Return green against blue, natural logarithm."""
    return np.asarray(
        np.log((colour[..., 1] + np.float32(TUNING.black)) / (colour[..., 0] + np.float32(TUNING.black))), np.float32
    )


def _darker(picture: Floats, skin: Floats) -> Floats:
    """Return the share by which the picture is darker than the skin."""
    luma = skin @ LUMA
    return np.asarray((luma - picture @ LUMA) / (luma + np.float32(4)), np.float32)


def _ramp(value: Array, between: tuple[float, float]) -> Floats:
    return smoothstep((value - between[0]) / (between[1] - between[0]))


def _spread(picture: Floats, weight: Floats, sigma: float) -> Floats:
    """Return a smoothed picture (h, w) or (h, w, 3) that goes on where its weight (h, w) is 0; far away it is the mean."""
    share = weight if picture.ndim == 2 else weight[:, :, None]
    total = cv2.GaussianBlur(weight, (0, 0), sigma)
    mean = (picture * share).sum((0, 1)) / max(float(weight.sum()), 1e-6)
    least = np.float32(1e-3)
    blurred = cv2.GaussianBlur(np.asarray(picture * share, np.float32), (0, 0), sigma) + least * mean
    return np.asarray(blurred / ((total if picture.ndim == 2 else total[:, :, None]) + least), np.float32)


def _weight(values: Array) -> Floats:
    return np.ascontiguousarray(values, np.float32)


def _hulls(local: Floats, parts: tuple[tuple[int, ...], ...]) -> list[Array]:
    return [cv2.convexHull(local[list(part)])[:, 0] for part in parts]


def _filled(loops: Array | list[Array], shape: tuple[int, ...]) -> Floats:
    """Return the area within loops of points (n, 2), with smooth edges, float32 (h, w), 0..1."""
    mask = np.zeros(shape, np.uint8)
    for loop in loops:
        cv2.fillPoly(mask, [(loop * 16).round().astype(np.int32)], 255, cv2.LINE_AA, 4)
    return np.asarray(mask / np.float32(255), np.float32)


def _pixels(shape: tuple[int, ...]) -> Floats:
    """Return x and y of each pixel, float32 (h, w, 2)."""
    return np.dstack(np.meshgrid(np.arange(shape[1], dtype=np.float32), np.arange(shape[0], dtype=np.float32)))


def _unit(points: Floats) -> float:
    """Return the distance of the outer corners of the eyes in space, in pixels."""
    right, left = landmark_sets.EYE_CORNERS
    return max(float(np.linalg.norm(points[right] - points[left])), 1.0)


def _down(points: Floats) -> Array:
    """Return the way from forehead to chin in the picture, of length 1."""
    way = points[152, :2] - points[10, :2]
    return np.asarray(way / max(float(np.hypot(*way)), 1e-6))
