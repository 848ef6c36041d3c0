"""Cut occluders out of a patch, so that they stay in front of the face."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien.face.texels import wrap
from mien.imaging import geometry
from mien.types import Affine, FacePatch, Floats, Frame, Image, Mask, TrackedFace


@dataclass(frozen=True, slots=True)
class EdgeTuning:
    """The guided filter that moves an occlusion mask to the edges of the picture."""

    longer_side: int = 120
    """Pixels of the longer side of the picture in which edges are sought; bounds the time."""
    rounds: int = 2
    """Passes of the filter. Chosen by eye; not measured."""
    radius_share: float = 0.04
    """Radius of the search for an edge, as a share of the face's longer side."""
    flat_variance: float = 4e-4
    """Variance of colour, of 1, that is not an edge (epsilon of the guided filter)."""
    contrast: float = 1.8
    """Contrast of the filtered opacity around one half."""


TUNING = EdgeTuning()


def cut_occluders(frame: Frame, face: TrackedFace, patch: FacePatch) -> FacePatch:
    """Lower the mask of the patch where `face.known` has an occluder; `frame` is the picture before the patch is laid."""
    if face.known is None or face.known.occluder is None or not face.known.occluder.any():
        return patch
    height, width = patch.mask.shape
    scale = min(1.0, TUNING.longer_side / max(height, width))
    size_wh = max(4, round(width * scale)), max(4, round(height * scale))
    frame_to_small = _scaled(geometry.invert(patch.crop_to_frame), size_wh[0] / width, size_wh[1] / height)
    points = geometry.apply(frame_to_small, face.landmarks.points[:, :2])
    rough = wrap(face.known.occluder, points, size_wh)
    if not rough.any():
        return patch
    before = refined(rough, _under(frame.image, frame_to_small, size_wh), max(2, round(TUNING.radius_share * max(size_wh))))
    opacity = 255 - cv2.resize(before, (width, height), interpolation=cv2.INTER_LINEAR)
    return replace(patch, mask=np.asarray(cv2.multiply(patch.mask, opacity, scale=1 / 255), np.uint8))


def refined(rough: Mask, guide: Image, radius: int) -> Mask:
    """Move a mask `rough`, uint8 (h, w), to the edges of `guide`, BGR uint8 (h, w, 3), as far as `radius` pixels.

    The guided filter (He, Sun and Tang 2010) with a colour guide.
    """
    x, y, width, height = cv2.boundingRect(rough)
    margin = 2 * radius
    rows = slice(max(0, y - margin), y + height + margin)
    columns = slice(max(0, x - margin), x + width + margin)
    colour = guide[rows, columns].astype(np.float32) * np.float32(1 / 255)
    opacity = rough[rows, columns].astype(np.float32) * np.float32(1 / 255)
    for _ in range(TUNING.rounds):
        # Opacity that spills over an edge is the smaller part of its colour there, and gives way.
        opacity = np.clip((_guided(colour, opacity, radius) - 0.5) * np.float32(TUNING.contrast) + 0.5, 0, 1)
    result = np.zeros_like(rough)
    result[rows, columns] = (opacity * 255 + 0.5).astype(np.uint8)
    return result


def _guided(colour: Floats, opacity: Floats, radius: int) -> Floats:
    """Return the opacity as a linear function of the colour, locally."""
    b, g, r = cv2.split(colour)
    products = [b * b, b * g, b * r, g * g, g * r, r * r, b * opacity, g * opacity, r * opacity]
    window = 2 * radius + 1, 2 * radius + 1
    mean = cv2.blur(np.dstack([b, g, r, opacity, *products]), window, borderType=cv2.BORDER_REFLECT_101)
    m_b, m_g, m_r, m_p, bb, bg, br, gg, gr, rr, pb, pg, pr = cv2.split(mean)
    bb, gg, rr = (
        bb - m_b * m_b + TUNING.flat_variance,
        gg - m_g * m_g + TUNING.flat_variance,
        rr - m_r * m_r + TUNING.flat_variance,
    )
    bg, br, gr = bg - m_b * m_g, br - m_b * m_r, gr - m_g * m_r
    pb, pg, pr = pb - m_b * m_p, pg - m_g * m_p, pr - m_r * m_p
    i_bb, i_bg, i_br = gg * rr - gr * gr, br * gr - bg * rr, bg * gr - br * gg
    i_gg, i_gr, i_rr = bb * rr - br * br, bg * br - bb * gr, bb * gg - bg * bg
    inverse = 1 / (bb * i_bb + bg * i_bg + br * i_br)
    a_b = (i_bb * pb + i_bg * pg + i_br * pr) * inverse
    a_g = (i_bg * pb + i_gg * pg + i_gr * pr) * inverse
    a_r = (i_br * pb + i_gr * pg + i_rr * pr) * inverse
    rest = m_p - a_b * m_b - a_g * m_g - a_r * m_r
    means = cv2.split(cv2.blur(np.dstack([a_b, a_g, a_r, rest]), window, borderType=cv2.BORDER_REFLECT_101))
    return np.asarray(means[0] * b + means[1] * g + means[2] * r + means[3], np.float32)


def _scaled(transform: Affine, x: float, y: float) -> Affine:
    """Return the transform into a picture resized by x and y: its corners stay, not the centres of its corner pixels."""
    return geometry.then(transform, np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2]]))


def _under(image: Image, frame_to_small: Affine, size_wh: tuple[int, int]) -> Image:
    """Return the part of the picture under the patch, small."""
    corners = np.array([[-0.5, -0.5], [size_wh[0] - 0.5, size_wh[1] - 0.5]])
    x1, y1, x2, y2 = geometry.box_of(geometry.apply(geometry.invert(frame_to_small), corners) + 0.5)
    left, top, right, bottom = (round(value) for value in (x1, y1, x2, y2))
    part = image[max(0, top) : bottom, max(0, left) : right]
    axes_kept = abs(frame_to_small[0, 1]) + abs(frame_to_small[1, 0]) < 1e-9 < min(frame_to_small[0, 0], frame_to_small[1, 1])
    if axes_kept and part.shape[:2] == (bottom - top, right - left) and part.size:
        return np.asarray(cv2.resize(part, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.warpAffine(image, frame_to_small, size_wh, borderMode=cv2.BORDER_REPLICATE), np.uint8)
