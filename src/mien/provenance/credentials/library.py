"""The door to c2pa-python: its names as the rest may use them, and its settings."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509

from mien.errors import CertificateUnusable
from mien.provenance.credentials.c2pa_library import load_own_library
from mien.provenance.signing.certificates import PURPOSES

load_own_library()

from c2pa import Builder, C2paError, C2paSigningAlg, Context, Reader, Settings, Signer

__all__ = ["Builder", "C2paError", "C2paSigningAlg", "Context", "Reader", "Settings", "Signer", "library_settings"]

_MOST_MANIFEST_MB = 64
_SPILL_MB = 32
"""The library keeps larger intermediate results on the disk."""
_BLOCK_KB = 1024


def library_settings(anchors: Sequence[bytes], *, timestamp_url: str | None = None, large: bool = False) -> dict[str, Any]:
    """For the library. Its defaults fetch from the network and keep thumbnails."""
    trust = {"trust_config": "\n".join(each.dotted_string for each in PURPOSES)}
    if anchors:
        trust["user_anchors"] = "\n".join(_anchor(each) for each in anchors)
    core: dict[str, Any] = {
        "backing_store_memory_threshold_in_mb": _SPILL_MB,
        "max_decompressed_manifest_size_in_mb": _MOST_MANIFEST_MB,
        "decode_identity_assertions": False,
        "allowed_network_hosts": [host] if timestamp_url and (host := urlsplit(timestamp_url).hostname) else [],
    }
    if large:
        core["merkle_tree_chunk_size_in_kb"] = _BLOCK_KB
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
        raise CertificateUnusable("a root that is to be trusted is no certificate", "give a PEM file") from error
