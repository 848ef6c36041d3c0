"""The only door to c2pa-python: its names as this package uses them, and its settings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509

from mien.errors import CertificateUnusable
from mien.provenance.credentials.c2pa_library import load_own_library
from mien.provenance.signing.certificates import PURPOSES

load_own_library()

from c2pa import Builder, C2paError, C2paSigningAlg, Context, Reader, Settings
from c2pa import Signer as C2paSigner

__all__ = [
    "Builder",
    "C2paError",
    "C2paSigner",
    "C2paSigningAlg",
    "Context",
    "HashBlocks",
    "Reader",
    "Settings",
    "library_settings",
]

_MAX_MANIFEST_MB = 64  # bounds memory when a compressed manifest is hostile
_SPILL_MB = 32  # the library keeps larger intermediate results on the disk


@dataclass(frozen=True, slots=True)
class HashBlocks:
    """Block sizes of large videos: one hash over all of a file makes the library hold 512 MB."""

    from_bytes: int = 256 << 20
    """Larger videos are hashed in blocks, unless they are laid out in fragments."""
    block_kb: int = 1024


def library_settings(
    anchors: Sequence[bytes], *, listed: bytes = b"", timestamp_url: str | None = None, block_kb: int | None = None
) -> dict[str, Any]:
    """Return settings that trust `anchors` and what is `listed` (PEM), fetch nothing but a time stamp, keep no thumbnails.

    `block_kb` None = one hash over the whole file. Raises `CertificateUnusable` for an anchor that is not a certificate.
    """
    trust = {"trust_config": "\n".join(each.dotted_string for each in PURPOSES)}
    if anchors:
        trust["user_anchors"] = "\n".join(_anchor(each) for each in anchors)
    if listed:
        trust["trust_anchors"] = listed.decode("ascii")
    core: dict[str, Any] = {
        "backing_store_memory_threshold_in_mb": _SPILL_MB,
        "max_decompressed_manifest_size_in_mb": _MAX_MANIFEST_MB,
        "decode_identity_assertions": False,
        "allowed_network_hosts": [host] if timestamp_url and (host := urlsplit(timestamp_url).hostname) else [],
    }
    if block_kb is not None:
        core["merkle_tree_chunk_size_in_kb"] = block_kb
    off = {"enabled": False}
    return {
        "version": 1,
        "core": core,
        "trust": trust,
        "verify": {
            "verify_trust": True, "verify_after_sign": False, "remote_manifest_fetch": False, "ocsp_fetch": False,
        },
        "builder": {
            "thumbnail": off,
            "actions": {"auto_created_action": off, "auto_opened_action": off, "auto_placed_action": off},
        },
    }  # fmt: skip


def _anchor(pem: bytes) -> str:
    try:
        x509.load_pem_x509_certificates(pem)
        return pem.decode("utf-8")
    except ValueError as error:
        raise CertificateUnusable("a root to be trusted is not a certificate", "give a PEM file") from error
