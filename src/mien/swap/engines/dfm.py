"""DeepFaceLab models (SAEHD and AMP, `.dfm`): one network for each person, whose face is in its weights.

BGR 0..1, height x width x 3, in and out. The crop is aligned as in training, by DeepFaceLab's own rule for `whole_face`: a
similarity that fits brows, eyes, nose and the corners of the mouth to its mean face, and a square of 2.131 times that face's
frame (2 * (0.4 * sqrt(2) + 0.5)) whose middle is 0.07 above. DeepFaceLive's cut (2.2 and 0.08) is the same within 3 %; the
five points that others call dfl_whole_face show the face 13 % too large, measured on a dozen portraits, so that the network
sees less forehead and chin than it was trained with.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mien.contracts import Recogniser, Session
from mien.errors import ModelMismatch, SourceFaceStranger
from mien.face.aligned_crop import Crop, cut_by, is_seen
from mien.imaging import geometry
from mien.models.format.families import families
from mien.models.format.ports import Shape, bind, shape_text
from mien.models.format.scale import BGR_LAST
from mien.models.format.tensors import blob, check_finite, masks, pictures
from mien.settings import Settings
from mien.swap.engines.network import patch_of, shows_enough, without_occluder
from mien.swap.engines.outline import box_mask, outline_mask
from mien.types import Affine, Array, FacePatch, Floats, Frame, Image, Landmarks, Mask, SourceFace, TrackedFace

_GREY = 128  # level outside the masks when the model is compared with the photo, so that no pixel of the photo counts


@dataclass(frozen=True, slots=True)
class DfmTuning:
    """Limits and masks of DeepFaceLab models."""

    batch: int = 16  # crops a run; bounds memory, not measured
    min_side: int = 64  # pixels; DeepFaceLab trains 64 to 640
    max_side: int = 1024  # pixels; bounds memory, above all that DeepFaceLab trains
    coverage: float = 2 * (0.4 * math.sqrt(2) + 0.5)  # side of the crop in mean faces: DeepFaceLab's rule for whole_face
    middle_xy: tuple[float, float] = (0.5, 0.43)  # of the crop in the frame of the mean face, 0.07 above its middle
    mask_side: int = 256  # pixels for which the next two hold
    mask_erosions: int = 2  # rounds of a 3 x 3 ellipse: FaceFusion's
    mask_sigma: float = 6.25  # pixels of the blur that follows: FaceFusion's


TUNING = DfmTuning()
_MEAN_FACE = (
    (70, 0.000213, 0.106454), (63, 0.075262, 0.038915), (105, 0.181130, 0.018748), (66, 0.290770, 0.034489),
    (107, 0.393397, 0.077391), (336, 0.586856, 0.077391), (296, 0.689483, 0.034489), (334, 0.799124, 0.018748),
    (293, 0.904991, 0.038915), (300, 0.980040, 0.106454), (168, 0.490127, 0.203352), (197, 0.490127, 0.307009),
    (5, 0.490127, 0.409805), (4, 0.490127, 0.515625), (98, 0.366880, 0.587326), (97, 0.426036, 0.609345),
    (2, 0.490127, 0.628106), (326, 0.554217, 0.609345), (327, 0.613373, 0.587326), (33, 0.121737, 0.216423),
    (160, 0.187122, 0.178758), (158, 0.265825, 0.179852), (133, 0.334606, 0.231733), (153, 0.260918, 0.245099),
    (144, 0.182743, 0.244077), (362, 0.645647, 0.231733), (385, 0.714428, 0.179852), (387, 0.793132, 0.178758),
    (263, 0.858516, 0.216423), (373, 0.797510, 0.244077), (380, 0.719335, 0.245099), (61, 0.254149, 0.780233),
    (291, 0.726104, 0.780233),
)  # fmt: skip
"""Landmarks of the mesh at the places of those of the 68-point set by which DeepFaceLab aligns (17 to 48, and 54), and
their x and y in the frame of its mean face."""


@dataclass(frozen=True, slots=True)
class KnownToShow:
    """Proof that the model shows the person of the photo `digest`; `distance` is the recogniser's."""

    digest: str
    distance: float


