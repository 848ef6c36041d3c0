"""Eyes between the photo's lids: the photo's where it shows them well, else the target's where the picture does.

Between lids that open less than the photo's, the photo's eyes are covered further: a lid does not squeeze an eyeball.
"""

from dataclasses import dataclass

import numpy as np

from mien.face import landmark_sets
from mien.face.eye_openings import openings
from mien.face.eye_whites import whites_of
from mien.face.mean_face import face_model
from mien.imaging.arrays import locked
from mien.imaging.smoothstep import smoothstep_between
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
    shut: tuple[float, float] = (0.1, 0.18)
    """Opening up to which lids are shut, and from which they show the photo's eyes whole. Lids that shut in two clips of faces
    of 40 pixels have 0.04 to 0.12, squinting ones of even pairs 0.14 and more."""


TUNING = EyesTuning()


@dataclass(frozen=True, slots=True)
class PhotoEyes:
    """Eyes of a photo: their `openings`, as shares of their width, and whether it shows them well."""

    openings: tuple[float, float]
    clear: bool


_EYES = (
    (landmark_sets.RIGHT_EYE, landmark_sets.RIGHT_IRIS),
    (landmark_sets.LEFT_EYE, landmark_sets.LEFT_IRIS),
)  # outline, iris


def eye_triangles() -> Array:
    """Return the triangles of both eyes, int32 (n, 3): rings of lids around what lies between, of vertices of `with_eyes`."""
    first, found = len(face_model().shape), list[Array]()
    for number, (outline, iris) in enumerate(_EYES):
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
    clear = low <= whites_of(photo, points) <= high and abs(_gaze(points)) <= TUNING.aside
    return PhotoEyes(openings(points), clear)


def photo_shares(whites: float, opened: tuple[float, float], photo: PhotoEyes) -> tuple[float, float]:
    """Return how far the photo's eyes are to be seen, 0..1 each, by the target's whites and by how far its eyes are `opened`.

    Both alike: no face has one eye of each person. None of them between lids that are shut.
    """
    share = 1.0 if photo.clear else smoothstep_between(TUNING.dark[1], TUNING.dark[0], whites)
    right, left = (share * smoothstep_between(*TUNING.shut, opening) for opening in opened)
    return right, left


def _gaze(points: Floats) -> float:
    """Return how far both irises lie from the middle of their eyes, towards the left eye, as a share of an eye's width."""
    outer, inner = points[_CORNERS[:, 0], :2], points[_CORNERS[:, 1], :2]
    # From the right eye's outer corner to its inner one, and from the left eye's inner corner to its outer one.
    along = (inner - outer) * np.array([[1], [-1]], np.float32)
    offset = points[_MIDDLES, :2] - (inner + outer) / 2
    return float(((offset * along).sum(axis=1) / np.maximum((along**2).sum(axis=1), 1e-6)).mean())


def covered(texture_points: Floats, own: tuple[float, float], shown: tuple[float, float]) -> Floats:
    """Return the places in a texture of the vertices of `with_eyes`, float32 (n, 2).

    `own` and `shown` are the openings of both eyes in the photo and in the picture. Where the picture's are smaller, the lids
    lie nearer to the iris.
    """
    places, first = with_eyes(texture_points), len(texture_points)
    for (outline, iris), opened, wanted in zip(_EYES, own, shown, strict=True):
        share = np.float32(min(max(wanted / max(opened, 1e-6), TUNING.least_open), 1.0))
        middle = texture_points[iris, 1]
        places[first : first + len(outline), 1] = middle + share * (texture_points[list(outline), 1] - middle)
        first += len(outline)
    outlines = places[len(texture_points) : first]
    places[first:] = _inner(outlines, texture_points[_IRISES])
    return places


_CORNERS = locked(np.array((landmark_sets.RIGHT_EYE_CORNERS, landmark_sets.LEFT_EYE_CORNERS)))
_OUTLINES = locked(np.array([*landmark_sets.RIGHT_EYE, *landmark_sets.LEFT_EYE]))
_IRISES = locked(np.repeat([iris for _, iris in _EYES], [len(outline) for outline, _ in _EYES]))
_MIDDLES = locked(np.array([iris for _, iris in _EYES]))
