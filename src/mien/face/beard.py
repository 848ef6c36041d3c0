"""The beard of a face in a picture, and the skin that it hides, at a coarse scale.

Inside the oval of the face the hidden skin grows from bare cheeks, shaded as the face is; outside it grows from what lies
around the beard: neck, clothes, background.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from mien.face.jaw import TUNING as JAW
from mien.face.jaw import JawPart, Window, jaw_part, shade_of, skin_in_view, smoothed, spread_out, tone_of, weights, window_of
from mien.face.texels import unwrap_mask, wrap
from mien.imaging import geometry
from mien.imaging.colour import LUMA
from mien.imaging.push_pull import grown
from mien.imaging.smoothstep import smoothstep
from mien.types import Array, Floats, Image, Mask


@dataclass(frozen=True, slots=True)
class BeardTuning:
    """Signs and reach of a beard. Lengths are in eye distances, colours natural logarithms; chosen by eye on 40 bearded men."""

    beside: tuple[float, float] = (0.13, 0.3)
    below: tuple[float, float] = (0.4, 0.7)
    """Reach of a short and of a full beard beyond the oval, to the sides and under the chin."""
    darker: tuple[float, float] = (0.10, 0.30)
    """Share by which hair is darker than the skin beside it: from where it may be a beard, from where it is."""
    greyer: tuple[float, float] = (0.12, 0.40)
    """Difference in redness: hair is greyer than skin, in light and in shadow alike."""
    rougher: tuple[float, float] = (2.0, 4.0)
    """Fine detail as a multiple of that of the cheeks."""
    least_detail: float = 0.002
    """Detail of the cheeks, of their brightness, that is believed at least: smooth skin is not free of all."""
    unlike: float = 0.18
    """Difference of a colour from those between the skin's and the beard's from which it is something else, as cloth."""
    gain: float = 1.6
    """Factor on what is seen of a beard: stubble never fills a pixel, and half a beard is one, too."""
    least_bare: int = 12
    """Pixels of bare skin, of about 300, without which nothing can be said."""
    least_light: float = 8.0
    """Levels of that skin under which nothing is seen of a beard."""
    detail: float = 1.6
    """Fine detail that a shaved chin keeps, as a multiple of that of the cheeks."""
    neck: float = 0.72
    """Brightness of a neck that is not seen, as a share of the jaw's above it."""


TUNING = BeardTuning()

_JAW_CORNERS = (172, 397)  # landmarks below the ears


@dataclass(frozen=True, slots=True)
class BeardView:
    """A beard in the rectangle `box_xyxy` of whole pixels of a picture; the maps are coarse and span it.

    `seen` float32 (h, w, 3) is the picture without its fine detail, BGR; `skin` float32 (h, w, 3) the same without the beard;
    `share` float32 (h, w) the opacity of the beard, 0..1, whatever lies before it; `beyond` float32 (h, w) is 1 outside the
    oval of the face. `detail` is the fine detail of bare skin in levels, `tone` float32 (3,) its colour, and `points` float32
    (478, 2) are the landmarks in the picture. `signs` is the mean of what the colours alone say of a beard in the area where
    beards grow: stubble 0.3 and more, bare faces 0.25 at most. `visible` is the mean over the oval of the beard's opacity times
    its difference from the skin: beards that are seen at once 0.045 and more, traces 0.03 at most.
    """

    box_xyxy: tuple[int, int, int, int]
    seen: Floats
    skin: Floats
    share: Floats
    beyond: Floats
    detail: float
    tone: Floats
    points: Floats
    signs: float
    visible: float