@dataclass(frozen=True, slots=True)
class _Output:
    """Output for one crop: `face` BGR uint8 (side, side, 3); `target_mask` covers the visible face of the crop, `mask` the
    new face, uint8 (side, side).
    """

    face: Image
    target_mask: Mask
    mask: Mask


class DfmEngine:
    """A `contracts.Engine` for one model. Raises `ModelMismatch` when the session is none.

    `recogniser` compares the photo with the person of the model, `stranger` is another face, on which the model is tried.
    """

    wants_reshape = False

    def __init__(
        self,
        model_id: str,
        session: Session,
        recogniser: Recogniser,
        settings: Settings,
        stranger: Callable[[], SourceFace] | None = None,
    ) -> None:
        ports = families()["dfm"]
        bound = bind(model_id, session, ports.inputs, ports.outputs)
        self.name = model_id
        self._session = session
        self._recogniser = recogniser
        self._stranger = stranger
        self._settings = settings
        self._picture, self._morph = bound.taken(0), bound.inputs[1]
        self._outputs = tuple(bound.given(number).name for number in range(3))
        self._side = _side_of(model_id, self._picture.shape)
        self._batch = _batch_of(model_id, self._picture.shape)

    def prepare(self, source: SourceFace) -> KnownToShow:
        """Put the model's face on the photo, and check that it still is the person of the photo.

        The face is in the weights, but the consent is given for the photo: raises `SourceFaceStranger` for another person.
        """
        person = self._recogniser.describe(source.image, source.landmarks)
        distance = float(np.linalg.norm(self._drawn_on(source) - person))
        if not distance < self._recogniser.limits.photo:
            raise SourceFaceStranger(
                f"the model {self.name} shows another person than the photo (distance {distance:.2f}, the same person is "
                f"below {self._recogniser.limits.photo:.2f})",
                "choose a photo of the person whose model this is",
            )
        self._check_others(person)
        return KnownToShow(source.digest, distance)

    def _drawn_on(self, photo: SourceFace) -> Floats:
        """Return the descriptor of the model's output for a photo."""
        crop = cut_by(photo.image, whole_face(photo.landmarks.points, self._side), self._side)
        (made,) = self._run([crop.image], morph=1.0)
        opacity = cv2.min(made.mask, made.target_mask)[:, :, None] / np.float32(255)
        shown = (_GREY + opacity * (made.face - np.float32(_GREY)) + 0.5).astype(np.uint8)
        points = photo.landmarks.points.copy()
        points[:, :2] = geometry.apply(crop.frame_to_crop, points[:, :2])
        return self._recogniser.describe(shown, Landmarks(points, photo.landmarks.presence))

    def _check_others(self, person: Floats) -> None:
        """Check that the model turns a stranger into this person: one that changes no face would match every photo.

        Raises `SourceFaceStranger`.
        """
        if self._stranger is None:
            return
        stranger = self._stranger()
        own = self._recogniser.describe(stranger.image, stranger.landmarks)
        if float(np.linalg.norm(own - person)) < self._recogniser.limits.photo:
            return
        drawn = self._drawn_on(stranger)
        if not float(np.linalg.norm(drawn - person)) < float(np.linalg.norm(drawn - own)):
            raise SourceFaceStranger(
                f"the model {self.name} does not turn another face into the person of the photo: it leaves faces as they are",
                "choose another model; this one would show the person in front of the camera",
            )

    def swap(self, frame: Frame, faces: Sequence[TrackedFace], prepared: KnownToShow) -> list[FacePatch | None]:
        """Return a patch for each face, None where nothing of it is in the picture."""
        seen = [is_seen(frame.image, face.landmarks.points) for face in faces]
        worn = [face for face, there in zip(faces, seen, strict=True) if there]
        crops = [cut_by(frame.image, whole_face(face.landmarks.points, self._side), self._side) for face in worn]
        made = self._run([crop.image for crop in crops], self._settings.morph)
        patches = iter([self._patch(*each) for each in zip(worn, crops, made, strict=True)])
        return [next(patches) if there else None for there in seen]

    def _run(self, crops: Sequence[Image], morph: float) -> list[_Output]:
        made: list[_Output] = []
        for first in range(0, len(crops), self._batch):
            made += self._checked_run(crops[first : first + self._batch], morph)
        return made

    def _checked_run(self, crops: Sequence[Image], morph: float) -> list[_Output]:
        """Run the model once and check its outputs; raises a `ModelError`."""
        fed: dict[str, Array] = {self._picture.name: blob(crops, BGR_LAST)}
        if self._morph is not None:
            fed[self._morph.name] = np.array([morph], np.float32)
        given = self._session.run(fed)
        for name, channels in zip(self._outputs, (1, 3, 1), strict=True):
            wanted = len(crops), self._side, self._side, channels
            if given[name].shape != wanted:
                raise ModelMismatch(
                    f"{self.name}: output {name!r} came as {shape_text(given[name].shape)}, expected is {shape_text(wanted)}",
                    "export the model once more with DeepFaceLab",
                )
            check_finite(self.name, given[name])
        target, face, mask = (given[name] for name in self._outputs)
        return [_Output(*each) for each in zip(pictures(face, BGR_LAST), masks(target), masks(mask), strict=True)]

    def _patch(self, face: TrackedFace, crop: Crop, made: _Output) -> FacePatch:
        local = geometry.apply(crop.frame_to_crop, face.landmarks.points[:, :2])
        outline = np.asarray(cv2.min(box_mask(self._side), outline_mask(local, face.yaw, self._side)), np.uint8)
        mask = self._mask(made)
        # A mask that shows too little is wrong.
        if not shows_enough(without_occluder(np.asarray(cv2.min(mask, outline), np.uint8), local, face.known), outline):
            mask = outline
        return patch_of(made.face, mask, crop, without_occluder(mask, local, face.known), self._settings)

    def _mask(self, made: _Output) -> Mask:
        """Return the mask of the new face: the inside of both masks."""
        own = made.mask if self._settings.occlusion == "off" else cv2.min(made.mask, made.target_mask)
        return np.asarray(cv2.min(softened(np.asarray(own, np.uint8)), box_mask(self._side)), np.uint8)


