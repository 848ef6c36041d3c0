"""A swapping network that takes a crop of the target and a crop of the source's photo."""

from collections.abc import Sequence

from mien.contracts import Session
from mien.face.aligned_crop import crop_to, cut
from mien.face.mean_face import head_pose
from mien.imaging import geometry
from mien.imaging.arrays import locked
from mien.models.format.families import families
from mien.models.format.ports import bind
from mien.models.format.scale import PLAIN
from mien.models.format.swappers import Feed, PhotoFeed
from mien.models.format.tensors import blob
from mien.settings import Settings
from mien.swap.engines.network import Network
from mien.types import Array, FacePatch, Frame, SourceFace, TrackedFace


class PictureEngine:
    """A `contracts.Engine`. Raises `ModelMismatch` when the session is not of the family.

    Pictures cannot be averaged as embeddings can: one of several photos is taken, see `best_photo`.
    """

    wants_reshape = False

    def __init__(self, model_id: str, session: Session, family: str, feed: Feed, photo: PhotoFeed, settings: Settings) -> None:
        ports = families()[family]
        bound = bind(model_id, session, ports.inputs, ports.outputs)
        self.name = model_id
        self._photo = photo
        self._source = bound.taken(0)
        self._network = Network(model_id, session, feed, settings, bound.taken(1), bound.given(0))

    def prepare(self, source: SourceFace) -> Array:
        """Return the crop of the photo, (1, 3, side, side) in the network's own type, read-only."""
        best = best_photo(source, self._photo)
        crop = cut(best.image, best.landmarks.points, self._photo.template, self._photo.side)
        return locked(blob([crop.image], PLAIN).astype(self._source.dtype, copy=False))

    def swap(self, frame: Frame, faces: Sequence[TrackedFace], prepared: Array) -> list[FacePatch | None]:
        """Return a patch for each face, None where nothing of it is in the picture."""
        return self._network.swap(frame, faces, {self._source.name: prepared})


def best_photo(source: SourceFace, feed: PhotoFeed) -> SourceFace:
    """Return the photo whose face is most frontal and largest; more pixels than the network takes do not count."""

    def worth(photo: SourceFace) -> float:
        points = photo.landmarks.points
        pixels = min(1.0, 1 / geometry.scale_of(crop_to(feed.template, feed.side, points)))
        return float(head_pose(points).rotation[2, 2]) * pixels

    return max(source.photos, key=worth)
