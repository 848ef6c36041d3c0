"""Looks at the faces of paths: the mesh of a sighting, and who it is."""

from dataclasses import dataclass

from mien.contracts import Landmarker, Recogniser
from mien.face.head_pose import yaw_of_mesh
from mien.swap.hiding.face_path import FacePath, Sighting
from mien.swap.people.look import Look, look_at
from mien.swap.tracking.rotated_detector import RotatedSearch
from mien.types import Frame, Image, TrackedFace


@dataclass(frozen=True, slots=True)
class PathLooker:
    """The networks that read a sighting closely."""

    landmarker: Landmarker
    recogniser: Recogniser
    close: RotatedSearch

    def face(self, image: Image, number: int, sighting: Sighting) -> TrackedFace | None:
        """Return the face of a sighting in its frame, BGR uint8, with `number` as its track; None where none is read."""
        found = self.close.read(image, sighting.box, sighting.roll)
        if found is None:
            return None
        landmarks = self.landmarker.fit(image, found.points)
        landmarks = self.landmarker.fit(image, landmarks.points)
        return TrackedFace(number, landmarks, 1, yaw_of_mesh(landmarks.points))

    def look(self, frame: Frame, path: FacePath) -> Look | None:
        """Return a look at the last sighting of a path, which is of this frame; None where it says nothing."""
        face = self.face(frame.image, path.number, path.last)
        return None if face is None else look_at(self.recogniser, frame.image, face, frame.time_s)
