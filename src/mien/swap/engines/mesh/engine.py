"""The embedded engine: the skin of the photo, warped through the 478-point mesh and relit like the picture, without weights.

The patch is computed in the frame's own pixels, so that no pixel is resampled twice; only a face larger than
`Settings.resolution` is computed smaller and scaled up by the compose stage.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.creases import press
from mien.face.eye_openings import openings
from mien.face.eye_whites import whites_of
from mien.face.gaze import into_the_camera
from mien.face.head_pose import far_side_opacity
from mien.face.lighting import gains
from mien.face.mean_face import texture_per_eye_distance
from mien.face.texels import wrap
from mien.imaging import geometry
from mien.imaging.blend import relight, shade
from mien.imaging.colour import FacialParts, light_map, sharpened, soften
from mien.imaging.draw import draw_mesh, mark_steps
from mien.settings import Settings
from mien.swap.engines.mesh.beard_layer import BeardLayer, beard_layer, lay_under, vertices
from mien.swap.engines.mesh.expressions import ExpressionTextures, expression_textures, frames_of
from mien.swap.engines.mesh.eyes import (
    PhotoEyes,
    covered,
    eye_triangles,
    photo_eyes,
    photo_shares,
    with_eyes,
    with_eyes_opacity,
)
from mien.swap.engines.mesh.smile_folds import FoldTextures, fold_textures, smiles
from mien.swap.engines.mesh.texture import (
    Texture,
    border_opacity,
    chain,
    completed,
    glasses_opacity,
    merged_views,
    uneven_views,
)
from mien.types import Affine, Array, FacePatch, Floats, Frame, Image, KnownFace, Mask, SourceFace, TrackedFace

_OCCLUDER_STEP = 4  # pixels of the face for one of the coarse occlusion mask
_OUTLINE, _LEAST_OUTLINE = 0.06, 1.5  # width of the soft outline, in eye distances and at least in pixels; chosen by eye
_TURNED_DEGREES = 10.0  # yaw from which a face ends before its border, and a part of it may lie before another one
_STEP = 0.06  # depth in eye distances that is a step; chosen by eye
_USUAL_EXPOSURE, _FLASH_EXPOSURE = 1.25, 1.5  # times the usual brightness up to which light wanders, and from which it flashes
_WANDERS = 1.1  # times the usual brightness that are left to the match of tones even in a flash
_MAX_EXPOSURE = 4.0  # times the usual brightness; bounds a wrong memory
_BROWS = landmark_sets.RIGHT_BROW, landmark_sets.LEFT_BROW
_EYES = landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE
_SHAVED, _BEARDED = (landmark_sets.OUTER_LIPS,), (landmark_sets.BEARD,)
_MIN_VISIBLE = 0.2  # share of a face from which its light can be estimated; chosen by eye


@dataclass(frozen=True, slots=True)
class PreparedMesh:
    """Values that depend on the source alone; `textures` go from large to small, `opacity` is float32 (478,).

    `beard` is the photo's beard, None where it has none or the target's is to show; `expressions` is what a clip shows of the
    source's expressions, None without a clip; `folds` are those of the photo's smile, None with a clip and of a calm photo.
    `rough` are hulls of landmarks whose shadows are no bare skin's: the lips, of a photo with a beard all where it grows.
    `bare` is the same without the photo's glasses, for wearers whose dark ones stay; None where no glasses are worn.
    """

    textures: tuple[Texture, ...]
    opacity: Floats
    triangles: Array
    eyes: PhotoEyes
    beard: BeardLayer | None = None
    rough: tuple[tuple[int, ...], ...] = _BEARDED
    expressions: ExpressionTextures | None = None
    folds: FoldTextures | None = None
    bare: "PreparedMesh | None" = None


class MeshEngine:
    """A `contracts.Engine`."""

    name = "mesh"
    wants_reshape = True

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        parts = [landmark_sets.skin_triangles()]
        if settings.eyes != "target":
            parts.append(eye_triangles())
        if settings.mouth == "source":
            parts.append(landmark_sets.strip(landmark_sets.INNER_LIPS))
        self._triangles = np.ascontiguousarray(np.concatenate(parts))

    def prepare(self, source: SourceFace) -> PreparedMesh:
        """Return textures, opacity and triangles for a source."""
        if self._settings.source_glasses == "off":
            return self._prepared(source, glasses=False)
        whole = self._prepared(source, glasses=True)
        return replace(whole, bare=self._prepared(source, glasses=False))

    def _prepared(self, source: SourceFace, *, glasses: bool) -> PreparedMesh:
        opacity = border_opacity()
        if self._settings.eyes == "blend":
            opacity[[landmark_sets.RIGHT_IRIS, landmark_sets.LEFT_IRIS]] = 0
        if self._settings.mouth == "target":
            # The line between closed lips is the target's; a smile's inner edges do not meet on a closed mouth.
            opacity[list(landmark_sets.INNER_LIPS)] = 0
        views = uneven_views(source, glasses=glasses)
        view = merged_views(source, views)
        if view.glasses is not None:
            opacity = np.maximum(opacity, glasses_opacity(view.glasses))
        grown = beard_layer(source)
        beard = None if self._settings.beard == "target" else grown
        rough = _SHAVED if grown is None and source.classes is not None else _BEARDED
        full = completed(view)
        textures = chain(full)
        frames, eyes = frames_of(source, view, full), photo_eyes(source.image, source.landmarks.points)
        if frames is None:
            bare = PreparedMesh(textures, opacity, self._triangles, eyes, beard, rough)
            if not smiles(source):
                return bare
            folded = completed(merged_views(source, views, folds=True))
            return replace(bare, folds=fold_textures(source, textures, folded))
        sizes = [len(texture.image) for texture in textures]
        expressions = expression_textures(frames, sizes, teeth=self._settings.mouth == "source")
        return PreparedMesh(textures, opacity, self._triangles, eyes, beard, rough, expressions)

    def swap(self, frame: Frame, faces: Sequence[TrackedFace], prepared: PreparedMesh) -> list[FacePatch | None]:
        """Return a patch for each face, None where nothing of it is in the picture."""
        return [self._patch(frame, face, prepared) for face in faces]

    def _patch(self, frame: Frame, face: TrackedFace, prepared: PreparedMesh) -> FacePatch | None:
        points = face.landmarks.points
        if prepared.bare is not None and _wears_dark_glasses(face):
            # One pair is enough, and nobody's eyes are known behind theirs.
            prepared = prepared.bare
        if self._settings.eyes == "source" and self._settings.gaze == "camera":
            points = into_the_camera(points)
        if prepared.beard is not None:
            points = vertices(points, prepared.beard.away)
        box = _clipped_box(points, frame.image.shape)
        if box is None:
            return None
        left, top, right, bottom = box
        target = frame.image[top:bottom, left:right]
        scale = min(1.0, self._settings.resolution / max(right - left, bottom - top))
        if scale < 1:
            size_wh = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
            target = np.asarray(cv2.resize(target, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
        height, width = target.shape[:2]
        crop_to_frame = _crop_to_frame(box, width, height)
        local = np.empty_like(points)
        local[:, :2] = geometry.apply(geometry.invert(crop_to_frame), points[:, :2])
        local[:, 2] = points[:, 2] * scale
        step = _step_for(prepared.textures, local)
        texture = prepared.textures[step]
        image = texture.image
        if prepared.expressions is not None:
            image = prepared.expressions.mixed(image, step, face.landmarks.points)
        elif prepared.folds is not None:
            image = prepared.folds.mixed(image, step, face.landmarks.points)
        crop, mask = np.empty((height, width, 3), np.uint8), np.zeros((height, width), np.uint8)
        depth = np.empty((height, width), np.float32)
        opened = openings(face.landmarks.points)
        whites = _usual_whites(face, target, local)
        shares = photo_shares(whites, opened, prepared.eyes) if self._settings.eyes == "blend" else (0.0, 0.0)
        opacity = with_eyes_opacity(prepared.opacity * far_side_opacity(face.yaw), shares)
        places = covered(texture.points, prepared.eyes.openings, opened)
        draw_mesh(prepared.triangles, with_eyes(local), places, image, opacity, crop, mask, depth)
        turned = abs(face.yaw) > _TURNED_DEGREES
        if turned:
            _soften_outline(mask, local)
        crop = np.asarray(cv2.copyTo(crop, mask), np.uint8)
        if turned:
            _smooth_steps(crop, depth, local)
        skin = mask
        if prepared.beard is not None:
            skin, occluder = mask.copy(), None if face.known is None else face.known.occluder
            lay_under(prepared.beard, local, far_side_opacity(face.yaw), occluder, crop, mask)
            local = np.ascontiguousarray(local[: len(face.landmarks.points)])
        if self._settings.light > 0 and mask.any():
            free = _without_occluder(skin, local, face.known)
            crop = _lit(crop, mask, free, target, self._settings.light, local, prepared.rough, face.known)
        if self._settings.sharpness > 0:
            crop = sharpened(crop, self._settings.sharpness)
        return FacePatch(crop, mask, crop_to_frame)


def _lit(
    crop: Image, mask: Mask, free: Mask, target: Image, strength: float, local: Floats,
    rough: Sequence[tuple[int, ...]], known: KnownFace | None,
) -> Image:  # fmt: skip
    """Return the crop, which may be changed, in the light of the target, with the creases of its brows.

    `free` is the mask of what shows the target's own skin; `local` are the landmarks in the crop's pixels.
    """
    # Shaded alike first: skin in shadow on one side only would not be recognised as skin.
    dimmed = 1.0
    if known is not None and known.light is not None:
        gain = gains(known.light, local, mask, strength)
        dimmed = float(gain.mean())
        shade(crop, mask, gain)
        crop = _exposed(crop, known.exposure)
    relight(crop, mask, light_map(crop, free, target, strength, _parts(local, rough), dimmed))
    crop = soften(crop, mask, target)
    if known is not None and known.creases is not None:
        press(known.creases, local, crop, mask, strength)
    return crop


def _parts(local: Floats, rough_loops: Sequence[tuple[int, ...]]) -> FacialParts:
    brows, eyes, rough = (tuple(local[list(loop), :2] for loop in loops) for loops in (_BROWS, _EYES, rough_loops))
    return FacialParts(brows, eyes, rough)


def _wears_dark_glasses(face: TrackedFace) -> bool:
    return face.known is not None and face.known.parsed is not None and face.known.parsed.dark


def _usual_whites(face: TrackedFace, target: Image, local: Floats) -> float:
    """Return the usual brightness of the whites of its eyes; of a face without a memory that in this picture."""
    known = None if face.known is None else face.known.whites
    return whites_of(target, local) if known is None else known


def _soften_outline(mask: Mask, local: Floats) -> None:
    """Let the opacity rise from 0 at the outline of what was drawn, in place: a turned face ends before the border does."""
    first, second = landmark_sets.EYE_CORNERS
    width = max(_LEAST_OUTLINE, _OUTLINE * float(np.linalg.norm(local[first] - local[second])))
    inside = cv2.distanceTransform((mask > 0).view(np.uint8), cv2.DIST_L2, 3)
    ramp = np.asarray(cv2.convertScaleAbs(inside, alpha=255 / width), np.uint8)
    cv2.multiply(mask, ramp, mask, scale=1 / 255)


def _smooth_steps(crop: Image, depth: Floats, local: Floats) -> None:
    """Smooth the outline of a nose before the cheek behind it, in place: triangles are drawn without partial pixels."""
    first, second = landmark_sets.EYE_CORNERS
    edges = np.empty(depth.shape, np.uint8)
    mark_steps(depth, _STEP * float(np.linalg.norm(local[first] - local[second])), edges)
    if edges.any():
        cv2.copyTo(cv2.blur(crop, (3, 3)), edges, crop)


def _exposed(crop: Image, exposure: float) -> Image:
    """Return the crop as a camera shows it that is lit this many times more than usual, blown out where the picture is.

    Without it the crop would take the lamp's level for a pale skin's, and lose the depth of its brows and shadows.
    """
    share = min(max((exposure - _USUAL_EXPOSURE) / (_FLASH_EXPOSURE - _USUAL_EXPOSURE), 0.0), 1.0)
    gain = 1 + share * (min(exposure, _MAX_EXPOSURE) / _WANDERS - 1)
    return np.asarray(cv2.convertScaleAbs(crop, alpha=gain), np.uint8) if gain > 1 else crop


def _without_occluder(mask: Mask, local: Floats, known: KnownFace | None) -> Mask:
    """Return the mask without the occluder, whose light and colours are not the face's."""
    if known is None or known.occluder is None or not known.occluder.any():
        return mask
    height, width = mask.shape
    size_wh = max(4, width // _OCCLUDER_STEP), max(4, height // _OCCLUDER_STEP)
    ratio = np.array([size_wh[0] / width, size_wh[1] / height], np.float32)
    occluder = cv2.dilate(wrap(known.occluder, (local[:, :2] + 0.5) * ratio - 0.5, size_wh), np.ones((3, 3), np.uint8))
    free = (cv2.resize(occluder, (width, height), interpolation=cv2.INTER_NEAREST) < 64).view(np.uint8)
    visible = mask * free
    return visible if np.count_nonzero(visible) > _MIN_VISIBLE * np.count_nonzero(mask) else mask


def _clipped_box(points: Floats, shape: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    """Return the whole pixels of the frame around the points, None for fewer than 4 x 4."""
    left, top, right, bottom = geometry.clipped_box(geometry.box_of(points), shape[1], shape[0], before=1, after=2)
    return (left, top, right, bottom) if right - left >= 4 and bottom - top >= 4 else None


def _crop_to_frame(box: tuple[int, int, int, int], width: int, height: int) -> Affine:
    left, top, right, bottom = box
    x, y = (right - left) / width, (bottom - top) / height
    return np.array([[x, 0, left + (x - 1) / 2], [0, y, top + (y - 1) / 2]], np.float64)


def _step_for(textures: tuple[Texture, ...], points: Floats) -> int:
    """Return the number of the smallest texture that is at least as fine as the face in the frame."""
    first, second = landmark_sets.EYE_CORNERS
    wanted = float(np.linalg.norm(points[first] - points[second])) / texture_per_eye_distance()
    step = int(np.floor(-2 * np.log2(max(wanted / len(textures[0].image), 1e-6))))
    return min(max(step, 0), len(textures) - 1)
