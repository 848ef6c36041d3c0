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


TUNING = LayerTuning()


@dataclass(slots=True)
class StandInLayer:
    """Stand-ins for the paths in `worn`, by number.

    `drawn` counts the covered faces of all frames, and those that wore a stand-in.
    """

    paths: Mapping[int, FacePath]
    worn: Mapping[int, Persona]
    tuning: LayerTuning = TUNING
    drawn: dict[str, int] = field(default_factory=lambda: {"covered": 0, "with_stand_in": 0})

    def draw(self, frame: Frame, number: int, regions: Regions, faces: Sequence[TrackedFace]) -> tuple[TrackedFace, ...]:
        """Lay stand-ins over frame `number`, in place, whose `regions` are covered already; `faces` were seen before.

        Return the faces that wear one, with the landmarks of their patches.
        """
        sure = self._sure(number, regions, faces)
        self.drawn["covered"] += len(regions)
        if not sure:
            return ()
        covers = {face.track_id: region for face, _, region in sure}
        personas = {face.track_id: persona for face, persona, _ in sure}
        shapes = {track: persona.shape for track, persona in personas.items()}
        lit = replace(frame, image=frame.image.copy())
        moved = reshape_each(lit.image, tuple(face for face, _, _ in sure), shapes, 1.0)
        prepared = {track: (persona.engine, persona.prepared) for track, persona in personas.items()}
        patches = make_patches(lit, moved, prepared)
        for face, patch in patches:
            _darken_mouth(frame.image, face.landmarks.points)
            _lay(frame.image, patch, covers[face.track_id], self.tuning.most_gain)
        self.drawn["with_stand_in"] += len(patches)
        return tuple(face for face, _ in patches)

    def _sure(
        self, number: int, regions: Regions, faces: Sequence[TrackedFace]
    ) -> list[tuple[TrackedFace, Persona, HeadRegion]]:
        """Return the faces that surely are those of paths, each with what it wears and its cover."""
        tuning = self.tuning
        pairs = []
        for path_number, region in regions:
            path, persona = self.paths.get(path_number), self.worn.get(path_number)
            if path is None or persona is None:
                continue
            seen, _ = path.around(number)
            if seen is None or seen.frame != number:
                continue
            for face in faces:
                points, box = face.landmarks.points, FaceBox.of_points(face.landmarks.points)
                clear = face.landmarks.presence >= tuning.least_presence and abs(face.yaw) <= tuning.largest_yaw
                apart = seen.box.distance(box)
                fits = clear and apart <= tuning.near and seen.box.growth(box) <= tuning.growth
                if fits and np.mean([region.holds(x, y) for x, y in points[:, :2].tolist()]) >= tuning.least_inside:
                    pairs.append((apart, face, persona, region, path_number))
        taken_paths: set[int] = set()
        taken: dict[int, tuple[TrackedFace, Persona, HeadRegion]] = {}
        for _, face, persona, region, path_number in sorted(pairs, key=lambda pair: pair[0]):
            if path_number not in taken_paths and face.track_id not in taken:
                taken_paths.add(path_number)
                taken[face.track_id] = face, persona, region
        return list(taken.values())


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
