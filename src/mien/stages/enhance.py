"""Detail that an enhancing network adds to worn faces."""

from collections.abc import Sequence

from mien.contracts import Enhancer
from mien.settings import Settings
from mien.types import FacePatch, Frame, TrackedFace


class Enhancement:
    """The memory of one stream of frames; give it every frame, in order."""

    def reset(self) -> None:
        """Another stream: nothing that was known holds."""

    def enhance(
        self, frame: Frame, worn: Sequence[tuple[TrackedFace, FacePatch]], enhancer: Enhancer, settings: Settings
    ) -> list[tuple[TrackedFace, FacePatch]]:
        """The same faces with finer patches; `frame` is as it was before any patch is laid, and is not changed."""
        return list(worn)
