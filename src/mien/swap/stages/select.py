"""Who wears the source face."""

from mien.types import TrackedFace


def wearers(faces: tuple[TrackedFace, ...]) -> tuple[TrackedFace, ...]:
    """Every tracked face wears the one source, the farther (smaller) one first, so that the nearer face lies on top."""
    return tuple(sorted(faces, key=_height))


def _height(face: TrackedFace) -> float:
    points = face.landmarks.points
    return float(points[:, 1].max() - points[:, 1].min())
