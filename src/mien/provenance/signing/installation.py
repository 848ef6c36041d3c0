"""Signer of this installation: a certificate chain that is made at first use, and its keys.

The root signs one intermediate and its key is then thrown away, so that the root, which people are asked to trust, can never
sign anything else; the intermediate renews the leaf before it expires.
"""

import base64
import contextlib
import os
import secrets
import shutil
import stat
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mien.errors import CertificateUnusable, KeyUnavailable, OutputError
from mien.provenance.signing.certificates import (
    CLOCK_TOLERANCE,
    RENEWAL_REMEDY,
    common_name,
    issue_authority,
    issue_leaf,
    read_pem,
    subject_name,
    to_pem,
)
from mien.provenance.signing.keystore import KeyStore
from mien.provenance.signing.signatures import algorithm_of, signature_function
from mien.provenance.signing.signer import Signer
from mien.system.folders import make_private
from mien.types import Note

_CHAIN_FOLDER = "chain"
_RETIRED_PREFIX = "retired-"
_CERTIFICATES_FILE = "certificates.pem"
_KEY_FILE = "key.pem"
_RENEWAL_LEAD = timedelta(days=60)
"""A leaf is renewed this long before it expires."""
_MAX_RETIRED_CHAINS = 100  # bounds the work of a check; a chain is retired by hand
_STALE_DRAFT_S = 86_400.0  # a chain is made in a second, so that a draft of yesterday has no owner


def open_signer(folder: Path, *, now: datetime | None = None, keystore: KeyStore | None = None) -> Signer:
    """Open the chain of this installation, which lies in `folder`; made at first use, its leaf renewed when due.

    Several processes at once end with one chain. The keys lie in the system's key store if there is one (`keystore`;
    default: through the package keyring), else in a file that only the owner can read. `now` is aware; default: the clock.
    Raises `KeyUnavailable`, `CertificateUnusable`, or `OutputError` when the folder cannot be written.
    """
    moment = now or datetime.now(UTC)
    store = keystore or KeyStore()
    place = folder / _CHAIN_FOLDER
    try:
        _remove_stale_drafts(folder)
        if not place.exists():
            _make_chain(place, moment, store)
        leaf, intermediate, root = _parse_chain(read_pem(place / _CERTIFICATES_FILE), place)
        leaf_key, intermediate_key, warnings = _load_keys(place, store, root)
        if leaf_key.public_key() != leaf.public_key() or intermediate_key.public_key() != intermediate.public_key():
            raise CertificateUnusable(f"the key and the certificates in {place} do not belong together", _restore(place))
        if not leaf.not_valid_before_utc <= moment < leaf.not_valid_after_utc - _RENEWAL_LEAD:
            leaf = issue_leaf(leaf_key.public_key(), intermediate, intermediate_key, moment)
            _replace(place / _CERTIFICATES_FILE, to_pem(leaf, intermediate, root))
    except OSError as error:
        raise OutputError(
            f"cannot keep the signing certificates in {folder}: {error.strerror or error}",
            "make the folder writable, or name another one with MIEN_DATA",
        ) from error
    return Signer(
        certificates=to_pem(leaf, intermediate),
        root=to_pem(root),
        algorithm=algorithm_of(leaf_key.public_key()),
        sign=signature_function(leaf_key),
        name=common_name(leaf),
        warnings=warnings,
    )


def export_root(folder: Path, *, now: datetime | None = None) -> bytes:
    """Return the root of this installation, PEM, for people who want to recognise its outputs. Raises as `open_signer`."""
    signer = open_signer(folder, now=now)
    assert signer.root is not None
    return signer.root


def renew_signer(folder: Path, *, now: datetime | None = None, keystore: KeyStore | None = None) -> Signer:
    """Make a new chain for this installation; the old one, sound or not, is kept beside it and signs no more.

    Raises as `open_signer`.
    """
    place = folder / _CHAIN_FOLDER
    moment = now or datetime.now(UTC)
    try:
        if place.exists():
            place.rename(folder / f"{_RETIRED_PREFIX}{moment:%Y%m%d}-{secrets.token_hex(4)}")
    except OSError as error:
        raise OutputError(
            f"cannot put the old signer {place} aside: {error.strerror or error}", "make the folder writable"
        ) from error
    return open_signer(folder, now=moment, keystore=keystore)


def known_root(folder: Path) -> bytes | None:
    """Return the root of this installation, PEM, without its keys and without making one; None when there is none."""
    return _root_in(folder / _CHAIN_FOLDER)


def known_roots(folder: Path) -> list[bytes]:
    """Return the root of this installation and those of its retired chains, as `known_root`."""
    retired = sorted(folder.glob(f"{_RETIRED_PREFIX}*"), reverse=True)[:_MAX_RETIRED_CHAINS]
    roots = (_root_in(place) for place in (folder / _CHAIN_FOLDER, *retired))
    return [root for root in roots if root is not None]


