"""Reading of credentials. Nothing here uses the network: manifests that a file names elsewhere are never fetched."""

import json
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from mien.errors import UnreadableMedia
from mien.media.files.receipt import receipt_path
from mien.provenance.credentials.formats import PLAIN, format_of
from mien.provenance.credentials.found import INACCESSIBLE, CredentialsFound
from mien.provenance.credentials.library import C2paError, Context, Reader, Settings, library_settings
from mien.provenance.credentials.report import ManifestStore, findings, printable
from mien.provenance.credentials.streams import ChunkedFile
from mien.provenance.credentials.trust_list import TrustLists

_MAX_RECEIPT_BYTES = 64 << 20  # bounds memory; a receipt has about 14 kB and the parent's own manifest


def read_credentials(
    path: Path, *, anchors: Sequence[bytes] = (), lists: TrustLists | None = None
) -> CredentialsFound:  # fmt: skip
    """Return what the credentials of a file say: those in the file, else those of the receipt beside it.

    `anchors` are the roots that the reader trusts, PEM; `lists` adds C2PA's. The file may be anything, under any name. Raises
    `UnreadableMedia` when it cannot be opened, `CertificateUnusable` for an anchor that is not a certificate.
    """
    return findings(read_store(path, anchors, lists), None if lists is None else lists.signers)


def read_store(path: Path, anchors: Sequence[bytes], lists: TrustLists | None = None) -> ManifestStore:
    """Return the manifest store of a file or of its receipt. Raises as `read_credentials`."""
    settings = library_settings(anchors, listed=b"" if lists is None else lists.certificates)
    try:
        # Reading a pipe or a device could block for ever or have no end.
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnreadableMedia(f"{path} is not a regular file", "name a picture or a video")
        with ChunkedFile(path, "rb") as file:
            mime = format_of(file.read(16))
            store = ManifestStore(None, mime) if mime == PLAIN else _parse(settings, mime, file, None)
            if store.where is not None:
                return store
            receipt = _read_receipt(path)
            return store if receipt is None else _parse(settings, mime, file, receipt)
    except OSError as error:
        raise UnreadableMedia(
            f"{path} cannot be read: {error.strerror or error}", "check the name and the permissions"
        ) from error


def _read_receipt(path: Path) -> bytes | None:
    receipt = receipt_path(path)
    if not receipt.is_file():
        return None
    with receipt.open("rb") as file:
        return file.read(_MAX_RECEIPT_BYTES)


def _parse(settings: dict[str, Any], mime: str, file: ChunkedFile, receipt: bytes | None) -> ManifestStore:
    where: Literal["embedded", "sidecar"] = "embedded" if receipt is None else "sidecar"
    file.seek(0)
    try:
        with Context(Settings.from_dict(settings)) as context, Reader(mime, file, receipt, context) as reader:
            report, cross = json.loads(reader.json()), json.loads(reader.crjson())
    except C2paError.ManifestNotFound:
        return ManifestStore(None, mime)
    except C2paError as error:
        if str(error).startswith("Remote"):
            return ManifestStore(None, mime, problem=INACCESSIBLE)
        return ManifestStore(where, mime, problem=printable(str(error)), receipt=receipt)
    except (ValueError, RecursionError) as error:
        return ManifestStore(where, mime, problem=type(error).__name__, receipt=receipt)
    return ManifestStore(where, mime, report, receipt=receipt, cross=cross)
