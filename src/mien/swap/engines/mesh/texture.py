"""The face of a source as a texture: its photos unwrapped to the mean face, evenly lit, the hidden side completed.

A texture is square; its landmarks are at `mean_face.texture_points`, and its mirror image is the texture of the mirrored
face.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import face_model, texture_per_eye_distance, texture_points
from mien.imaging.blend import mix_textures
from mien.imaging.smoothstep import smoothstep
from mien.swap.engines.mesh.photo_beard import with_whole_beard
from mien.swap.source.light import lit, smooth_skin, tone_towards
from mien.swap.source.regions import GRID, regions
from mien.swap.source.view import SMALLEST, UnevenView, View, size_for, uneven_view
from mien.types import Floats, Image, Mask, SourceFace


@dataclass(frozen=True, slots=True)
class TextureTuning:
    """Sizes, votes and borders of a texture; chosen by eye unless a field says otherwise."""

    sizes: int = 9  # each smaller by the square root of two
    vote_power: int = 6  # by which several photos share a texel: nearly all goes to the best
    first_votes: float = 3.0  # of the first photo on the skin
    first_moving_votes: float = 20.0  # of the first photo where a face moves
    glasses_votes: float = 10.0  # of the first photo's glasses, against at most 1 of another photo
    glasses_reach: int = 7  # texels of the grid beside glasses that are opaque with them
    forehead_feather: float = 0.36  # eye distances of the soft border on the forehead, where photos show shine and hair
    cheek_feather: float = 0.28  # the same beside the eyes
    hair_feather: float = 0.2  # the same on the forehead towards the photo's hair
    unseen: tuple[float, float] = (0.2, 0.6)  # by which a clip shows a texel better than the photos, for it to count
    rim: float = 0.25  # eye distances inside the oval in which a clip's views fade in
    jaw_feather: float = 0.2  # along the jaw, where the target's beard and wrinkles would show through


TUNING = TextureTuning()


@dataclass(frozen=True, slots=True)
class Texture:
    """One size: `image` BGRA uint8 (n, n, 4), alpha = certainty of skin; `points` float32 (478, 2), in texels."""

    image: Image
    points: Floats


def textures_of(source: SourceFace) -> tuple[Texture, ...]:
    """Return the texture of a source and smaller copies of it, from large to small."""
    return chain(completed(merged_views(source, uneven_views(source))))


def uneven_views(source: SourceFace, *, glasses: bool = False) -> tuple[UnevenView, ...]:
    """Return each photo of a source, and each view of its clip, before it is evened; `glasses`: the first photo's are worn."""
    size = max(size_for(photo.landmarks.points) for photo in source.photos)
    return tuple(
        uneven_view(each.image, each.landmarks, size, with_whole_beard(each).classes, glasses=glasses and each is source)
        for each in source.photos
    )


def merged_views(source: SourceFace, uneven: Sequence[UnevenView], *, folds: bool = False) -> View:
    """Return what the photos of a source, and the views of its clip, show together: its `uneven_views`.

    `folds`: those of smiles stay.
    """
    views = [view.evened(folds=folds) for view in uneven]
    photos = len(views) - len(source.views)
    shown = np.asarray(np.max([view.well * (1 - view.guessed) for view in views[:photos]], axis=0), np.float32)
    return merged([*views[:photos], *(_where_unseen(view, shown) for view in views[photos:])])


def _where_unseen(view: View, shown: Floats) -> View:
    """Return a view of a clip with nothing but what it shows clearly better than the photos, which show `shown` (grid, grid).

    A frame is softer than a photo, and on the outline of a turned head the mesh takes in hair and background.
    """
    better = smoothstep((view.well - shown - TUNING.unseen[0]) / (TUNING.unseen[1] - TUNING.unseen[0])) * _inside()
    mirrored, guessed = np.maximum(view.mirrored, 1 - better), np.maximum(view.guessed, 1 - better)
    return replace(view, seen=view.seen * better, well=view.well * better, mirrored=mirrored, guessed=guessed)


