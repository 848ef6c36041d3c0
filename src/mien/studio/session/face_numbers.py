"""Numbers of the faces in the live picture, for the page: the same as long as a face is in sight, or has a part."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from mien.live.frame_swapper import ShownFace
from mien.studio.session.parts import ME

_KEPT_TRACKS = 8  # that are out of sight keep their numbers: a lost one may be back in the next frame
_DECIMALS = 4  # of a share of the picture: a tenth of a pixel


@dataclass(frozen=True, slots=True)
class NumberedFace:
    """A face of the newest frame; number 0 is the enrolled person."""

    number: int
    track_id: int
    face: ShownFace


class FaceNumbers:
    """Gives each face a small number; give it the faces of every frame, in order, from one thread."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._seen: tuple[NumberedFace, ...] = ()

    def update(self, faces: Sequence[ShownFace], given: Collection[int]) -> tuple[NumberedFace, ...]:
        """Return the faces with their numbers; `given` are those of people who have a part, who keep them."""
        named = {face.track_id: 0 if face.name == ME else int(face.name) for face in faces if face.name is not None}
        others = {face.track_id for face in faces} - set(named)
        # Who is recognised on another track takes the number along.
        numbers = {
            track: number for track, number in self._numbers.items() if track not in named and number not in named.values()
        }
        taken = {*given, *numbers.values()}
        for track in sorted(others - set(numbers)):
            number = next(number for number in range(1, len(taken) + 2) if number not in taken)
            taken.add(number)
            numbers[track] = number
        away = [track for track in numbers if track not in others][-_KEPT_TRACKS:]
        self._numbers = {track: numbers[track] for track in (*away, *sorted(others))}
        self._seen = tuple(NumberedFace({**numbers, **named}[face.track_id], face.track_id, face) for face in faces)
        return self._seen

    def track_of(self, number: int) -> int | None:
        """Return the track that has this number in the newest frame."""
        return next((each.track_id for each in self._seen if each.number == number), None)


def described(faces: Sequence[NumberedFace], width: int, height: int) -> list[dict[str, Any]]:
    """Return the faces for the page, their places as shares of a picture of this size."""
    rows = []
    for each in faces:
        x1, y1, x2, y2 = each.face.box
        place = x1 / width, y1 / height, (x2 - x1) / width, (y2 - y1) / height
        rows.append({"number": each.number, "fate": each.face.fate, "place": [round(value, _DECIMALS) for value in place]})
    return rows
