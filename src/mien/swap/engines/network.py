"""Common part of all swapping networks: an upright crop goes through the network and comes back as a patch."""

import math
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from mien.contracts import Session
from mien.errors import ModelMismatch
from mien.face.aligned_crop import Crop, crop_to, cut, is_seen
from mien.face.texels import wrap
from mien.imaging import geometry
from mien.imaging.colour import sharpened
from mien.models.format.ports import TensorInfo, shape_text
from mien.models.format.swappers import Feed
from mien.models.format.tensors import blob, check_finite, masks, pictures
from mien.settings import Settings
from mien.swap.engines.outline import box_mask, outline_mask
from mien.swap.engines.tone import matched
from mien.types import Array, FacePatch, Floats, Frame, Image, KnownFace, Mask, TrackedFace

_BATCH = 16  # crops a run; more would cost memory and gain nothing
_MIN_OWN_MASK = 0.35  # share of the face that a network's own mask must show; less would expose the wearer's face


class Network:
    """A swapping network between crops and patches.

    `target` is the input for crops, `picture` the output of crops, `own_masks` are outputs 0..1, 1 = the network's face. Crops
    are batched where the file leaves their number free. Raises `ModelMismatch` where it is fixed to more than 1.
    """

    def __init__(
        self,
        model_id: str,
        session: Session,
        feed: Feed,
        settings: Settings,
        target: TensorInfo,
        picture: TensorInfo,
        own_masks: Sequence[TensorInfo] = (),
    ) -> None:
        numbers = {shape[0] for shape in session.inputs.values() if len(shape) > 1 and isinstance(shape[0], int)}
        if numbers - {1}:
            raise ModelMismatch(
                f"{model_id} takes {max(numbers)} faces at once, expected is one or any number", "use the file of the catalogue"
            )
        self._model_id = model_id
        self._session = session
        self._feed = feed
        self._settings = settings
        self._target = target
        self._picture = picture
        self._own_masks = tuple(own_masks)
        self._batch = 1 if numbers else _BATCH

    def swap(self, frame: Frame, faces: Sequence[TrackedFace], others: Mapping[str, Array]) -> list[FacePatch | None]:
        """Return a patch for each face, None where nothing of it is in the picture.

        `others` are the further inputs by name, for one crop: (1, ...) arrays are repeated for each, single values are not.
        Raises `ModelError` when the output is not a picture.
        """
        seen = [face for face in faces if is_seen(frame.image, face.landmarks.points)]
        steps = [self._step(face.landmarks.points) for face in seen]
        crops = [
            cut(frame.image, face.landmarks.points, self._feed.template, self._feed.side * step)
            for face, step in zip(seen, steps, strict=True)
        ]
        made = self._run(crops, steps, others)
        patches = iter([self._patch(face, crop, *each) for face, crop, each in zip(seen, crops, made, strict=True)])
        return [next(patches) if is_seen(frame.image, face.landmarks.points) else None for face in faces]

    def _step(self, points: Floats) -> int:
        """Return the factor by which the network works finer: `boost`, limited by the pixels of the picture."""
        scale = geometry.scale_of(crop_to(self._feed.template, self._feed.side, points))
        return min(self._settings.boost, max(1, math.ceil(1 / scale - 0.05)))

    def _run(self, crops: Sequence[Crop], steps: Sequence[int], others: Mapping[str, Array]) -> list[tuple[Image, list[Mask]]]:
        """Return pictures and masks for the crops, both as large as the crops."""
        if not crops:
            return []
        batch = blob([crop.image for crop in crops], self._feed.taken, steps)
        results = [self._checked_run(batch[i : i + self._batch], others) for i in range(0, len(batch), self._batch)]
        image, *own = (np.concatenate(part) if len(part) > 1 else part[0] for part in zip(*results, strict=True))
        own_masks = [masks(each, steps) for each in own]
        return [
            (picture, [each[number] for each in own_masks])
            for number, picture in enumerate(pictures(image, self._feed.given, steps))
        ]

    def _checked_run(self, batch: Floats, others: Mapping[str, Array]) -> list[Array]:
        """Run the network once; return the pictures and the masks, checked."""
        count = len(batch)
        fed = {name: _repeated(value, count) for name, value in others.items()}
        given = self._session.run({self._target.name: batch.astype(self._target.dtype, copy=False), **fed})
        side = self._feed.side
        for tensor in (self._picture, *self._own_masks):
            found, channels = given[tensor.name].shape, 3 if tensor is self._picture else 1
            wanted = (count, side, side, channels) if self._feed.given.channels_last else (count, channels, side, side)
            if found != wanted:
                raise ModelMismatch(
                    f"{self._model_id}: output {tensor.name!r} came as {shape_text(found)}, expected is {shape_text(wanted)}",
                    "use the file of the catalogue",
                )
        arrays = [given[tensor.name] for tensor in (self._picture, *self._own_masks)]
        for array in arrays:
            check_finite(self._model_id, array)
        return arrays

    def _patch(self, face: TrackedFace, crop: Crop, image: Image, own: Sequence[Mask]) -> FacePatch:
        side = len(image)
        local = geometry.apply(crop.frame_to_crop, face.landmarks.points[:, :2])
        outline = cv2.min(box_mask(side), outline_mask(local, face.yaw, side))
        mask = self._with_own(np.asarray(outline, np.uint8), own, local, face.known)
        return patch_of(image, mask, crop, without_occluder(mask, local, face.known), self._settings)

    def _with_own(self, outline: Mask, own: Sequence[Mask], local: Floats, known: KnownFace | None) -> Mask:
        if self._settings.occlusion == "off" or not own:
            return outline
        joined = outline
        for each in own:
            joined = np.asarray(cv2.min(joined, each), np.uint8)
        return joined if shows_enough(without_occluder(joined, local, known), outline) else outline


