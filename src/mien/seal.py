"""The last step of every file: signed, read back from the disk, and noted in the ledger; or there is no file."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.errors import MediaError, SealBroken, UsageError
from mien.media.moving import Kind, kind_of, open_moving
from mien.media.picture import Picture, read_picture
from mien.provenance.claim import Claim
from mien.provenance.consent import Consents
from mien.provenance.credentials import read_credentials, sign_file
from mien.provenance.identity import Identity
from mien.provenance.ledger import Ledger, Output
from mien.provenance.markreader import MarkFound, MarkReader
from mien.types import Image

READ_TOGETHER = 24
"""Frames of a video whose marks are read together."""
_MOST_FRAMES_BACK = 96
"""A mark that cannot be read from so many frames of one place counts as lost there."""
_PLACES = (0.0, 0.25, 0.5, 0.85)
"""Where a written video is looked at, as shares of its length, until the mark is read: it may begin black."""
_MOST_PIXELS = 2**31
_MOST_BYTES = 2**50


@dataclass(frozen=True, slots=True)
class Notary:
    """Seals files with the identity of this installation; `timestamp_url` is a time-stamp authority (RFC 3161), if any."""

    identity: Identity
    ledger: Ledger
    consents: Consents
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
        # Before it is signed: what does not carry the mark is not to bear credentials either.
        _check_mark(path, claim)
        signed = sign_file(
            path, claim, self.identity, parent=parent, timestamp_url=self.timestamp_url, parent_title=parent_title
        )
        self._check_credentials(path, claim)
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


def find_mark(images: Iterable[Image], *, search: bool = False) -> MarkFound | None:
    """The mark that these pictures of one file or input carry together; None when there is none. `search` as the reader's."""
    reader = MarkReader()
    for image in images:
        reader.add(image)
    return reader.read(search=search)


def first_frames(path: Path, start_s: float | None = None) -> Iterator[Image]:
    """Pictures of a video from `start_s` on; raises a `MediaError`."""
    with open_moving(path, max_pixels=_MOST_PIXELS, max_bytes=_MOST_BYTES, start_s=start_s) as reader:
        for _ in range(READ_TOGETHER):
            frame = reader.read()
            if frame is None:
                return
            yield frame.image


def _check_mark(path: Path, claim: Claim) -> None:
    if kind_of(path) is Kind.PICTURE:
        picture = read_picture(path, max_pixels=_MOST_PIXELS, max_bytes=_MOST_BYTES)
        carried = _is(find_mark([_over_white(picture)]), claim.mark_id)
    else:
        carried = _mark_in_video(path, claim.mark_id)
    if not carried:
        raise SealBroken(
            f"the invisible mark of {claim.title} cannot be read back",
            "raise --quality; where that does not help, cut the target by some pixels or use a larger one",
        )


def _over_white(picture: Picture) -> Image:
    """As it is seen: where it is transparent, the mark is not."""
    if picture.alpha is None:
        return picture.frame.image
    alpha = picture.alpha.astype(np.float32)[:, :, None] / np.iinfo(picture.alpha.dtype).max
    return np.asarray(picture.frame.image * alpha + 255 * (1 - alpha), np.uint8)


def _mark_in_video(path: Path, mark_id: int) -> bool:
    """Whether the mark is read at the beginning or, where that has nothing to carry it, further on."""
    length_s = None
    for place in _PLACES:
        try:
            found, length_s = _mark_at(path, None if length_s is None else place * length_s, mark_id)
        except (MediaError, UsageError):
            # What a file says of its length is not always true.
            if not place:
                raise
            return False
        if found:
            return True
        if length_s is None:
            return False
    return False


def _mark_at(path: Path, start_s: float | None, mark_id: int) -> tuple[bool, float | None]:
    """Whether the mark is read from the frames there, more of them while it is not; and the length of the video."""
    marks = MarkReader()
    with open_moving(path, max_pixels=_MOST_PIXELS, max_bytes=_MOST_BYTES, start_s=start_s) as reader:
        for count in range(1, _MOST_FRAMES_BACK + 1):
            frame = reader.read()
            if frame is None:
                break
            marks.add(frame.image)
            if count % READ_TOGETHER == 0 and _is(marks.read(), mark_id):
                return True, reader.info.duration_s
        return _is(marks.read(), mark_id), reader.info.duration_s


def _is(found: MarkFound | None, mark_id: int) -> bool:
    return found is not None and found.mark_id == mark_id
