"""Signatures beside documents: `report.html.sig` for `report.html`. Reports and notes are signed so, with any signer.

The file is JSON: name and SHA-256 of the document, the time by the signer's clock, the algorithm, the signature and the
certificates. What is signed is five lines of text, `_statement`, so that a few lines of any language can check it.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from mien.errors import SigningFailed, UnreadableMedia
from mien.provenance.signing.certificates import common_name
from mien.provenance.signing.signatures import PublicKey, algorithm_of, check_signature
from mien.provenance.signing.signer import Signer

SUFFIX = ".sig"
"""Suffix of signatures, added to the whole name of the document."""
_FORMAT = "mien signature 1"
_MAX_BYTES = 1 << 20  # a signature with its certificates has about 3 kB
_KEYS = {"format", "file", "sha256", "signed_at", "algorithm", "signature", "certificates"}


@dataclass(frozen=True, slots=True)
class SignatureFound:
    """Finding on a signature: whose it is and whether the document is unchanged; `words` is a sentence for people."""

    state: Literal["trusted", "unknown-signer", "changed", "damaged"]
    words: str
    signer: str | None = None
    signed_at: datetime | None = None

    def described(self) -> dict[str, Any]:
        """Return the finding as plain values, for JSON."""
        return {**asdict(self), "signed_at": None if self.signed_at is None else self.signed_at.isoformat()}


def signature_path(path: Path) -> Path:
    """Return the path of the signature of a document."""
    return path.with_name(path.name + SUFFIX)


def signature_of(content: bytes, name: str, signer: Signer, now: datetime) -> bytes:
    """Return the content of the signature file of a document. Raises what `signer.sign` raises."""
    said = {
        "format": _FORMAT,
        "file": name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "signed_at": now.astimezone(UTC).isoformat(timespec="seconds"),
        "algorithm": signer.algorithm,
    }
    signature = base64.b64encode(signer.sign(_statement(said))).decode("ascii")
    whole = {**said, "signature": signature, "certificates": signer.certificates.decode("ascii")}
    return (json.dumps(whole, indent=1, ensure_ascii=False) + "\n").encode()


def check_document(path: Path, anchors: Sequence[bytes]) -> SignatureFound:
    """Return what the signature beside a document says; `anchors` are roots that are trusted, PEM.

    Raises `UnreadableMedia` when one of the two files cannot be read.
    """
    try:
        with signature_path(path).open("rb") as file:
            content = file.read(_MAX_BYTES)
        with path.open("rb") as file:
            document = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        reason = error.strerror or error
        raise UnreadableMedia(f"{path} or its signature cannot be read: {reason}", "check the names") from error
    try:
        said = json.loads(content)
        if not isinstance(said, dict) or set(said) != _KEYS or not all(isinstance(each, str) for each in said.values()):
            raise ValueError("not a signature")
        chain = x509.load_pem_x509_certificates(said["certificates"].encode())
        signed_at = datetime.fromisoformat(said["signed_at"])
        leaf: PublicKey = chain[0].public_key()  # type: ignore[assignment]
        if said["format"] != _FORMAT or said["algorithm"] != algorithm_of(leaf):
            raise ValueError("another format")
        check_signature(leaf, _statement(said), base64.b64decode(said["signature"], validate=True), "the signer")
    except (ValueError, LookupError, TypeError, RecursionError, UnsupportedAlgorithm, SigningFailed):
        return SignatureFound("damaged", "The signature beside it is damaged and says nothing.")
    signer = common_name(chain[0])
    if document != said["sha256"] or path.name != said["file"]:
        words = "Changed or renamed after signing." if document == said["sha256"] else "Changed after signing."
        return SignatureFound("changed", words, signer, signed_at)
    if _leads_to(chain, anchors, signed_at):
        words = f"Signed by {signer}, whom this machine knows, and unchanged since."
        return SignatureFound("trusted", words, signer, signed_at)
    words = f"Signed by a signer named “{signer}”, whom this machine does not know, and unchanged since."
    return SignatureFound("unknown-signer", words, signer, signed_at)


def _statement(said: dict[str, Any]) -> bytes:
    lines = (said["format"], said["file"], said["sha256"], said["signed_at"], said["algorithm"])
    return "".join(f"{line}\n" for line in lines).encode()


def _leads_to(chain: Sequence[x509.Certificate], anchors: Sequence[bytes], moment: datetime) -> bool:
    """Return whether each certificate was issued by the next and the last by an anchor, all valid at a moment."""
    if not all(each.not_valid_before_utc <= moment <= each.not_valid_after_utc for each in chain):
        return False
    if not all(_issued(one, other) and _is_authority(other) for one, other in pairwise(chain)):
        return False
    return any(_issued(chain[-1], root) for pem in anchors for root in x509.load_pem_x509_certificates(pem))


def _is_authority(certificate: x509.Certificate) -> bool:
    """Return whether a certificate may issue others; else each owner of one could sign under any name."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return False


def _issued(certificate: x509.Certificate, by: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
