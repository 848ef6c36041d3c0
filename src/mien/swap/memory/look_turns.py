"""Turns at which a network looks at the faces of a stream, so that the work of its frames is even."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(slots=True)
class _Turn:
    """Frame of the last look at one face, and the phase of its looks."""

    last_frame: int
    phase: int


class LookTurns:
    """Every `every_frames` frames each face has its turn; a new face at once, and one that is lost for a frame starts afresh.

    Faces are named by their `track_id`.
    """

    def __init__(self, every_frames: int) -> None:
        self._every = every_frames
        self._turns: dict[int, _Turn] = {}
        self._frame = 0

    def reset(self) -> None:
        """Forget everything: another stream begins."""
        self._turns = {}

    def due(self, present: Iterable[int]) -> list[int]:
        """Begin a frame with these faces; return those whose turn it is."""
        self._frame += 1
        faces = list(present)
        self._turns = {number: self._turns[number] for number in faces if number in self._turns}
        return [number for number in faces if self._is_due(self._turns.get(number))]

    def looked(self, number: int, *, again: bool = False) -> None:
        """Note that a face was looked at in this frame; with `again` its next turn is in the next frame."""
        turn = self._turns.get(number)
        phase = self._free_phase() if turn is None else turn.phase
        self._turns[number] = _Turn(self._frame - self._every if again else self._frame, phase)

    def _is_due(self, turn: _Turn | None) -> bool:
        return turn is None or self._frame - turn.last_frame >= self._every or self._frame % self._every == turn.phase

    def _free_phase(self) -> int:
        """Choose the phase with the fewest faces; the first face has its next turn as late as possible."""
        taken = [sum(turn.phase == phase for turn in self._turns.values()) for phase in range(self._every)]
        return min(range(self._every), key=lambda phase: (taken[phase], phase != self._frame % self._every))
