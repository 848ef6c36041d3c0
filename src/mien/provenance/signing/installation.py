"""The signer of this installation: a chain that is made at first use, and its keys.

The root signs one intermediate and is then thrown away, so that the root, which people are asked to trust, can never sign
anything else; the intermediate renews the leaf before it runs out.
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
    CLOCKS_DIFFER,
    RENEW,
    common_name,
    issue_authority,
    issue_leaf,
    read_pem,
    subject_name,
    to_pem,
)
from mien.provenance.signing.keystore import KeyStore
from mien.provenance.signing.signatures import algorithm_of, signature_function
from mien.provenance.signing.signer import Identity
from mien.system.folders import make_private

_CHAIN_FOLDER = "chain"
_RETIRED = "retired-"
_MOST_RETIRED = 100
_CERTIFICATES_FILE = "certificates.pem"
_KEY_FILE = "key.pem"
_RENEW_BEFORE = timedelta(days=60)
_STALE_S = 86_400.0


def open_identity(folder: Path, *, now: datetime | None = None, keystore: KeyStore | None = None) -> Identity:
    """The chain of this installation, which lies in `folder`; made at first use, its leaf renewed when it is time.

    Several processes at once end with one chain. The key lies in the system's key store if there is one (`keystore`;
    default: by the package keyring), else in a file that only the owner can read. `now` is aware; default: the clock.
    Raises `KeyUnavailable`, `CertificateUnusable`, or `OutputError` when the folder cannot be written.
    """
    moment = now or datetime.now(UTC)
    store = keystore or KeyStore()
    place = folder / _CHAIN_FOLDER
    try:
        _tidy(folder)
        if not place.exists():
            _found_chain(place, moment, store)
        leaf, intermediate, root = _chain_of(read_pem(place / _CERTIFICATES_FILE), place)
        leaf_key, intermediate_key, warnings = _keys(place, store, root)
        if leaf_key.public_key() != leaf.public_key() or intermediate_key.public_key() != intermediate.public_key():
            raise CertificateUnusable(f"the key and the certificates in {place} do not belong together", _renew(place))
        if not leaf.not_valid_before_utc <= moment < leaf.not_valid_after_utc - _RENEW_BEFORE:
            leaf = issue_leaf(leaf_key.public_key(), intermediate, intermediate_key, moment, place)
            _replace(place / _CERTIFICATES_FILE, to_pem(leaf, intermediate, root))
    except OSError as error:
        raise OutputError(
            f"cannot keep the signing certificates in {folder}: {error.strerror or error}",
            "make the folder writable, or name another one with MIEN_DATA",
        ) from error
    return Identity(
        certificates=to_pem(leaf, intermediate),
        root=to_pem(root),
        algorithm=algorithm_of(leaf_key.public_key()),
        sign=signature_function(leaf_key),
        name=common_name(leaf),
        warnings=warnings,
    )


def export_root(folder: Path, *, now: datetime | None = None) -> bytes:
    """The root of this installation, PEM, for people who want to know its outputs. Raises as `open_identity`."""
    identity = open_identity(folder, now=now)
    assert identity.root is not None
    return identity.root


def renew_identity(folder: Path, *, now: datetime | None = None, keystore: KeyStore | None = None) -> Identity:
    """Make a new chain for this installation; the old one, sound or not, is kept beside it and signs no more.

    Raises as `open_identity`.
    """
    place = folder / _CHAIN_FOLDER
    moment = now or datetime.now(UTC)
    try:
        if place.exists():
            place.rename(folder / f"{_RETIRED}{moment:%Y%m%d}-{secrets.token_hex(4)}")
    except OSError as error:
        raise OutputError(
            f"cannot put the old identity {place} aside: {error.strerror or error}", "make the folder writable"
        ) from error
    return open_identity(folder, now=moment, keystore=keystore)


def known_root(folder: Path) -> bytes | None:
    """Return the root of this installation, PEM, without its keys and without making one; None when there is none."""
    return _root_in(folder / _CHAIN_FOLDER)


def known_roots(folder: Path) -> list[bytes]:
    """Return the root of this installation and those of its former identities, as `known_root`."""
    retired = sorted(folder.glob(f"{_RETIRED}*"), reverse=True)[:_MOST_RETIRED]
    roots = (_root_in(place) for place in (folder / _CHAIN_FOLDER, *retired))
    return [root for root in roots if root is not None]


def _root_in(place: Path) -> bytes | None:
    try:
        return to_pem(_chain_of(read_pem(place / _CERTIFICATES_FILE), place)[2])
    except (OSError, CertificateUnusable):
        return None


def _tidy(folder: Path) -> None:
    """Remove drafts that a killed run has left; they hold keys. Making a chain takes a second, so a day old is stale."""
    for draft in (*folder.glob(f".{_CHAIN_FOLDER}.*.part"), *folder.glob(f"{_CHAIN_FOLDER}/.{_CERTIFICATES_FILE}.*.part")):
        with contextlib.suppress(OSError):
            if time.time() - draft.stat().st_mtime < _STALE_S:
                continue
            if draft.is_dir():
                shutil.rmtree(draft, ignore_errors=True)
            else:
                draft.unlink()


def _found_chain(place: Path, now: datetime, store: KeyStore) -> None:
    """Make the chain in a folder of its own and rename that: of several processes, one succeeds and the others find it."""
    make_private(place.parent)
    root_key, intermediate_key, leaf_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    tag = secrets.token_hex(4)
    root_name, intermediate_name = subject_name(f"mien root {tag}"), subject_name(f"mien intermediate {tag}")
    start = now - CLOCKS_DIFFER
    root = issue_authority(root_name, root_name, root_key, root_key, start, 1)
    intermediate = issue_authority(intermediate_name, root_name, intermediate_key, root_key, start, 0)
    leaf = issue_leaf(leaf_key.public_key(), intermediate, intermediate_key, now, place)
    temporary = place.with_name(f".{place.name}.{tag}.part")
    temporary.mkdir(mode=0o700)
    kept = False
    try:
        (temporary / _CERTIFICATES_FILE).write_bytes(to_pem(leaf, intermediate, root))
        secret = _key_pem(leaf_key) + _key_pem(intermediate_key)
        kept = store.keep(_entry(root), base64.b64encode(secret).decode())
        if not kept:
            _write_secret(temporary / _KEY_FILE, secret)
        temporary.rename(place)
    except OSError:
        if kept:
            with contextlib.suppress(KeyUnavailable):
                store.forget(_entry(root))
        if not place.exists():
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _chain_of(pem: bytes, place: Path) -> tuple[x509.Certificate, x509.Certificate, x509.Certificate]:
    try:
        leaf, intermediate, root = x509.load_pem_x509_certificates(pem)
        leaf.verify_directly_issued_by(intermediate)
        intermediate.verify_directly_issued_by(root)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise CertificateUnusable(f"the signing certificates in {place} are damaged", _renew(place)) from error
    return leaf, intermediate, root


def _keys(
    place: Path, store: KeyStore, root: x509.Certificate
) -> tuple[ec.EllipticCurvePrivateKey, ec.EllipticCurvePrivateKey, tuple[str, ...]]:
    """The keys of leaf and intermediate, and warnings."""
    path = place / _KEY_FILE
    warnings: tuple[str, ...] = ()
    if path.exists():
        warnings = _mend_mode(path)
        secret = read_pem(path)
    else:
        kept = store.secret(_entry(root))
        if kept is None:
            raise KeyUnavailable(f"the private key that belongs to {place} is lost", _renew(place))
        secret = base64.b64decode(kept)
    end = b"-----END PRIVATE KEY-----\n"
    try:
        leaf, intermediate = (
            serialization.load_pem_private_key(each + end, None) for each in secret.replace(b"\r\n", b"\n").split(end)[:2]
        )
    except ValueError as error:
        raise KeyUnavailable(f"the private key that belongs to {place} is damaged", _renew(place)) from error
    if not isinstance(leaf, ec.EllipticCurvePrivateKey) or not isinstance(intermediate, ec.EllipticCurvePrivateKey):
        raise KeyUnavailable(f"the private key that belongs to {place} is of another kind", _renew(place))
    return leaf, intermediate, warnings


def _mend_mode(path: Path) -> tuple[str, ...]:
    if os.name == "nt" or not stat.S_IMODE(path.stat().st_mode) & 0o077:
        return ()
    path.chmod(0o600)
    return (f"others on this machine could read the key {path}; that is mended, but whoever has read it can sign as you",)


def _entry(root: x509.Certificate) -> str:
    """The key's name in the system's key store."""
    return root.fingerprint(hashes.SHA256()).hex()


def _renew(place: Path) -> str:
    return f"bring {place} back from a backup, or {RENEW}"


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
