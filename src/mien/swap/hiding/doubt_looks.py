"""Second looks at doubtful faces: is there a hand in the place, does a mesh fit there, is it on a person's clothes?"""

from collections.abc import Sequence
from dataclasses import dataclass

from mien.contracts import HandFinder, Landmarker
from mien.imaging import geometry
from mien.swap.hiding.face_path import FacePath
from mien.swap.tracking.rotated_detector import RotatedSearch
from mien.types import Image

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class DoubtTuning:
    """Faces that are looked at a second time, and how. Evidence: `mien evaluate --only anonymise`."""

    sure_score: float = 0.84
    """Score from which a face is none of a hand; hands have up to 0.83 (12 clips of signing)."""
    least_pixels: float = 28.0
    most_looks: int = 12
    """Size from which a doubtful face may be a hand, and the number of looks of each kind at it."""
    hand_crops: tuple[float, ...] = (2.5, 4.0)
    hand_overlap: float = 0.5
    """Sides in face sizes of the squares in which a hand is sought, and the share of the face's box that the hand's must have:
    a hand before a part of a face is none in its place."""
    mesh_presence: float = 0.5
    """Presence from which a mesh fits, and one that does is enough: hands have up to 0.3, faces of 8 pixels 0.9 and more."""
    person_score: float = 0.9
    reach_across: float = 3.0
    reach_down: tuple[float, float] = (0.6, 4.5)
    reach_share: float = 0.35
    """Score of a sure face, and the place below it where that person's hands and clothes are, in sizes of that face: how far to
    the sides and down, and the largest size of a pattern on them. Larger finds may be profiles, which have no mesh either."""


TUNING = DoubtTuning()


class DoubtLooks:
    """Looks for hands and for meshes in the places of doubtful faces; `close` reads a crop around a place."""

    def __init__(self, close: RotatedSearch, hands: HandFinder, landmarker: Landmarker, tuning: DoubtTuning = TUNING) -> None:
        self._close = close
        self._hands = hands
        self._landmarker = landmarker
        self._tuning = tuning

    def look(self, path: FacePath, image: Image, number: int, least_score: float, others: Sequence[FacePath] = ()) -> None:
        """Count what the newest sighting of a path shows, if it is of this frame and doubtful; `others` are followed, too."""
        tuning, last = self._tuning, path.last
        if path.best_score >= tuning.sure_score or last.frame != number:
            return
        if not path.meshes and path.mesh_looks < tuning.most_looks:
            path.mesh_looks += 1
            path.meshes += self._is_mesh(path, image)
            path.in_reach += any(self._reaches(other, path) for other in others if other is not path)
        large = last.box.size >= tuning.least_pixels
        if large and last.score >= least_score and path.hand_looks < tuning.most_looks:
            path.hand_looks += 1
            path.hands += self._is_hand(path, image)

    def _reaches(self, person: FacePath, path: FacePath) -> bool:
        """Return True where a path's newest sighting is small, and where the hands and clothes of a sure face's person are."""
        tuning, face, found = self._tuning, person.last, path.last.box
        if person.best_score < tuning.person_score or face.frame != path.last.frame:
            return False
        across, down = (found.x - face.box.x) / face.box.size, (found.y - face.box.y) / face.box.size
        below = tuning.reach_down[0] < down < tuning.reach_down[1]
        return below and abs(across) < tuning.reach_across and found.size < tuning.reach_share * face.box.size

    def _is_mesh(self, path: FacePath, image: Image) -> bool:
        read = self._close.read(image, path.last.box, path.last.roll)
        if read is None:
            return False
        landmarks = self._landmarker.fit(image, read.points)
        return self._landmarker.fit(image, landmarks.points).presence >= self._tuning.mesh_presence

    def _is_hand(self, path: FacePath, image: Image) -> bool:
        tuning, last = self._tuning, path.last
        for crop in tuning.hand_crops:
            for hand in self._hands.search(image, (last.box.x, last.box.y), crop * last.box.size):
                if _share_under(last.box_xyxy, geometry.box_of(hand.points)) > tuning.hand_overlap:
                    return True
        return False


def _share_under(box_xyxy: Box, other_xyxy: Box) -> float:
    """Return the share of a box that lies in another one."""
    width = min(box_xyxy[2], other_xyxy[2]) - max(box_xyxy[0], other_xyxy[0])
    height = min(box_xyxy[3], other_xyxy[3]) - max(box_xyxy[1], other_xyxy[1])
    area = (box_xyxy[2] - box_xyxy[0]) * (box_xyxy[3] - box_xyxy[1])
    return max(width, 0.0) * max(height, 0.0) / area if area > 0 else 0.0
