"""Seal of a finished file: sign it, read mark and credentials back from the disk, record it in the ledger."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal

from mien.errors import MediaError, SealBroken
from mien.media.files.movie_statement import state_in_movie
from mien.media.files.moving import Kind, kind_of
from mien.provenance.consent import Consents
from mien.provenance.credentials.claim import Claim
from mien.provenance.credentials.read import read_credentials
from mien.provenance.credentials.sign import sign_file
from mien.provenance.ledger import Ledger, Output
from mien.provenance.mark.decoder import MarkFound, MarkReader
from mien.provenance.mark.windows import is_flat, open_windows, windows_of
from mien.provenance.signing.signer import Signer
from mien.types import Image

_MAX_PIXELS = 2**31  # no limit in effect: mien has just written the file itself
_MAX_BYTES = 2**50  # likewise
_SURE_FRAMES = 6
"""Frames of a window between two looks at what they carry. A look takes 1.5 ms, a frame of 720p 7 ms, decoded and added."""
_SURE_Z = 15.0
"""z from which the first frames of a window speak for all of it: twice what is asked of a whole one. Six frames of the clip of
`mien bench` have 30 to 33, all 24 of a window 33 to 34."""
_REMEDY = "raise --quality; if that does not help, crop the target by some pixels or use a larger one"


@dataclass(frozen=True, slots=True)
class Notary:
    """Seals files with a signer; `timestamp_url` is a time-stamp authority (RFC 3161), if any."""

    signer: Signer
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
        mark_ids: Collection[int] = (),
    ) -> tuple[str, ...]:
        """Sign `path`, read it back and record it; return warnings. `parent` is the file that was changed.

        `mark_ids` are further ids that parts of a video carry. Formats that hold no credentials get a receipt beside them.
        Raises `ProvenanceError`; then the file must not be used.
        """
        # The mark first: a file without it must not carry credentials either.
        ids = {claim.mark_id, *mark_ids}
        _check_mark(path, claim.title, ids)
        state_in_movie(path, claim.engine)
        signed = sign_file(path, claim, self.signer, parent=parent, timestamp_url=self.timestamp_url, parent_title=parent_title)
        self._check_credentials(path, claim)
        output = Output(claim.mark_id, kind, claim.title, claim.made_at, signed.manifest_sha256)
        self.ledger.record(output, fingerprints)
        for other in sorted(ids - {claim.mark_id}):
            self.ledger.record(replace(output, mark_id=other), ())
        return signed.warnings

    def _check_credentials(self, path: Path, claim: Claim) -> None:
        anchors = [self.signer.root] if self.signer.root is not None else []
        found = read_credentials(path, anchors=anchors)
        if found.state not in {"trusted", "unknown-signer"} or found.mark_id != claim.mark_id:
            raise SealBroken(
                f"the credentials of {claim.title} cannot be read back ({found.state})", "nothing was written; try again"
            )


def written_windows(path: Path) -> Iterator[list[Image]]:
    """Yield the windows of a file that mien has written itself, whatever its size. Raises `MediaError`."""
    return windows_of(path, max_pixels=_MAX_PIXELS, max_bytes=_MAX_BYTES)


def _check_mark(path: Path, title: str, ids: set[int]) -> None:
    """Raise `SealBroken` unless every window that is not flat carries one of the marks, and one window does."""
    windows = open_windows(path, max_pixels=_MAX_PIXELS, max_bytes=_MAX_BYTES)
    if kind_of(path) is Kind.PICTURE:
        # The picture as it is seen: where it is transparent, there is no mark.
        windows = islice(windows, 1)
    carried = False
    try:
        for window in windows:
            state = _state_of(window, ids)
            if state == "lost":
                raise SealBroken(f"the invisible mark of {title} cannot be read back everywhere", _REMEDY)
            carried = carried or state == "carried"
    except MediaError as error:
        raise SealBroken(f"{title} cannot be read back: {error}", "nothing was written; try again") from error
    if not carried:
        raise SealBroken(f"the invisible mark of {title} cannot be read back", _REMEDY)


def _state_of(window: Iterable[Image], ids: set[int]) -> Literal["carried", "flat", "lost"]:
    """Read a window until it is sure that it carries one of the marks, else to its end; flat pictures need no mark."""
    reader, flat = MarkReader(), True
    for number, image in enumerate(window, start=1):
        reader.add(image)
        flat = flat and is_flat(image)
        if number % _SURE_FRAMES == 0:
            found = reader.read()
            if found is not None and found.mark_id in ids and found.z >= _SURE_Z:
                return "carried"
    if _carries(reader.read(), ids):
        return "carried"
    return "flat" if flat else "lost"


def _carries(found: MarkFound | None, ids: set[int]) -> bool:
    """Return whether a window carries one of the marks; a window across the border of two parts shows no single id."""
    return found is not None and (found.mark_id in ids or (found.mark_id is None and len(ids) > 1))
