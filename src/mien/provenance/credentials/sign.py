"""Signing of files: a C2PA manifest in the file, or as a receipt beside files that cannot hold one.

Signing goes through a callback, so that the private key never enters the C library. Nothing here uses the network, except
for a time stamp when an authority is named.
"""

import contextlib
import hashlib
import io
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.errors import MienError, OutputError, SigningFailed
from mien.media.files.receipt import receipt_path
from mien.media.files.temporary_files import temporary_path
from mien.provenance.credentials import claim as claims
from mien.provenance.credentials.claim import Claim
from mien.provenance.credentials.formats import EMBEDDING, PLAIN, is_fragmented
from mien.provenance.credentials.found import INACCESSIBLE
from mien.provenance.credentials.library import (
    Builder,
    C2paError,
    C2paSigner,
    C2paSigningAlg,
    Context,
    HashBlocks,
    Settings,
    library_settings,
)
from mien.provenance.credentials.read import read_credentials, read_store
from mien.provenance.credentials.report import findings, printable
from mien.provenance.credentials.streams import ChunkedFile, NullFile
from mien.provenance.signing.signer import Signer
from mien.types import Note

_PARENT_RESOURCE = "parent.c2pa"
_HASH_BLOCKS = HashBlocks()


@dataclass(frozen=True, slots=True)
class Signed:
    """Result of signing: `manifest_sha256` is hexadecimal; `sidecar` is the receipt of a file that cannot hold credentials."""

    manifest_sha256: str
    sidecar: Path | None
    warnings: tuple[str, ...]


def sign_file(
    path: Path, claim: Claim, signer: Signer, *, parent: Path | None, timestamp_url: str | None = None,
    parent_title: str | None = None, blocks: HashBlocks = _HASH_BLOCKS,
) -> Signed:  # fmt: skip
    """Sign `path` in place, or put a receipt beside it when its format holds no credentials.

    `parent` is the file that was changed to make this one, known to people as `parent_title` (default: its name): its own
    credentials are kept with it. Without a parent, those that `path` has already are kept. A file appears whole or not at
    all. It is not read back: `read_credentials` does that. `timestamp_url` names an RFC 3161 authority.
    Raises `SigningFailed`, what `signer.sign` raises, or `OutputError`.
    """
    mime = EMBEDDING.get(path.suffix.lower())
    target = path if mime else receipt_path(path)
    warnings = list(signer.warnings)
    failures: list[BaseException] = []
    try:
        if parent is None and read_credentials(path).state != "none":
            parent = path
        in_blocks = path.stat().st_size > blocks.from_bytes and not is_fragmented(path)
        settings = library_settings((), timestamp_url=timestamp_url, block_kb=blocks.block_kb if in_blocks else None)
        with (
            _explained(claim, failures, timestamp_url),
            _c2pa_signer(signer, failures, timestamp_url) as c2pa_signer,
            Context(Settings.from_dict(settings), c2pa_signer) as context,
            Builder(_definition(claim, mime or PLAIN, opened=parent is not None), context) as builder,
        ):
            if parent is not None:
                warnings += _add_parent(builder, parent, parent_title or parent.name, bare=claim.hidden is not None)
            with _replacing(target) as temporary, ChunkedFile(path, "rb") as source:
                if mime:
                    shutil.copymode(path, temporary)
                    with ChunkedFile(temporary, "r+b", failures=failures) as signed:
                        manifest = builder.sign(mime, source, signed)
                        os.fsync(signed.fileno())
                else:
                    builder.set_no_embed()
                    manifest = builder.sign(PLAIN, source, NullFile())
                    temporary.write_bytes(manifest)
    except OSError as error:
        raise OutputError(
            f"the credentials of {claim.title} cannot be written: {error.strerror or error}",
            "free some space, or choose a folder that you may write to",
        ) from error
    return Signed(hashlib.sha256(manifest).hexdigest(), None if mime else target, tuple(warnings))


def _definition(claim: Claim, mime: str, *, opened: bool) -> dict[str, Any]:
    return {
        "claim_version": 2,
        "claim_generator_info": [claims.generator()],
        "title": claim.title,
        "format": mime,
        # "created" = the signer vouches for it.
        "assertions": [{**each, "created": True} for each in claims.assertions(claim, opened=opened)],
    }


def _add_parent(builder: Builder, parent: Path, title: str, *, bare: bool) -> list[Note]:
    """Add the file that was changed, with its credentials as they are, as an ingredient; return warnings about them.

    `bare` leaves its credentials out: they may hold a thumbnail, which shows what is hidden now, and name people.
    """
    about: dict[str, Any] = {"title": title, "relationship": "parentOf", "instance_id": claims.PARENT_ID}
    if bare:
        about["description"] = "Its credentials, if any, are left out: they may show what is hidden here."
        builder.add_ingredient(about, PLAIN, io.BytesIO(b""))
        return []
    store = read_store(parent, ())
    found = findings(store)
    mime, warnings = store.mime, list[Note]()
    if found.state == "damaged":
        # The library refuses an ingredient that it cannot read; without a format it does not try.
        mime = PLAIN
        about["description"] = "Its credentials were damaged and could not be kept."
        text = "the credentials of {title} are damaged and could not be kept; the new ones say so"
        warnings = [Note.of("credentials-damaged", text, title=title)]
    elif found.state in {"changed", "expired"}:
        text = f"the credentials of {{title}} are kept, but their state is: {found.words}"
        warnings = [Note.of("credentials-changed" if found.state == "changed" else "credentials-expired", text, title=title)]
    elif INACCESSIBLE in found.problems:
        text = "the credentials of {title} lie on the network and were not fetched"
        warnings = [Note.of("credentials-remote", text, title=title)]
    if store.where == "sidecar" and store.report is not None:
        about["manifest_data"] = {"format": "application/c2pa", "identifier": _PARENT_RESOURCE}
        about["active_manifest"] = store.report.get("active_manifest")
        about["validation_results"] = store.report.get("validation_results")
        builder.add_resource(_PARENT_RESOURCE, io.BytesIO(store.receipt or b""))
    with ChunkedFile(parent, "rb") as file:
        builder.add_ingredient(about, mime, file)
    return warnings


@contextmanager
def _c2pa_signer(signer: Signer, failures: list[BaseException], timestamp_url: str | None) -> Iterator[C2paSigner]:
    def sign(data: bytes) -> bytes:
        # An exception cannot pass through the C library: it is kept and raised after the call.
        try:
            return signer.sign(data)
        except (MienError, KeyboardInterrupt) as error:
            failures.append(error)
            return b""

    algorithm = C2paSigningAlg[signer.algorithm.upper()]
    with C2paSigner.from_callback(sign, algorithm, signer.certificates.decode("ascii"), timestamp_url) as c2pa_signer:
        yield c2pa_signer


@contextmanager
def _explained(claim: Claim, failures: Sequence[BaseException], timestamp_url: str | None) -> Iterator[None]:
    """Raise the first failure, or `SigningFailed` for an error of the library."""
    try:
        yield
        if failures:
            raise failures[0]
    except C2paError as error:
        if failures:
            raise failures[0] from error
        remedy = "check the signing certificate and this machine's clock"
        if timestamp_url is not None:
            remedy += f", and whether {timestamp_url} answers"
        raise SigningFailed(f"{claim.title} cannot be signed: {printable(str(error))}", remedy) from error


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Yield a new file beside `path` that takes its place at the end, or is removed when something fails."""
    temporary = temporary_path(path)
    try:
        temporary.touch(exist_ok=False)
        yield temporary
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
