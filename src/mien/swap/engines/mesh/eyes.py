"""Eyes between the photo's lids: the photo's where it shows them well, else the target's where the picture does.

Between lids that open less than the photo's, the photo's eyes are covered further: a lid does not squeeze an eyeball.
"""

import math
from dataclasses import dataclass

import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import face_model
from mien.imaging.arrays import locked
from mien.imaging.colour import LUMA
from mien.types import Array, Floats, Image


@dataclass(frozen=True, slots=True)
class EyesTuning:
    """Bounds of the two pairs of eyes, chosen by eye in even open pairs; openings are shares of the width of an eye."""

    least_open: float = 0.35
    """Least share of the photo's opening that is shown: of lids nearly shut hardly a line is left."""
    lid: float = 0.35
    """Way from the outline to the iris over which the photo's lids and lashes fade into the target's eye."""
    clear: tuple[float, float] = (0.8, 1.2)
    """Bright part of the photo's eyes, as a share of the skin round them, between which they are worn. 48 photos of even
    pairs: squinting and shaded eyes have 0.30 to 0.78, most others 0.82 to 1.21, those on dark skin 1.24 to 1.79, which
    shine on paler skin."""
    aside: float = 0.07
    """Gaze of the photo to one side, as a share of the width of an eye, up to which they are worn: an iris that is drawn
    far from its place is squeezed. Nine in ten of these photos have less."""
    dark: tuple[float, float] = (0.42, 0.68)
    """The same of the target's up to which they are slits or in shadow, and the photo's are shown, and from which they are
    not, unless they are clear. 94 eyes of even pairs: squinting and shaded ones have 0.30 to 0.57, closed lids 0.68 and
    0.83, most others 0.7 and more."""
    bright: tuple[float, float] = (0.83, 0.97)
    """Shares of an eye that are darker than its white begins and ends: brighter still are reflections."""
    skin: tuple[float, float] = (0.25, 0.75)
    """The same of the skin: darker are brows, brighter is shine."""
    near: float = 0.75
    """Width of an eye, as a share of the other's, from which it is judged: round a far one lies background."""
    shut: tuple[float, float] = (0.1, 0.18)
    """Opening up to which lids are shut, and from which they show the photo's eyes whole. Lids that shut in two clips of faces
    of 40 pixels have 0.04 to 0.12, squinting ones of even pairs 0.14 and more."""


TUNING = EyesTuning()


@dataclass(frozen=True, slots=True)
class PhotoEyes:
    """Eyes of a photo: their `openings`, as shares of their width, and whether it shows them well."""

    openings: tuple[float, float]
    clear: bool


_SKIN_AT, _EYE_AT = 1.5, (0.2, 0.4, 0.6, 0.8)  # places of samples: times the way from the middle to the lids; ways to the iris
_EYES = (
    (landmark_sets.RIGHT_EYE, landmark_sets.RIGHT_IRIS, (159, 145, 33, 133)),
    (landmark_sets.LEFT_EYE, landmark_sets.LEFT_IRIS, (386, 374, 263, 362)),
)  # outline, iris; middle of the upper and of the lower lid, both corners


def eye_triangles() -> Array:
    """Return the triangles of both eyes, int32 (n, 3): rings of lids around what lies between, of vertices of `with_eyes`."""
    first, found = len(face_model().shape), list[Array]()
    for number, (outline, iris, _) in enumerate(_EYES):
        count = len(outline)
        lids = np.arange(count) + first + number * count
        inner = lids + len(_EYES) * count
        following, inner_following = np.roll(lids, -1), np.roll(inner, -1)
        found += [
            np.column_stack([inner, lids, following]),
            np.column_stack([inner, following, inner_following]),
            landmark_sets.fan(tuple(inner), iris),
        ]
    return np.concatenate(found).astype(np.int32)


def with_eyes(values: Floats) -> Floats:
    """Return values of landmarks (478, ...), or of landmarks and more, with those of both eyes behind them.

    These are the outlines of both eyes, then the inner edges of their lids.
    """
    landmarks = values[: len(face_model().shape)]
    outlines = landmarks[_OUTLINES]
    return np.ascontiguousarray(np.concatenate([landmarks, outlines, _inner(outlines, landmarks[_IRISES])]), np.float32)


