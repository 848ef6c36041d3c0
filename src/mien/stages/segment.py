"""What segmenting networks say of things before a face, carried along with the mesh."""

from collections.abc import Sequence

from mien.contracts import Segmenter
from mien.types import Frame, TrackedFace


class Segmentation:
    """The memory of one stream of frames; give it every frame, in order."""

    def reset(self) -> None:
        """Another stream: nothing that was known holds."""

    def update(self, frame: Frame, faces: tuple[TrackedFace, ...], segmenters: Sequence[Segmenter]) -> tuple[TrackedFace, ...]:
        """The faces, their `known.occluder` joined with what the networks say; the picture is not changed."""
        return faces
