"""Further looks at doubtful faces: hands in their place, meshes to fit, clothes below them, and whether it stays."""

from collections.abc import Sequence
from dataclasses import dataclass

from mien.contracts import HandFinder, Landmarker
from mien.imaging import geometry
from mien.swap.hiding.face_path import FacePath, Sighting
from mien.swap.hiding.passing import is_passing
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
    front_across: float = 1.5
    """Distance to the sides up to which a find of any size is in front of the person: of hands that pass it is 1.1 at most."""


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
            people = [other for other in others if other is not path]
            path.in_reach += any(self._reaches(other, path) for other in people)
            path.in_front += any(self._is_behind(other, path) for other in people)
        large = last.box.size >= tuning.least_pixels
        if large and last.score >= least_score and path.hand_looks < tuning.most_looks:
            path.hand_looks += 1
            path.hands += self._is_hand(path, image)

    def look_around(self, path: FacePath, sighting: Sighting, images: Sequence[Image]) -> None:
        """Count whether a doubtful sighting in the middle one of the images is gone in those before and after."""
        tuning = self._tuning
        if path.best_score >= tuning.sure_score or path.meshes or path.passing_looks >= tuning.most_looks:
            return
        if sighting.box.size >= tuning.least_pixels:
            path.passing_looks += 1
            path.passings += is_passing(images, sighting.box)

    def _reaches(self, person: FacePath, path: FacePath) -> bool:
        """Return True where a path's newest sighting is small, and where the hands and clothes of a sure face's person are."""
        tuning = self._tuning
        small = path.last.box.size < tuning.reach_share * person.last.box.size
        return small and self._is_below(person, path, tuning.reach_across)

    def _is_behind(self, person: FacePath, path: FacePath) -> bool:
        """Return True where a path's newest sighting is in front of the body of a sure face's person."""
        return self._is_below(person, path, self._tuning.front_across)

    def _is_below(self, person: FacePath, path: FacePath, most_across: float) -> bool:
        tuning, face, found = self._tuning, person.last, path.last.box
        if person.best_score < tuning.person_score or face.frame != path.last.frame:
            return False
        across, down = (found.x - face.box.x) / face.box.size, (found.y - face.box.y) / face.box.size
        return tuning.reach_down[0] < down < tuning.reach_down[1] and abs(across) < most_across

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