def beard_view(
    image: Image, points: Floats, beard: Mask, occluder: Mask | None = None, fullness: float = 0.0
) -> BeardView | None:
    """Return the beard of the face with landmarks (478, 3) in `image`, BGR uint8; None where too little bare skin is seen.

    `beard` and `occluder`, uint8 (side, side), are textures of the face: the share of a beard, and of what lies before it.
    `fullness` 0..1 says how far the beard may reach beyond the oval.
    """
    window = window_of(image, points, reach_below(fullness))
    if window is None:
        return None
    skin_seen = skin_in_view(points, window, occluder)
    known = skin_seen.seen
    if np.count_nonzero(known) < TUNING.least_bare:
        # Behind large glasses that is every frame.
        return None
    part = jaw_part(image, points, window, skin_seen)
    if np.median(part.picture[known] @ LUMA) < TUNING.least_light:
        return None
    hinted = wrap(beard, part.points, (part.picture.shape[1], part.picture.shape[0])).astype(np.float32) / np.float32(255)
    hair, inner, signs = _inside(part, known, hinted)
    around, outer = _outside(part, hair, inner, fullness)
    soft = cv2.GaussianBlur(part.oval, (0, 0), 1.0)[:, :, None]
    share = np.maximum(hair * part.oval, around * (1 - part.oval)) * (1 - part.features)
    share = cv2.morphologyEx(np.asarray(share, np.float32), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    share = cv2.GaussianBlur(share, (0, 0), 1.0)
    seen = smoothed(part.picture)
    skin = np.asarray(inner * soft + outer * (1 - soft), np.float32)
    share = np.asarray(np.clip(share, 0, 1), np.float32)
    detail = float(np.median(part.rough[known])) * (float(np.median(part.picture[known] @ LUMA)) + JAW.black)
    return BeardView(
        window.box_xyxy,
        seen,
        skin,
        share,
        np.asarray(1 - soft[:, :, 0], np.float32),
        TUNING.detail * detail + 0.5,
        tone_of(seen, part.points),
        np.asarray(points[:, :2], np.float32),
        signs,
        _visible(share, seen, skin, soft[:, :, 0]),
    )


def opacity_in_texture(view: BeardView) -> Mask:
    """Return the opacity of a beard as a texture of its face, uint8 (side, side)."""
    share = np.rint(view.share * np.float32(255)).astype(np.uint8)
    local = geometry.apply(Window(view.box_xyxy, (share.shape[1], share.shape[0])).to_coarse(), view.points)
    return unwrap_mask(share, local)


def _visible(share: Floats, seen: Floats, skin: Floats, oval: Array) -> float:
    """Return the mean over the oval of how far a beard of this opacity differs from the skin in light or colour."""
    off = np.maximum(np.abs(_darker(seen, skin)), np.abs(redness(skin) - redness(seen)))
    return float((share * oval * off).sum() / max(float(oval.sum()), 1e-6))


def reach_below(fullness: float) -> float:
    """Return how far a beard may reach under the chin, in eye distances; `fullness` is 0 for a short one, 1 for a full one."""
    low, high = TUNING.below
    return low + fullness * (high - low)


def _inside(part: JawPart, known: Array, hinted: Floats) -> tuple[Floats, Floats, float]:
    """Return the opacity of the beard within the oval, the skin under it, and the signs of a beard as in `BeardView`."""
    level = np.median(part.picture[known] @ LUMA)
    face = cv2.erode(part.oval, np.ones((3, 3), np.uint8)) * (1 - part.features) * part.free
    clear = face * (1 - cv2.dilate(part.area, np.ones((3, 3), np.uint8))) * (cv2.dilate(hinted, np.ones((5, 5))) < 0.1)
    shade = shade_of(part, known | ((clear > 0.5) & (np.abs(part.picture @ LUMA / level - 1) < 0.3)))[:, :, None]
    even = part.picture / shade
    usual = np.abs(even @ LUMA / level - 1)
    # A first guess of the skin, from what is surely none of the beard: by it the beard is found.
    skin = np.asarray(cv2.GaussianBlur(grown(even, weights(clear * (usual < 0.35))), (0, 0), 2.3) * shade, np.float32)
    smooth = smoothed(part.picture)
    rough = _rougher(part, known)
    where = part.area * (1 - part.features)
    signs = _signs(smooth, skin, rough) * where
    # Near what the parser sees, dark is hair, however smooth.
    near: Array = np.minimum(3 * cv2.blur(cv2.dilate(hinted, np.ones((5, 5))), (5, 5)), 1)
    dark = near * _ramp(_darker(smooth, skin), TUNING.darker) * where
    seen = np.minimum(TUNING.gain * cv2.dilate(hinted, np.ones((3, 3))), 1)
    hair = np.minimum(TUNING.gain * np.maximum(np.maximum(signs, dark), seen), 1) * part.oval
    hair = cv2.GaussianBlur(cv2.dilate(np.asarray(hair, np.float32), np.ones((3, 3))), (0, 0), 0.8)
    bright = smoothstep((smooth @ LUMA / np.maximum(skin @ LUMA, 1) - 0.82) / 0.12)
    sure = face * (1 - hair) ** 3 * (1 - part.area * (1 - bright)) * (usual < 0.4)
    hidden = cv2.GaussianBlur(grown(even, weights(sure)), (0, 0), 1.2) * shade
    mean = float((signs * part.oval).sum() / max(float((where * part.oval).sum()), 1e-6))
    return np.asarray(hair, np.float32), np.asarray(hidden, np.float32), mean


def _signs(picture: Floats, skin: Floats, rough: Floats) -> Floats:
    """Return how surely each pixel is hair rather than skin of colour `skin`, 0..1: grey, or rough and dark, or rough and pale.

    A smooth shadow is none, nor is red skin.
    """
    greyer = redness(skin) - redness(picture)
    darker = _ramp(_darker(picture, skin), TUNING.darker)
    some = np.maximum(rough, smoothstep(greyer / TUNING.greyer[0]))
    pale = rough * smoothstep((greyer + 0.02) / 0.06)
    return np.asarray(np.maximum(np.maximum(darker * some, _ramp(greyer, TUNING.greyer)), pale), np.float32)


def _outside(part: JawPart, hair: Floats, inner: Floats, fullness: float) -> tuple[Floats, Floats]:
    """Return the opacity of the beard beyond the oval, and what it hides; float32 (h, w) and (h, w, 3).

    It grows from the jaw outwards as far as the picture looks like this beard.
    """
    inside = part.oval >= 0.5
    jaw = spread_out(inner, weights(part.oval > 0.9), 0.15 * JAW.scale)
    smooth = smoothed(part.picture)
    distance, under = _from_jaw(part, inside)
    below = reach_below(fullness)
    beside = TUNING.beside[0] + fullness * (TUNING.beside[1] - TUNING.beside[0])
    reach = beside + under * (below - beside)
    lowness = ((_pixels(part.oval.shape) - part.points[list(_JAW_CORNERS)].mean(0)) @ part.down) / JAW.scale
    zone = smoothstep((reach - distance) / (0.5 * reach)) * smoothstep((lowness + 0.6) / 0.4)
    edge = inside & (hair > 0.6) & (lowness > -0.3)
    own = smooth[edge] if np.count_nonzero(edge) >= 8 else np.median(jaw, axis=(0, 1))[None] * np.float32(0.35)
    rough = _rougher(part, part.bare > 0.5)
    greyer = redness(jaw) - redness(smooth)
    darker = smoothstep((_darker(smooth, jaw) - 0.15) / 0.25) * np.maximum(rough, smoothstep(greyer / TUNING.greyer[0]))
    like = np.maximum(_ramp(greyer, TUNING.greyer), darker) * _alike(smooth, jaw, own, under) * zone
    spread = np.minimum(cv2.dilate(hair * part.oval, np.ones((5, 5))) * (distance < 0.12), like).astype(np.float32)
    for _ in range(round(below * JAW.scale)):
        spread = np.minimum(cv2.dilate(spread, np.ones((3, 3))), like)
    brightness = smooth @ LUMA / np.maximum(jaw @ LUMA, 1)
    skinlike = smoothstep((0.45 - np.abs(greyer)) / 0.25) * smoothstep((brightness - 0.2) / 0.15)
    skinlike *= smoothstep((1.3 - brightness) / 0.15)
    # Under the chin only a neck may show; to the sides whatever is there.
    sure = (1 - cv2.dilate(spread, np.ones((3, 3)))) ** 2 * (part.oval < 0.06) * (1 - under + under * skinlike)
    faint = (0.03 * (1 - sure))[:, :, None]
    sure = sure[:, :, None]
    blend = (part.picture * sure + TUNING.neck * jaw * faint) / (sure + faint)
    hidden = grown(np.asarray(blend, np.float32), weights((sure + faint)[:, :, 0]))
    # Hair stands on skin: what it covers close to the oval is still the jaw, whose outline the mesh does not quite know.
    cheek = (spread * (1 - smoothstep((distance / (1 - 0.7 * under) - 0.04) / 0.09)))[:, :, None]
    hidden += (jaw - hidden) * cheek
    return np.asarray(np.minimum(TUNING.gain * spread, 1), np.float32), np.asarray(
        cv2.GaussianBlur(hidden, (0, 0), 0.8), np.float32
    )


def _alike(picture: Floats, jaw: Floats, own: Floats, under: Floats) -> Floats:
    """Return how surely a colour lies between that of the skin `jaw` and those of the beard, `own` (n, 3); 0..1.

    `under` is 1 below the chin, 0 to the sides.
    """
    usual = np.median(own, axis=0)
    luma, skin = picture @ LUMA, np.maximum(jaw @ LUMA, 1)
    dark, middle = float(np.percentile(own @ LUMA, 10)), float(np.median(skin))
    between = np.ones_like(luma)
    for hue in (redness, _greenness):
        found, low, high = hue(picture), np.minimum(hue(usual), hue(jaw)), np.maximum(hue(usual), hue(jaw))
        between *= smoothstep((found - low + TUNING.unlike) / 0.1) * smoothstep((high + TUNING.unlike + 0.1 - found) / 0.1)
    # What is nearly black has no hue.
    black = smoothstep((0.25 - luma / skin) / 0.1) * float(dark < 0.25 * middle)
    lighter = max(1.15, float(usual @ LUMA) / middle + 0.1)
    # Black cloth under the chin is darker than a black beard; to the sides a black background may be taken for one.
    floor = under * np.float32(min(0.15, 0.4 * dark / middle))
    within = smoothstep((lighter - luma / skin) / 0.1) * smoothstep((luma / skin - floor) / 0.05 + 0.5)
    return np.asarray(np.maximum(between, black) * within, np.float32)


def _from_jaw(part: JawPart, inside: Array) -> tuple[Floats, Floats]:
    """Return the distance to the oval in eye distances, and how far the way from it leads downwards, 0..1."""
    distance = cv2.distanceTransform((~inside).view(np.uint8), cv2.DIST_L2, 5) / np.float32(JAW.scale)
    even = cv2.GaussianBlur(distance, (0, 0), 1.5)
    across, along = cv2.Sobel(even, cv2.CV_32F, 1, 0), cv2.Sobel(even, cv2.CV_32F, 0, 1)
    towards = (across * part.down[0] + along * part.down[1]) / np.maximum(np.hypot(across, along), 1e-6)
    return np.asarray(distance, np.float32), smoothstep((towards - 0.35) / 0.5)


def redness(colour: Array) -> Floats:
    """Return red against blue and green, natural logarithm: the same in light and in shadow."""
    blue, green, red = (np.log(colour[..., channel] + np.float32(JAW.black)) for channel in range(3))
    return np.asarray(red - (blue + green) / 2, np.float32)


def _greenness(colour: Array) -> Floats:
    """Return green against blue, natural logarithm."""
    return np.asarray(np.log((colour[..., 1] + np.float32(JAW.black)) / (colour[..., 0] + np.float32(JAW.black))), np.float32)


def _darker(picture: Floats, skin: Floats) -> Floats:
    """Return the share by which the picture is darker than the skin."""
    luma = skin @ LUMA
    return np.asarray((luma - picture @ LUMA) / (luma + np.float32(4)), np.float32)


def _rougher(part: JawPart, bare: Array) -> Floats:
    """Return how surely each pixel has more fine detail than bare skin, 0..1."""
    return _ramp(part.rough / max(float(np.median(part.rough[bare])), TUNING.least_detail), TUNING.rougher)


def _ramp(value: Array, between: tuple[float, float]) -> Floats:
    return smoothstep((value - between[0]) / (between[1] - between[0]))


def _pixels(shape: tuple[int, ...]) -> Floats:
    """Return x and y of each pixel, float32 (h, w, 2)."""
    return np.dstack(np.meshgrid(np.arange(shape[1], dtype=np.float32), np.arange(shape[0], dtype=np.float32)))
