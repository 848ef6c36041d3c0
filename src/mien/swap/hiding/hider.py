"""Hider: covers in every frame what the plan says, in the order of the frames."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from mien.errors import UnreadableMedia
from mien.swap.hiding.cover_plan import CoverPlan, is_drawn
from mien.swap.hiding.frame_print import print_of
from mien.swap.hiding.stand_in_layer import StandInLayer
from mien.swap.pipeline import SeenFrame
from mien.swap.stages.cover import Cover
from mien.swap.tracking.tracker import Tracker
from mien.types import Frame, FrameResult, Image


@dataclass(frozen=True, slots=True)
class StandIns:
    """Stand-ins over the covers of a stream, and the tracker of its faces."""

    layer: StandInLayer
    tracker: Tracker


class Hider:
    """Covers the frames of a film that was searched before; `pts` and `prints` are those of the frames that were searched.
    `before` is called with the number and the picture of each frame before it is covered, `stand_ins` lie over the covers.

    Frames come in order, as to a `Pipeline`. A frame that was not searched
    never passes: `UnreadableMedia` says that the file has changed.
    """

    def __init__(
        self,
        cover: Cover,
        plan: CoverPlan,
        pts: Sequence[int],
        prints: Sequence[int],
        before: Callable[[int, Image], None] | None = None,
        stand_ins: StandIns | None = None,
    ) -> None:
        self._before = before
        self._stand_ins = stand_ins
        self._cover = cover
        self._plan = plan
        self._pts = pts
        self._prints = prints
        self._next = 0

    def track_all(self, frames: Iterable[Frame]) -> Iterator[SeenFrame]:
        """Yield every frame as it is, with the faces that may wear a stand-in."""
        for frame in frames:
            yield self._track(frame)

    def _track(self, frame: Frame) -> SeenFrame:
        return SeenFrame(frame, () if self._stand_ins is None else self._stand_ins.tracker.update(frame), {})

    def swap(self, seen: SeenFrame) -> FrameResult:
        """Cover the heads of the frame, in place, and lay the stand-ins over them."""
        number, frame = self._next, seen.frame
        if number >= len(self._pts) or (self._pts[number], self._prints[number]) != (frame.pts, print_of(frame.image)):
            raise UnreadableMedia(
                f"frame {number + 1} differs from the one that was searched for faces",
                "the file has changed, or is damaged: run it again on a copy that rests",
            )
        self._next += 1
        if self._before is not None:
            self._before(number, frame.image)
        regions = self._plan.regions(number)
        self._cover.draw(frame.image, regions)
        if self._stand_ins is not None:
            self._stand_ins.layer.draw(frame, number, regions, seen.faces)
            # What somebody drew by hand hides a stand-in, too.
            self._cover.draw(frame.image, [each for each in regions if is_drawn(each[0])])
        return FrameResult(frame, (), (), covered=len(regions))

    def swap_frame(self, frame: Frame) -> FrameResult:
        """Cover the heads of a frame, in place."""
        return self.swap(self._track(frame))
