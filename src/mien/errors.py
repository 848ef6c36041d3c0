"""Every error that mien raises on purpose.

::

    MienError
    ├── UsageError              the request makes no sense as it stands            exit 2
    ├── SourceFaceError         the photo cannot be used as a source face          exit 3
    │   ├── NoSourceFace
    │   ├── SeveralSourceFaces
    │   ├── SourceFaceTooSmall
    │   ├── SourceFaceBlurred
    │   ├── SourceFaceTurned
    │   ├── SourceFaceCovered
    │   └── SourceFaceStranger
    ├── MediaError              a picture, video or device cannot be read          exit 4
    │   ├── UnreadableMedia
    │   ├── UnsupportedMedia
    │   ├── MediaTooLarge
    │   └── SourceLost
    ├── OutputError             the result cannot be written                       exit 5
    ├── NoFaceFound             no face to swap in the whole target                exit 6
    ├── Cancelled               stopped because somebody asked                    exit 130
    ├── ContentRefused          the content check takes the target for nudity      exit 9
    ├── ProvenanceError         an output cannot be marked, signed or noted        exit 8
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

An error carries what happened (`str(error)`), what the person can do (`remedy`) and the exit code of the command line.
"""

from typing import ClassVar


class MienError(Exception):
    """The root: one clear line on what happened, one on what to do."""

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.remedy = remedy


class UsageError(MienError):
    """The request contradicts itself or names something that does not exist."""

    exit_code = 2


class SourceFaceError(MienError):
    """The photo holds no face that can be worn."""

    exit_code = 3


class NoSourceFace(SourceFaceError):
    """The detector found nobody in the photo."""


class SeveralSourceFaces(SourceFaceError):
    """More than one face, and nobody said which."""


class SourceFaceTooSmall(SourceFaceError):
    """The face has too few pixels."""


class SourceFaceBlurred(SourceFaceError):
    """The face has too little detail."""


class SourceFaceTurned(SourceFaceError):
    """The face looks too far away from the camera."""


class SourceFaceCovered(SourceFaceError):
    """Something hides part of the face, or the face is cut by the border."""


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


class NoFaceFound(MienError):
    """The target holds no face that could be swapped."""

    exit_code = 6


class ContentRefused(MienError):
    """The content check takes what would be written for nudity."""

    exit_code = 9


class Cancelled(MienError):
    """The work was stopped on request; nothing was written."""

    exit_code = 130


class ModelError(MienError):
    """A model cannot be used."""

    exit_code = 7


class ModelMissing(ModelError):
    """The file is not where it should be."""


class ModelDamaged(ModelError):
    """The file's sha256 is not the one of the catalogue, or the file is no whole ONNX file."""


class ModelMismatch(ModelError):
    """The file opens, but its inputs or outputs are not those of its family."""


class ModelRefused(ModelError):
    """The file holds what could do harm, or nobody vouches for it."""


class DownloadFailed(ModelError):
    """No address gave the model, or it cannot be pulled at all."""


class DeviceUnavailable(ModelError):
    """What models were to run on does not work on this machine, or not with this model."""


class DeviceFull(ModelError):
    """The device has too little memory left for the model."""


class ProvenanceError(MienError):
    """An output cannot be marked, signed or noted in the ledger; then there is no output."""

    exit_code = 8


class MarkImpossible(ProvenanceError):
    """The picture is too small to carry the invisible mark."""


class SealBroken(ProvenanceError):
    """What was written does not carry, when it is read back, what it has to."""


class KeyUnavailable(ProvenanceError):
    """The private key that signs is lost, locked or unreadable."""


class CertificateUnusable(ProvenanceError):
    """The signer's certificate is damaged, out of date, made for something else, or not that of the key."""


class SigningFailed(ProvenanceError):
    """The signature was refused or came out wrong."""
