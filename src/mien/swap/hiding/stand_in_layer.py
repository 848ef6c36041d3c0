"""Layer of stand-ins: another face over the cover of each face of which the mesh is sure.

All that it knows of the person is the cover, which is drawn first, and the mesh: its light and tones come from the covered
picture. So nothing of the person's skin, eyes, teeth, glasses or beard can come through, and where it fails, the cover is left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.swap.hiding.cover_plan import Regions
from mien.swap.hiding.face_path import FacePath
from mien.swap.hiding.stand_in_fade import StandInFades
from mien.swap.persona import Persona
from mien.swap.stages.compose import compose, in_frame
from mien.swap.stages.cover import HeadRegion, mask_of
from mien.swap.stages.make_patches import make_patches
from mien.swap.stages.reshape import reshape_each
from mien.swap.tracking.box import FaceBox
from mien.types import Array, FacePatch, Floats, Frame, Image, TrackedFace


@dataclass(frozen=True, slots=True)
class LayerTuning:
    """Faces that are sure enough for a stand-in; chosen by eye."""

    least_presence: float = 0.9
    """As `TrackerTuning.sure_presence`."""
    largest_yaw: float = 50.0
    """Degrees; beyond, one half of the mesh is a guess."""
    near: float = 0.5
    """Distance of the mesh from the sighting of this frame, in face sizes."""
    growth: float = 1.7
    most_gain: float = 4.0
    """Times that the stand-in is made brighter or darker, at most."""
    least_inside: float = 0.97
    """Share of the mesh that lies in the cover: a mesh that strays is not this face's."""
    fair_presence: float = 0.6
    fair_yaw: float = 58.0
    fair_frames: int = 3
    """Bounds within which a stand-in stays that is worn already, and frames to the nearest sighting."""


TUNING = LayerTuning()


@dataclass(slots=True)
class StandInLayer:
    """Stand-ins for the paths in `worn`, by number.

    `drawn` counts the covered faces of all frames, and those that wore a stand-in. With `fades`, for streams, stand-ins come
    and go softly and every frame has to be drawn, in order; without, a face wears one where it is sure.
    """

    paths: Mapping[int, FacePath]
    worn: Mapping[int, Persona]
    tuning: LayerTuning = TUNING
    fades: StandInFades | None = None
    drawn: dict[str, int] = field(default_factory=lambda: {"covered": 0, "with_stand_in": 0})

    def draw(self, frame: Frame, number: int, regions: Regions, faces: Sequence[TrackedFace]) -> tuple[TrackedFace, ...]:
        """Lay stand-ins over frame `number`, in place, whose `regions` are covered already; `faces` were seen before.

        Return the faces that wear one, with the landmarks of their patches and the number of the path as `track_id`.
        """
        covers = {path: region for path, region in regions if path in self.paths and path in self.worn}
        shown = {path: (face, 1.0) for path, face in self._fitting(number, covers, faces, fair=False).items()}
        if self.fades is not None:
            sure = {path: face for path, (face, _) in shown.items()}
            begun = {path for path in covers if self.paths[path].first_bound == number}
            shown = self.fades.step(frame.time_s, covers, sure, self._fitting(number, covers, faces, fair=True), begun)
        self.drawn["covered"] += len(regions)
        if not shown:
            return ()
        lit = replace(frame, image=frame.image.copy())
        wearing = tuple(replace(face, track_id=path) for path, (face, _) in shown.items())
        moved = reshape_each(lit.image, wearing, {path: self.worn[path].shape for path in shown}, 1.0)
        prepared = {path: (self.worn[path].engine, self.worn[path].prepared) for path in shown}
        patches = make_patches(lit, moved, prepared)
        for face, patch in patches:
            region, strength = covers[face.track_id], shown[face.track_id][1]
            below = frame.image.copy() if strength < 1 else frame.image
            _darken_mouth(frame.image, face.landmarks.points)
            _lay(frame.image, patch, region, self.tuning.most_gain)
            if strength < 1:
                cv2.addWeighted(frame.image, strength, below, 1 - strength, 0, dst=frame.image)
        self.drawn["with_stand_in"] += len(patches)
        return tuple(face for face, _ in patches)

    def _fitting(
        self, number: int, covers: Mapping[int, HeadRegion], faces: Sequence[TrackedFace], *, fair: bool
    ) -> dict[int, TrackedFace]:
        """Return the faces that are those of paths, by path: surely, or fairly."""
        tuning, pairs = self.tuning, []
        presence, yaw = (tuning.fair_presence, tuning.fair_yaw) if fair else (tuning.least_presence, tuning.largest_yaw)
        for path, region in covers.items():
            near = [seen for seen in self.paths[path].around(number) if seen is not None]
            seen = min(near, key=lambda each: abs(each.frame - number))
            if abs(seen.frame - number) > (tuning.fair_frames if fair else 0):
                continue
            for face in faces:
                points, box = face.landmarks.points, FaceBox.of_points(face.landmarks.points)
                clear = face.landmarks.presence >= presence and abs(face.yaw) <= yaw
                apart = seen.box.distance(box)
                fits = clear and apart <= tuning.near and seen.box.growth(box) <= tuning.growth
                if fits and np.mean([region.holds(x, y) for x, y in points[:, :2].tolist()]) >= tuning.least_inside:
                    pairs.append((apart, face, path))
        found: dict[int, TrackedFace] = {}
        taken: set[int] = set()
        for _, face, path in sorted(pairs, key=lambda pair: pair[0]):
            if path not in found and face.track_id not in taken:
                taken.add(face.track_id)
                found[path] = face
        return found


