"""The last step of every file: signed, read back from the disk, and noted in the ledger; or there is no file."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from mien.errors import MediaError, SealBroken
from mien.media.files.moving import Kind, kind_of
from mien.provenance.consent import Consents
from mien.provenance.credentials.claim import Claim
from mien.provenance.credentials.read import read_credentials
from mien.provenance.credentials.sign import sign_file
from mien.provenance.ledger import Ledger, Output
from mien.provenance.mark.decoder import MarkFound
from mien.provenance.mark.windows import find_mark, is_flat, windows_of
from mien.provenance.signing.signer import Identity
from mien.types import Image

_MOST_PIXELS = 2**31
_MOST_BYTES = 2**50
_REMEDY = "raise --quality; where that does not help, cut the target by some pixels or use a larger one"


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
        mark_ids: Collection[int] = (),
    ) -> tuple[str, ...]:
        """Sign `path`, read it back and record it; return warnings. `parent` is the file that was changed.

        `mark_ids` are further ids that parts of a film carry. Formats that hold no credentials get a receipt beside them.
        Raises `ProvenanceError`; then the file must not be used.
        """
        # Before it is signed: what does not carry the mark is not to bear credentials either.
        numbers = {claim.mark_id, *mark_ids}
        _check_mark(path, claim.title, numbers)
        signed = sign_file(
            path, claim, self.identity, parent=parent, timestamp_url=self.timestamp_url, parent_title=parent_title
        )
        self._check_credentials(path, claim)
        output = Output(claim.mark_id, kind, claim.title, claim.made_at, signed.manifest_sha256)
        self.ledger.record(output, fingerprints)
        for other in sorted(numbers - {claim.mark_id}):
            self.ledger.record(replace(output, mark_id=other), ())
        return signed.warnings

    def _check_credentials(self, path: Path, claim: Claim) -> None:
        anchors = [self.identity.root] if self.identity.root is not None else []
        found = read_credentials(path, anchors=anchors)
        if found.state not in {"trusted", "unknown-signer"} or found.mark_id != claim.mark_id:
            raise SealBroken(
                f"the credentials of {claim.title} cannot be read back ({found.state})", "nothing was written; try again"
            )


def windows_back(path: Path) -> Iterator[list[Image]]:
    """Yield the windows of a file that mien has written itself, whatever its size. Raises `MediaError`."""
    return windows_of(path, max_pixels=_MOST_PIXELS, max_bytes=_MOST_BYTES)


def _check_mark(path: Path, title: str, numbers: set[int]) -> None:
    """Raise `SealBroken` unless every window carries one of the marks; flat ones need not, but not all can be flat."""
    windows = windows_back(path)
    if kind_of(path) is Kind.PICTURE:
        # As it is seen: where it is transparent, the mark is not.
        windows = islice(windows, 1)
    carried = False
    try:
        for window in windows:
            if _carries(find_mark(window), numbers):
                carried = True
            elif not all(is_flat(image) for image in window):
                raise SealBroken(f"the invisible mark of {title} cannot be read back everywhere", _REMEDY)
    except MediaError as error:
        raise SealBroken(f"{title} cannot be read back: {error}", "nothing was written; try again") from error
    if not carried:
        raise SealBroken(f"the invisible mark of {title} cannot be read back", _REMEDY)


def _carries(found: MarkFound | None, numbers: set[int]) -> bool:
    """Return whether a window carries one of the marks; one that lies across the border of two parts shows no single id."""
    return found is not None and (found.mark_id in numbers or (found.mark_id is None and len(numbers) > 1))
