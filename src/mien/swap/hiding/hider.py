"""Hider: covers in every frame what the plan says, in the order of the frames."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from mien.errors import UnreadableMedia
from mien.swap.hiding.cover_plan import CoverPlan
from mien.swap.pipeline import SeenFrame
from mien.swap.stages.cover import Cover
from mien.types import Frame, FrameResult, Image


class Hider:
    """Covers the frames of a film that was searched before; `pts` are those of the frames that were searched.
    `before` is called with the number and the picture of each frame before it is covered.

    Frames come in order, as to a `Pipeline`. A frame that was not searched
    never passes: `UnreadableMedia` says that the file has changed.
    """

    def __init__(
        self, cover: Cover, plan: CoverPlan, pts: Sequence[int], before: Callable[[int, Image], None] | None = None
    ) -> None:
        self._before = before
        self._cover = cover
        self._plan = plan
        self._pts = pts
        self._next = 0

    def track_all(self, frames: Iterable[Frame]) -> Iterator[SeenFrame]:
        """Yield every frame as it is."""
        for frame in frames:
            yield SeenFrame(frame, (), {})

    def swap(self, seen: SeenFrame) -> FrameResult:
        """Cover the heads of the frame, in place."""
        number, frame = self._next, seen.frame
        if number >= len(self._pts) or self._pts[number] != frame.pts:
            raise UnreadableMedia(
                f"frame {number + 1} differs from the one that was searched for faces",
                "the file has changed, or is damaged: run it again on a copy that rests",
            )
        self._next += 1
        if self._before is not None:
            self._before(number, frame.image)
        regions = self._plan.regions(number)
        self._cover.draw(frame.image, regions)
        return FrameResult(frame, (), (), covered=len(regions))

    def swap_frame(self, frame: Frame) -> FrameResult:
        """Cover the heads of a frame, in place."""
        return self.swap(SeenFrame(frame, (), {}))