def _darken_mouth(image: Image, points: Floats) -> None:
    """Fill the place between the lips, in place: a stand-in has no teeth, and the person's own are covered."""
    outline = np.round(points[list(landmark_sets.INNER_LIPS), :2] * (1 << _SHIFT)).astype(np.int32)
    cv2.fillPoly(image, [outline], _MOUTH_BGR, cv2.LINE_AA, _SHIFT)


_MOUTH_BGR = (34, 30, 52)  # the dark of an open mouth; chosen by eye
_SHIFT = 4  # binary digits of a sixteenth of a pixel, for OpenCV


def _lay(image: Image, patch: FacePatch, region: HeadRegion, most_gain: float) -> None:
    """Lay a patch over a covered picture, inside the cover alone, as bright and as coloured as the cover is on the whole."""
    laid = in_frame(patch, image.shape[1], image.shape[0])
    if laid is None:
        return
    left, top = (round(float(value)) for value in laid.crop_to_frame[:, 2])
    height, width = laid.mask.shape
    mask = np.minimum(laid.mask, mask_of(region, left, top, width, height))
    below = image[max(top, 0) : top + height, max(left, 0) : left + width]
    own = laid.crop[max(-top, 0) :, max(-left, 0) :][: below.shape[0], : below.shape[1]]
    shown = np.ascontiguousarray(mask[max(-top, 0) :, max(-left, 0) :][: below.shape[0], : below.shape[1]])
    # One gain for each colour: the cover's blocks have noise, which a finer light would bring into the face.
    wanted, mean = (np.array(cv2.mean(np.ascontiguousarray(each), shown)[:3]) for each in (below, own))
    gain = np.clip((wanted + 1) / (mean + 1), 1 / most_gain, most_gain)
    compose(image, FacePatch(_times(laid.crop, gain), mask, laid.crop_to_frame))


def _times(crop: Image, gain: Array) -> Image:
    """Return the crop, BGR uint8, times a gain for each colour."""
    tables = np.clip(np.arange(256)[:, None] * gain, 0, 255).round().astype(np.uint8).reshape(256, 1, 3)
    return np.asarray(cv2.LUT(crop, tables), np.uint8)