def _repeated(value: Array, count: int) -> Array:
    return np.repeat(value, count, axis=0) if value.ndim > 1 and count > 1 else value


def shows_enough(mask: Mask, outline: Mask) -> bool:
    """Return True for a mask of a network that shows enough of the face's outline to be right.

    Known occluders have to be taken out of the mask first: they and it may hide different halves.
    """
    return cv2.sumElems(mask)[0] > _MIN_OWN_MASK * cv2.sumElems(outline)[0]


def without_occluder(mask: Mask, local: Floats, known: KnownFace | None) -> Mask:
    """Return the mask without the occluder, whose colours are not the face's."""
    if known is None or known.occluder is None or not known.occluder.any():
        return mask
    occluder = wrap(known.occluder, local, (mask.shape[1], mask.shape[0]))
    return np.asarray(cv2.subtract(mask, occluder), np.uint8)


def patch_of(image: Image, mask: Mask, crop: Crop, seen: Mask, settings: Settings) -> FacePatch:
    """Return a patch of a network's picture: with the tone of its crop where the face is `seen`, sharpened by the settings."""
    image = matched(image, crop.image, seen, settings.light)
    if settings.sharpness > 0:
        image = sharpened(image, settings.sharpness)
    return _trimmed(FacePatch(image, mask, geometry.invert(crop.frame_to_crop)))


def _trimmed(patch: FacePatch) -> FacePatch:
    """Return the patch without the rows and columns in which its mask is empty."""
    left, top, width, height = cv2.boundingRect(patch.mask)
    if width == 0 or height == 0:
        return patch
    rows, columns = slice(top, top + height), slice(left, left + width)
    crop_to_frame = patch.crop_to_frame.copy()
    crop_to_frame[:, 2] += crop_to_frame[:, :2] @ (left, top)
    return FacePatch(
        np.ascontiguousarray(patch.crop[rows, columns]), np.ascontiguousarray(patch.mask[rows, columns]), crop_to_frame
    )
