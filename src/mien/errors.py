"""Every error that mien raises on purpose.

::

    MienError
    ├── UsageError              the request is invalid                             exit 2
    │   ├── AdulthoodNeeded
    │   └── TooManyFaces
    ├── SourceFaceError         the photo cannot be used as a source face          exit 3
    │   ├── NoSourceFace
    │   ├── SeveralSourceFaces
    │   ├── SourceFaceTooSmall
    │   ├── SourceFaceBlurred
    │   ├── SourceFaceTurned
    │   ├── SourceFaceCovered
    │   ├── SourceFaceChild
    │   └── SourceFaceStranger
    ├── MediaError              a picture, video or device cannot be read          exit 4
    │   ├── UnreadableMedia
    │   ├── UnsupportedMedia
    │   ├── MediaTooLarge
    │   └── SourceLost
    ├── OutputError             the result cannot be written                       exit 5
    │   └── DiskFull
    ├── NoFaceFound             no face to swap in the whole target                exit 6
    │   ├── FacesUnclear
    │   └── PersonNotFound
    ├── Cancelled               stopped on request                                exit 130
    ├── NotYet                  a part of a film waits for another one            exit 10
    ├── ContentRefused          the content check classifies it as nudity          exit 9
    ├── ProvenanceError         an output cannot be marked, signed or recorded     exit 8
    │   ├── MarkImpossible
    │   ├── KeyUnavailable
    │   ├── CertificateUnusable
    │   ├── SigningFailed
    │   └── SealBroken
    └── ModelError              a model file is missing, damaged or does not fit   exit 7
        ├── ModelMissing
        ├── ModelDamaged
        ├── ModelMismatch
        ├── ModelRefused
        ├── DownloadFailed
        ├── DeviceUnavailable
        └── DeviceFull

An error carries what happened (`str(error)`), what to do (`remedy`) and the exit code of the command line. Pages in other
languages say the same by its `key` and `values`.
"""

from collections.abc import Mapping


class MienError(Exception):
    """Root of the tree: one line on what happened, one on what to do."""

    exit_code: int = 1

    def __init__(
        self, what: str, remedy: str = "", *, key: str = "", values: Mapping[str, str | int | float] | None = None
    ) -> None:
        super().__init__(what)
        self.remedy = remedy
        self.values = dict(values or {})
        """Facts that the message names, such as a file or a limit."""
        self._key = key

    @property
    def key(self) -> str:
        """Name of the message, by which a page finds it in its own language; the `code` unless the error is more exact."""
        return self._key or self.code

    @property
    def code(self) -> str:
        """Name of the class in words with hyphens, by which programs and pages know the error."""
        name = type(self).__name__
        return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")


class UsageError(MienError):
    """The request contradicts itself or names something that does not exist."""

    exit_code = 2


class AdulthoodNeeded(UsageError):
    """The face looks young, and it was not stated that the person is an adult."""


class TooManyFaces(UsageError):
    """More faces are to be hidden at once than can be followed."""


class SourceFaceError(MienError):
    """The photo holds no face that can be worn."""

    exit_code = 3


class NoSourceFace(SourceFaceError):
    """The detector found no face in the photo."""


class SeveralSourceFaces(SourceFaceError):
    """The photo shows several faces, and none was chosen."""


class SourceFaceTooSmall(SourceFaceError):
    """The face has too few pixels."""


class SourceFaceBlurred(SourceFaceError):
    """The face is out of focus or smeared by motion."""


class SourceFaceTurned(SourceFaceError):
    """The face is turned too far from the camera."""


class SourceFaceCovered(SourceFaceError):
    """An occluder hides part of the face, or the border cuts it."""


class SourceFaceChild(SourceFaceError):
    """The face looks like a child's."""


class SourceFaceStranger(SourceFaceError):
    """A further photo shows another person than the first one."""


class MediaError(MienError):
    """A picture, a video or a device cannot be read."""

    exit_code = 4


class UnreadableMedia(MediaError):
    """The file is missing, empty, damaged or not what its name says."""


class UnsupportedMedia(MediaError):
    """A known format, but not one that mien reads or writes."""


class MediaTooLarge(MediaError):
    """The file announces more pixels or bytes than the limits allow."""


class SourceLost(MediaError):
    """A live source went away."""


class OutputError(MienError):
    """The result cannot be written where it was asked for."""

    exit_code = 5


class DiskFull(OutputError):
    """The disk, or this user's share of it, is full."""


class NoFaceFound(MienError):
    """The target holds no face that could be swapped."""

    exit_code = 6


class FacesUnclear(NoFaceFound):
    """There are faces, but none is seen well enough to tell whose it is."""


class PersonNotFound(NoFaceFound):
    """There are faces, but none of the people who are to wear one."""


class ContentRefused(MienError):
    """The content check classifies the output as nudity."""

    exit_code = 9


class NotYet(MienError):
    """The part of a film is being made elsewhere, or the part before it is not made yet: try again later."""

    exit_code = 10


class Cancelled(MienError):
    """The work was stopped on request; nothing was written."""

    exit_code = 130


class ModelError(MienError):
    """A model cannot be used."""

    exit_code = 7


class ModelMissing(ModelError):
    """The file is not where it should be."""


class ModelDamaged(ModelError):
    """The file's sha256 is not the one of the catalogue, or the file is not a complete ONNX file."""


class ModelMismatch(ModelError):
    """The file opens, but its inputs or outputs are not those of its family."""


class ModelRefused(ModelError):
    """The file holds something harmful, or has no trusted origin."""


class DownloadFailed(ModelError):
    """No address served the model, or the model cannot be pulled."""


class DeviceUnavailable(ModelError):
    """The device does not work on this machine, or not with this model."""


class DeviceFull(ModelError):
    """The device has too little memory left for the model."""


class ProvenanceError(MienError):
    """An output cannot be marked, signed or recorded in the ledger; nothing is written."""

    exit_code = 8


class MarkImpossible(ProvenanceError):
    """The picture is too small to carry the invisible mark."""


class SealBroken(ProvenanceError):
    """The written file, read back, lacks its mark or credentials."""


class KeyUnavailable(ProvenanceError):
    """The private key that signs is lost, locked or unreadable."""


class CertificateUnusable(ProvenanceError):
    """The signer's certificate is damaged, out of date, for another purpose, or not for the key."""


class SigningFailed(ProvenanceError):
    """The signature was refused or does not verify."""