def whole_face(points: Floats, side: int) -> Affine:
    """Return the transform from the picture to DeepFaceLab's `whole_face` crop, for landmarks (478, 3)."""
    marks = np.array([entry[0] for entry in _MEAN_FACE])
    places = np.array([entry[1:] for entry in _MEAN_FACE])
    return geometry.similarity(points[marks, :2], ((places - TUNING.middle_xy) / TUNING.coverage + 0.5) * side)


def softened(mask: Mask) -> Mask:
    """Shrink and soften a mask, uint8 (side, side), in proportion to the side, as FaceFusion does."""
    side = len(mask)
    reference = TUNING.mask_side
    small = mask if side <= reference else cv2.resize(mask, (reference, reference), interpolation=cv2.INTER_AREA)
    share = len(small) / reference
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    eroded = cv2.erode(small, ellipse, iterations=max(1, round(TUNING.mask_erosions * share)))
    soft = cv2.GaussianBlur(eroded, (0, 0), TUNING.mask_sigma * share)
    return np.asarray(soft if side <= reference else cv2.resize(soft, (side, side)), np.uint8)


def _side_of(model_id: str, shape: Shape) -> int:
    """Return the side of the crops; raises `ModelMismatch` unless it is a fixed square of a usable size."""
    height, width = shape[1:3]
    if not isinstance(height, int) or not isinstance(width, int):
        raise ModelMismatch(
            f"{model_id} leaves the size of its picture free ({shape_text(shape)}), so that its training size is unknown",
            "export the model once more with DeepFaceLab, which writes its resolution",
        )
    if height != width or not TUNING.min_side <= height <= TUNING.max_side:
        raise ModelMismatch(
            f"{model_id} takes a picture of {shape_text(shape)}, "
            f"expected is a square of {TUNING.min_side} to {TUNING.max_side} pixels",
            "choose another model",
        )
    return height


def _batch_of(model_id: str, shape: Shape) -> int:
    """Return the number of crops a run; raises `ModelMismatch` for one that is fixed to more than 1."""
    if not isinstance(shape[0], int):
        return TUNING.batch
    if shape[0] != 1:
        raise ModelMismatch(f"{model_id} takes {shape[0]} faces at once, expected is one or any number", "choose another model")
    return 1