@cache
def _inside() -> Floats:
    """Return 0 on the oval of the texture, 1 from `TextureTuning.rim` on; float32 (grid, grid)."""
    distance = cv2.distanceTransform(_inside_oval(), cv2.DIST_L2, 3)
    return smoothstep(distance / (TUNING.rim * GRID * texture_per_eye_distance()))


def _inside_oval() -> Mask:
    """Return 1 inside the oval of the texture, else 0; uint8 (grid, grid)."""
    area = np.zeros((GRID, GRID), np.uint8)
    cv2.fillPoly(area, [texture_points(GRID)[list(landmark_sets.FACE_OVAL)].round().astype(np.int32)], 1)
    return area


def merged(views: Sequence[View]) -> View:
    """Merge views of one person and size: each texel from the view that shows it best, in the tone of the first.

    Details are not averaged, because two photos never fit exactly; brows, eyes and mouth, which move, come from one photo.
    """
    if len(views) == 1:
        return views[0]
    small = [lit(_small(view.own), view.gain) for view in views]
    sharpness = np.array([_sharpness(view) for view in views])
    votes = [
        view.well * (1 - view.guessed) * np.float32(sharp / sharpness.max())
        for view, sharp in zip(views, sharpness, strict=True)
    ]
    powers = [(vote + np.float32(1e-3)) ** TUNING.vote_power for vote in votes]
    if views[0].glasses is not None:
        powers[0] = powers[0] + views[0].glasses * np.float32(TUNING.glasses_votes)
    powers[0] = powers[0] * (TUNING.first_votes + (TUNING.first_moving_votes - TUNING.first_votes) * regions().kept)
    powers = [np.asarray(cv2.GaussianBlur(power, (0, 0), 0.015 * GRID), np.float32) for power in powers]
    total = np.sum(powers, axis=0)
    size_wh = views[0].own.shape[1::-1]
    own = np.zeros(views[0].own.shape, np.float32)
    for view, picture, power in zip(views, small, powers, strict=True):
        both = views[0].well * view.well * views[0].skin * view.skin * (1 - views[0].guessed) * (1 - view.guessed)
        tone = tone_towards(small[0], picture, both)
        gain = (power / total)[:, :, None] * view.gain * tone
        own += view.own * cv2.resize(gain, size_wh, interpolation=cv2.INTER_LINEAR)
    seen, well, skin = (
        np.max([getattr(view, name) for view in views], axis=0).astype(np.float32) for name in ("seen", "well", "skin")
    )
    even, glasses = np.ones((GRID, GRID, 3), np.float32), views[0].glasses
    mirrored, guessed = (np.min([getattr(view, name) for view in views], axis=0) for name in ("mirrored", "guessed"))
    whole = np.clip(own + 0.5, 0, 255).astype(np.uint8)
    return View(whole, even, even, seen, well, skin, mirrored, guessed, glasses=glasses)


def _sharpness(view: View) -> float:
    """Return the fine detail of the texture where it is seen well: sharper and larger photos of one person have more."""
    grey = cv2.cvtColor(view.own, cv2.COLOR_BGR2GRAY)
    fine = cv2.absdiff(grey, cv2.GaussianBlur(grey, (0, 0), 0.004 * len(grey)))
    small = cv2.resize(fine.astype(np.float32), (GRID, GRID), interpolation=cv2.INTER_AREA)
    return float((small * view.well).sum() / max(float(view.well.sum()), 1e-6)) + 0.05


def _small(own: Image) -> Image:
    return np.asarray(cv2.resize(own, (GRID, GRID), interpolation=cv2.INTER_AREA), np.uint8)