def _root_in(place: Path) -> bytes | None:
    try:
        return to_pem(_parse_chain(read_pem(place / _CERTIFICATES_FILE), place)[2])
    except (OSError, CertificateUnusable):
        return None


def _remove_stale_drafts(folder: Path) -> None:
    """Remove drafts that a killed run has left, because they hold keys."""
    for draft in (*folder.glob(f".{_CHAIN_FOLDER}.*.part"), *folder.glob(f"{_CHAIN_FOLDER}/.{_CERTIFICATES_FILE}.*.part")):
        with contextlib.suppress(OSError):
            if time.time() - draft.stat().st_mtime < _STALE_DRAFT_S:
                continue
            if draft.is_dir():
                shutil.rmtree(draft, ignore_errors=True)
            else:
                draft.unlink()


def _make_chain(place: Path, now: datetime, store: KeyStore) -> None:
    """Make the chain in a folder of its own and rename that: of several processes, one succeeds and the others find it."""
    make_private(place.parent)
    root_key, intermediate_key, leaf_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    tag = secrets.token_hex(4)
    root_name, intermediate_name = subject_name(f"mien root {tag}"), subject_name(f"mien intermediate {tag}")
    start = now - CLOCK_TOLERANCE
    root = issue_authority(root_name, root_name, root_key, root_key, start, 1)
    intermediate = issue_authority(intermediate_name, root_name, intermediate_key, root_key, start, 0)
    leaf = issue_leaf(leaf_key.public_key(), intermediate, intermediate_key, now)
    temporary = place.with_name(f".{place.name}.{tag}.part")
    temporary.mkdir(mode=0o700)
    stored = False
    try:
        (temporary / _CERTIFICATES_FILE).write_bytes(to_pem(leaf, intermediate, root))
        secret = _key_pem(leaf_key) + _key_pem(intermediate_key)
        stored = store.keep(_entry(root), base64.b64encode(secret).decode())
        if not stored:
            _write_secret(temporary / _KEY_FILE, secret)
        temporary.rename(place)
    except OSError:
        if stored:
            with contextlib.suppress(KeyUnavailable):
                store.forget(_entry(root))
        if not place.exists():
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _parse_chain(pem: bytes, place: Path) -> tuple[x509.Certificate, x509.Certificate, x509.Certificate]:
    """Return leaf, intermediate and root. Raises `CertificateUnusable` unless each has issued the one before it."""
    try:
        leaf, intermediate, root = x509.load_pem_x509_certificates(pem)
        leaf.verify_directly_issued_by(intermediate)
        intermediate.verify_directly_issued_by(root)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise CertificateUnusable(f"the signing certificates in {place} are damaged", _restore(place)) from error
    return leaf, intermediate, root


def _load_keys(
    place: Path, store: KeyStore, root: x509.Certificate
) -> tuple[ec.EllipticCurvePrivateKey, ec.EllipticCurvePrivateKey, tuple[str, ...]]:
    """Return the keys of leaf and intermediate, and warnings. Raises `KeyUnavailable`."""
    path = place / _KEY_FILE
    warnings: tuple[str, ...] = ()
    if path.exists():
        warnings = _restrict_mode(path)
        secret = read_pem(path)
    else:
        stored = store.secret(_entry(root))
        if stored is None:
            raise KeyUnavailable(f"the private key that belongs to {place} is lost", _restore(place))
        secret = base64.b64decode(stored)
    end = b"-----END PRIVATE KEY-----\n"
    try:
        leaf, intermediate = (
            serialization.load_pem_private_key(each + end, None) for each in secret.replace(b"\r\n", b"\n").split(end)[:2]
        )
    except ValueError as error:
        raise KeyUnavailable(f"the private key that belongs to {place} is damaged", _restore(place)) from error
    if not isinstance(leaf, ec.EllipticCurvePrivateKey) or not isinstance(intermediate, ec.EllipticCurvePrivateKey):
        raise KeyUnavailable(f"the private key that belongs to {place} is not an EC key", _restore(place))
    return leaf, intermediate, warnings


def _restrict_mode(path: Path) -> tuple[str, ...]:
    """Take the rights of others on a key file away; return a warning when they had any."""
    if os.name == "nt" or not stat.S_IMODE(path.stat().st_mode) & 0o077:
        return ()
    path.chmod(0o600)
    text = "other users could read the key {path}; its mode is now 0600, but a copy of the key can sign as you"
    return (Note.of("key-readable", text, path=str(path)),)


def _entry(root: x509.Certificate) -> str:
    """Return the name of the keys in the system's key store."""
    return root.fingerprint(hashes.SHA256()).hex()


def _restore(place: Path) -> str:
    """Return the remedy for a chain that cannot be used."""
    return f"restore {place} from a backup, or {RENEWAL_REMEDY}"


def _write_secret(path: Path, secret: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(descriptor)


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )  # fmt: skip