def with_eyes_opacity(opacity: Floats, shares: tuple[float, float]) -> Floats:
    """Return the opacity of the vertices of `with_eyes`, float32 (n,).

    `shares` are those of the photo's right and left eye, which show at least as far as the opacity of their irises says.
    """
    values, count = with_eyes(opacity), len(_IRISES)
    shown = values[-2 * count : -count] * np.repeat(np.array(shares, np.float32), count // len(_EYES))
    values[-count:] = np.maximum(values[_IRISES], shown)
    values[_MIDDLES] = values[-count :: count // len(_EYES)]
    return values


def _inner(outlines: Floats, irises: Floats) -> Floats:
    return outlines + np.float32(TUNING.lid) * (irises - outlines)


def photo_eyes(photo: Image, points: Floats) -> PhotoEyes:
    """Return what is to be known of the eyes of a photo, BGR uint8, with landmarks (478, 3)."""
    low, high = TUNING.clear
    clear = low <= _whites(photo, points) <= high and abs(_gaze(points)) <= TUNING.aside
    return PhotoEyes(openings(points), clear)


def photo_shares(picture: Image, points: Floats, photo: PhotoEyes) -> tuple[float, float]:
    """Return how far the photo's eyes are to be seen, 0..1 each, in a picture BGR uint8 with landmarks (478, 3).

    Both alike: no face has one eye of each person. None of them between lids that are shut.
    """
    share = 1.0 if photo.clear else _way(TUNING.dark[1], TUNING.dark[0], _whites(picture, points))
    right, left = (share * _way(*TUNING.shut, opening) for opening in openings(points))
    return right, left


def _whites(picture: Image, points: Floats) -> float:
    """Return the bright part of the darker eye as a share of the skin round it; the far eye of a turned head does not count."""
    flat = np.ascontiguousarray(points[:, :2])
    lids, outlines, irises = flat[_LIDS], flat[_LOOPS], flat[_MIDDLES][:, None]
    middles = lids.mean(axis=1, keepdims=True)
    skin = _mean(_lumas(picture, middles + _SKIN_AT * (lids - middles)), TUNING.skin)
    inside = np.concatenate([outlines + way * (irises - outlines) for way in _EYE_AT], axis=1)
    bright = _mean(_lumas(picture, inside), TUNING.bright)
    widths = np.abs(flat[_CORNERS[:, 0]] - flat[_CORNERS[:, 1]]).max(axis=1)
    return float((bright / np.maximum(skin, 1))[widths >= TUNING.near * widths.max()].min())


def _gaze(points: Floats) -> float:
    """Return how far both irises lie from the middle of their eyes, towards the left eye, as a share of an eye's width."""
    outer, inner = points[_CORNERS[:, 0], :2], points[_CORNERS[:, 1], :2]
    # From the right eye's outer corner to its inner one, and from the left eye's inner corner to its outer one.
    along = (inner - outer) * np.array([[1], [-1]], np.float32)
    offset = points[_MIDDLES, :2] - (inner + outer) / 2
    return float(((offset * along).sum(axis=1) / np.maximum((along**2).sum(axis=1), 1e-6)).mean())


def _mean(values: Floats, part: tuple[float, float]) -> Floats:
    """Return the mean of each row of values (2, n) between two shares of it, from dark to bright, float32 (2,)."""
    first, last = (round(share * values.shape[1]) for share in part)
    return np.asarray(np.sort(values, axis=1)[:, first:last].mean(axis=1), np.float32)


def _way(start: float, end: float, value: float) -> float:
    x = min(max((value - start) / (end - start), 0.0), 1.0)
    return x * x * (3 - 2 * x)


def _lumas(picture: Image, places: Floats) -> Floats:
    """Return the luma of the pixels nearest to places (..., 2), float32 (...)."""
    nearest = np.rint(places).astype(np.intp)
    height, width = picture.shape[:2]
    columns, rows = np.clip(nearest[..., 0], 0, width - 1), np.clip(nearest[..., 1], 0, height - 1)
    return np.asarray(picture[rows, columns] @ LUMA, np.float32)


def openings(points: Floats) -> tuple[float, float]:
    """Return how far both eyes of landmarks (478, 3) are open, as a share of their width."""
    right, left = points[_LIDS_AND_CORNERS].tolist()
    return _opening(*right), _opening(*left)


def _opening(top: list[float], bottom: list[float], outer: list[float], inner: list[float]) -> float:
    return math.dist(top, bottom) / max(math.dist(outer, inner), 1e-6)


def covered(texture_points: Floats, own: tuple[float, float], shown: tuple[float, float]) -> Floats:
    """Return the places in a texture of the vertices of `with_eyes`, float32 (n, 2).

    `own` and `shown` are the openings of both eyes in the photo and in the picture. Where the picture's are smaller, the lids
    lie nearer to the iris.
    """
    places, first = with_eyes(texture_points), len(texture_points)
    for (outline, iris, _), opened, wanted in zip(_EYES, own, shown, strict=True):
        share = np.float32(min(max(wanted / max(opened, 1e-6), TUNING.least_open), 1.0))
        middle = texture_points[iris, 1]
        places[first : first + len(outline), 1] = middle + share * (texture_points[list(outline), 1] - middle)
        first += len(outline)
    outlines = places[len(texture_points) : first]
    places[first:] = _inner(outlines, texture_points[_IRISES])
    return places


_LIDS_AND_CORNERS = locked(np.array([marks for _, _, marks in _EYES]))
_CORNERS = _LIDS_AND_CORNERS[:, 2:]
_OUTLINES = locked(np.array([*landmark_sets.RIGHT_EYE, *landmark_sets.LEFT_EYE]))
_IRISES = locked(np.repeat([iris for _, iris, _ in _EYES], [len(outline) for outline, _, _ in _EYES]))
_LIDS = locked(np.array((landmark_sets.RIGHT_LIDS, landmark_sets.LEFT_LIDS)))
_LOOPS = locked(_OUTLINES.reshape(len(_EYES), -1))
_MIDDLES = locked(np.array([iris for _, iris, _ in _EYES]))