def completed(view: View) -> Image:
    """Return the whole texture, BGRA uint8 (n, n, 4): hidden parts are mirrored, or else smooth skin."""
    shares = _shares(view)
    rest = smooth_skin(lit(_small(view.own), view.gain), shares[:, :, 2] * view.skin)
    out = np.empty((*view.own.shape[:2], 4), np.uint8)
    mix_textures(view.own, view.gain, view.other_gain, shares, rest, out)
    return out


def chain(full: Image) -> tuple[Texture, ...]:
    """Return a texture and smaller copies of it, each by the square root of two."""
    found: list[Texture] = []
    for step in range(TUNING.sizes):
        size = round(full.shape[0] * 2.0 ** (-step / 2))
        if size < SMALLEST // 2:
            break
        # Two steps are a half: averaging the texture twice as large is the same and much less work.
        above = found[step - 2].image if step >= 2 else full
        small = full if step == 0 else cv2.resize(above, (size, size), interpolation=cv2.INTER_AREA)
        found.append(Texture(np.ascontiguousarray(small, np.uint8), texture_points(size)))
    return tuple(found)


def border_opacity() -> Floats:
    """Return 0 on the face oval, 1 a feather's width inside; float32 (478,)."""
    shape = face_model().shape
    oval = shape[list(landmark_sets.FACE_OVAL)]
    start, along = oval[:, None, :], (np.roll(oval, -1, axis=0) - oval)[:, None, :]
    share = np.clip(((shape[None] - start) * along).sum(2) / (along**2).sum(2), 0, 1)
    distance = np.linalg.norm(shape[None] - start - share[:, :, None] * along, axis=2).min(0)
    forehead = smoothstep(shape[:, 1] / shape[list(landmark_sets.BROW_TOPS), 1].min())
    jaw = smoothstep(shape[:, 1] / shape[landmark_sets.INNER_LIPS[0], 1])
    beside = (1 - forehead - jaw) * TUNING.cheek_feather
    return smoothstep(distance / (forehead * TUNING.forehead_feather + beside + jaw * TUNING.jaw_feather))


def glasses_opacity(glasses: Floats) -> Floats:
    """Return the opacity of each landmark, float32 (478,), at worn glasses: they reach to the oval, unlike skin."""
    places = np.clip(texture_points(GRID).round().astype(np.int32), 0, GRID - 1)
    wide = cv2.dilate(glasses, np.ones((TUNING.glasses_reach, TUNING.glasses_reach), np.uint8))
    return np.asarray(wide[places[:, 1], places[:, 0]], np.float32)


def _shares(view: View) -> Floats:
    """Return the shares of texture and mirror image, and the opacity, of each texel; float32 (grid, grid, 3)."""
    seen, well = view.seen, view.well
    other = well[:, ::-1]
    # The mirrored side steps in only where it is seen better.
    second = (1 - well) * other * smoothstep((other - well) / 0.5)
    first = well + (1 - well - second) * seen
    whole_other = other + (1 - other) * seen[:, ::-1]
    first, second = first * (1 - view.mirrored), second + (whole_other - second) * view.mirrored
    total = first + second
    # Skin that is seen badly still has the better grain.
    whole = smoothstep(total / 0.3) / np.maximum(total, 1e-6)
    sure = _away_from_hair(total)
    sure = sure if view.glasses is None else np.maximum(sure, view.glasses)
    return np.ascontiguousarray(np.dstack([first * whole, second * whole, total * sure]), np.float32)


def _away_from_hair(total: Floats) -> Floats:
    """Return 0 where nothing is known of a forehead, 1 a feather's width beside it; float32 (grid, grid).

    Beside the hair of a photo lie its shadow and single strands. The oval has a border of its own.
    """
    known = np.asarray((total >= 0.5) | (_inside_oval() * regions().forehead < 0.5), np.uint8)
    distance = cv2.distanceTransform(known, cv2.DIST_L2, 3)
    return smoothstep(distance / (TUNING.hair_feather * GRID * texture_per_eye_distance()))
