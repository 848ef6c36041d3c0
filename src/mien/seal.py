"""The last step of every file: signed, read back from the disk, and noted in the ledger; or there is no file."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mien.errors import SealBroken
from mien.media.picture import is_picture, read_picture
from mien.media.videoreader import VideoReader
from mien.provenance.claim import Claim
from mien.provenance.credentials import read_credentials, sign_file
from mien.provenance.identity import Identity
from mien.provenance.ledger import Ledger, Output
from mien.provenance.markreader import MarkFound, MarkReader
from mien.types import Image

READ_TOGETHER = 24
"""Frames of a video whose marks are read together."""
_MOST_FRAMES_BACK = 240
"""A mark that cannot be read from so many frames of what was written counts as lost."""
_MOST_PIXELS = 2**31
_MOST_BYTES = 2**50


@dataclass(frozen=True, slots=True)
class Notary:
    """Seals files with the identity of this installation; `timestamp_url` is a time-stamp authority (RFC 3161), if any."""

    identity: Identity
    ledger: Ledger
    timestamp_url: str | None = None

    def seal(
        self,
        path: Path,
        claim: Claim,
        kind: str,
        fingerprints: Iterable[int],
        parent: Path | None,
        parent_title: str | None = None,
    ) -> tuple[str, ...]:
        """Sign `path`, read it back, note it; what the person should know. `parent` is the file that was changed.

        Formats that hold no credentials get a receipt beside them. Raises `ProvenanceError`; then the file is not to be used.
        """
        signed = sign_file(
            path, claim, self.identity, parent=parent, timestamp_url=self.timestamp_url, parent_title=parent_title
        )
        self._check_credentials(path, claim)
        _check_mark(path, claim)
        output = Output(claim.mark_id, kind, claim.title, claim.made_at, signed.manifest_sha256)
        self.ledger.record(output, fingerprints)
        return signed.warnings

    def _check_credentials(self, path: Path, claim: Claim) -> None:
        anchors = [self.identity.root] if self.identity.root is not None else []
        found = read_credentials(path, anchors=anchors)
        if found.state not in {"trusted", "unknown-signer"} or found.mark_id != claim.mark_id:
            raise SealBroken(
                f"the credentials of {claim.title} cannot be read back ({found.state})", "nothing was written; try again"
            )


def find_mark(images: Iterable[Image]) -> MarkFound | None:
    """The mark that these pictures of one file or input carry as a whole; None when there is none."""
    reader = MarkReader()
    for image in images:
        reader.add(image)
    return reader.read()


def first_frames(path: Path, start_s: float | None = None) -> Iterator[Image]:
    """Pictures of a video from `start_s` on; raises a `MediaError`."""
    with VideoReader(path, max_pixels=_MOST_PIXELS, max_bytes=_MOST_BYTES, start_s=start_s) as reader:
        for _ in range(READ_TOGETHER):
            frame = reader.read()
            if frame is None:
                return
            yield frame.image


def _check_mark(path: Path, claim: Claim) -> None:
    if is_picture(path):
        picture = read_picture(path, max_pixels=_MOST_PIXELS, max_bytes=_MOST_BYTES)
        found = find_mark([picture.frame.image])
        if found is not None and found.mark_id == claim.mark_id:
            return
        remedy = "raise --quality, or use a larger picture"
    else:
        if _mark_in_video(path, claim.mark_id):
            return
        remedy = "raise --quality, or use a larger video"
    raise SealBroken(f"the invisible mark of {claim.title} cannot be read back; nothing was written", remedy)


def _mark_in_video(path: Path, mark_id: int) -> bool:
    """Whether the mark is read from the first frames, more of them while it is not."""
    marks = MarkReader()
    with VideoReader(path, max_pixels=_MOST_PIXELS, max_bytes=_MOST_BYTES) as reader:
        for count in range(1, _MOST_FRAMES_BACK + 1):
            frame = reader.read()
            if frame is None:
                break
            marks.add(frame.image)
            if count % READ_TOGETHER == 0 and _is(marks.read(), mark_id):
                return True
    return _is(marks.read(), mark_id)


def _is(found: MarkFound | None, mark_id: int) -> bool:
    return found is not None and found.mark_id == mark_id
