"""Who signs: the chain of this installation, a certificate that was given, or a program that signs.

The chain of an installation is made at first use. Its root signs one intermediate and is then thrown away, so that the
root, which people are asked to trust, can never sign anything else; the intermediate renews the leaf before it runs out.
"""

import base64
import contextlib
import os
import secrets
import shutil
import stat
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from mien.errors import CertificateUnusable, KeyUnavailable, OutputError, SigningFailed
from mien.provenance.signing.keystore import KeyStore
from mien.system.folders import make_private
from mien.system.programs import environment, resolved

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
PublicKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey

CLAIM_SIGNING = ObjectIdentifier("1.3.6.1.4.1.62558.2.1")
DOCUMENT_SIGNING = ObjectIdentifier("1.3.6.1.5.5.7.3.36")
PURPOSES = (ExtendedKeyUsageOID.EMAIL_PROTECTION, DOCUMENT_SIGNING, CLAIM_SIGNING)
"""What a certificate must be made for, one of these (extended key usage)."""
COMMAND_S = 30.0

_RENEW = "make a new identity with `mien certificate --new`"
_CHAIN_FOLDER = "chain"
_RETIRED = "retired-"
_MOST_RETIRED = 100
_CERTIFICATES_FILE = "certificates.pem"
_KEY_FILE = "key.pem"
_CA_LIFE = timedelta(days=30 * 365)
_LEAF_LIFE = timedelta(days=2 * 365)
_RENEW_BEFORE = timedelta(days=60)
_CLOCKS_DIFFER = timedelta(days=1)
_STALE_S = 86_400.0
_CURVES: dict[str, tuple[str, hashes.HashAlgorithm]] = {
    "secp256r1": ("es256", hashes.SHA256()),
    "secp384r1": ("es384", hashes.SHA384()),
    "secp521r1": ("es512", hashes.SHA512()),
}
_LEAST_RSA_BITS = 2048
_MOST_PEM_BYTES = 1 << 20
_MOST_SIGNATURE_BYTES = 4096
_PSS = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256().digest_size)


@dataclass(frozen=True, slots=True)
class Identity:
    """One that signs.

    `certificates` is PEM, the leaf first, without a root; `root` is the PEM of the root when it is ours. `algorithm` is
    C2PA's name, such as es256. `sign` gives the signature of bytes in COSE's form (ECDSA: r and s, fixed length) and
    raises `SigningFailed`. `name` is the signer's common name; `warnings` is what the person should know.
    """

    certificates: bytes
    root: bytes | None
    algorithm: str
    sign: Callable[[bytes], bytes] = field(repr=False)
    name: str
    warnings: tuple[str, ...] = ()


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
        leaf, intermediate, root = _chain_of(_read(place / _CERTIFICATES_FILE), place)
        leaf_key, intermediate_key, warnings = _keys(place, store, root)
        if leaf_key.public_key() != leaf.public_key() or intermediate_key.public_key() != intermediate.public_key():
            raise CertificateUnusable(f"the key and the certificates in {place} do not belong together", _renew(place))
        if not leaf.not_valid_before_utc <= moment < leaf.not_valid_after_utc - _RENEW_BEFORE:
            leaf = _issue_leaf(leaf_key.public_key(), intermediate, intermediate_key, moment, place)
            _replace(place / _CERTIFICATES_FILE, _pem(leaf, intermediate, root))
    except OSError as error:
        raise OutputError(
            f"cannot keep the signing certificates in {folder}: {error.strerror or error}",
            "make the folder writable, or name another one with MIEN_DATA",
        ) from error
    return Identity(
        certificates=_pem(leaf, intermediate),
        root=_pem(root),
        algorithm=_algorithm(leaf_key.public_key()),
        sign=_signer(leaf_key),
        name=_name(leaf),
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
        return _pem(_chain_of(_read(place / _CERTIFICATES_FILE), place)[2])
    except (OSError, CertificateUnusable):
        return None


def given_identity(
    certificate: Path, key: Path, *, password: bytes | None = None, now: datetime | None = None
) -> Identity:  # fmt: skip
    """One that signs with a certificate chain and a private key that were given, both PEM files.

    Raises `KeyUnavailable` when the key cannot be read, `CertificateUnusable` when the certificate is out of date, made
    for something else or not that of the key.
    """
    try:
        loaded = serialization.load_pem_private_key(_given(key, "key"), password)
    except TypeError:
        what = f"the key {key} is encrypted" if password is None else f"the key {key} is not encrypted"
        raise KeyUnavailable(what, "give the password of the key, and only if it has one") from None
    except ValueError as error:
        raise KeyUnavailable(
            f"the key {key} cannot be read", "give a PEM file with a private key, and its password if it has one"
        ) from error
    if not isinstance(loaded, PrivateKey):
        raise KeyUnavailable(f"the key {key} is of a kind that credentials do not know", "use an EC, RSA or Ed25519 key")
    certificates, algorithm = _given_chain(certificate, loaded.public_key(), now)
    return Identity(_pem(*certificates), None, algorithm, _signer(loaded), _name(certificates[0]))


def command_identity(
    certificate: Path, command: Sequence[str], *, now: datetime | None = None, answer_s: float = COMMAND_S
) -> Identity:  # fmt: skip
    """One whose key lies elsewhere: `command` gets the data on its standard input and gives the signature on its output.

    It hashes by itself, with the hash of the certificate's algorithm. An ECDSA signature may be raw or DER. The signature
    is checked against the certificate before it is used. Raises `CertificateUnusable`.
    """
    if not command:
        raise SigningFailed("the signing command is empty", "name a program")
    certificates, algorithm = _given_chain(certificate, None, now)
    public = _public_key(certificates[0], certificate)

    def sign(data: bytes) -> bytes:
        signature = _run(command, data, answer_s)
        if isinstance(public, ec.EllipticCurvePublicKey):
            signature = _raw(signature, public)
        _check_signature(public, data, signature, command[0])
        return signature

    return Identity(_pem(*certificates), None, algorithm, sign, _name(certificates[0]))


# The chain of this installation.


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
    root_name, intermediate_name = _subject(f"mien root {tag}"), _subject(f"mien intermediate {tag}")
    start = now - _CLOCKS_DIFFER
    root = _authority(root_name, root_name, root_key, root_key, start, 1)
    intermediate = _authority(intermediate_name, root_name, intermediate_key, root_key, start, 0)
    leaf = _issue_leaf(leaf_key.public_key(), intermediate, intermediate_key, now, place)
    temporary = place.with_name(f".{place.name}.{tag}.part")
    temporary.mkdir(mode=0o700)
    kept = False
    try:
        (temporary / _CERTIFICATES_FILE).write_bytes(_pem(leaf, intermediate, root))
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


def _authority(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey,
    start: datetime, below: int,
) -> x509.Certificate:  # fmt: skip
    return (
        _builder(subject, issuer, key.public_key(), signer.public_key(), start, start + _CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=below), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .sign(signer, hashes.SHA256())
    )


def _issue_leaf(
    key: ec.EllipticCurvePublicKey, intermediate: x509.Certificate, intermediate_key: ec.EllipticCurvePrivateKey,
    now: datetime, place: Path,
) -> x509.Certificate:  # fmt: skip
    first, last = intermediate.not_valid_before_utc, intermediate.not_valid_after_utc
    if now < first:
        raise CertificateUnusable(
            f"this machine's clock says {now:%Y-%m-%d}, but its signing identity was made when the clock said "
            f"{first + _CLOCKS_DIFFER:%Y-%m-%d}: it was ahead then, or is behind now",
            f"set the clock if it is wrong now; if it is right, {_RENEW}",
        )
    if now >= last:
        raise CertificateUnusable(
            f"the signing identity of this installation expired on {last:%Y-%m-%d}; the clock says {now:%Y-%m-%d}",
            f"set the clock if it is wrong; if it is right, {_RENEW}",
        )
    tag = intermediate.subject.rfc4514_string().rpartition(" ")[2].partition(",")[0]
    start, end = max(now - _CLOCKS_DIFFER, first), min(now + _LEAF_LIFE, last)
    return (
        _builder(_subject(f"mien installation {tag}"), intermediate.subject, key, intermediate_key.public_key(), start, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .sign(intermediate_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, issuer_key: ec.EllipticCurvePublicKey,
    start: datetime, end: datetime,
) -> x509.CertificateBuilder:  # fmt: skip
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=not signs, crl_sign=not signs, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _subject(name: str) -> x509.Name:
    # Neither the person nor the machine: whoever receives a file learns that two files have one maker, and no more.
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "mien"), x509.NameAttribute(NameOID.COMMON_NAME, name)])


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
        secret = _read(path)
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
    return f"bring {place} back from a backup, or {_RENEW}"


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


# Certificates that were given.


def _given_chain(path: Path, key: PublicKey | None, now: datetime | None) -> tuple[list[x509.Certificate], str]:
    """Leaf and intermediates in order, without a root, and C2PA's name of the algorithm. `key` None = the first is the leaf."""
    try:
        certificates = x509.load_pem_x509_certificates(_given(path, "certificate"))
    except ValueError as error:
        raise CertificateUnusable(f"{path} holds no certificate", "give a PEM file, the signer's certificate first") from error
    leaf = certificates[0] if key is None else next((each for each in certificates if each.public_key() == key), None)
    if leaf is None:
        raise CertificateUnusable(f"the key does not belong to the certificate {path}", "give the two that belong together")
    chain = [leaf]
    others = [each for each in certificates if each is not leaf]
    while (above := next((each for each in others if _issued(chain[-1], each)), None)) is not None:
        others.remove(above)
        if above.subject == above.issuer:
            break
        chain.append(above)
    _check_leaf(leaf, path, now or datetime.now(UTC))
    return chain, _algorithm(_public_key(leaf, path))


def _check_leaf(leaf: x509.Certificate, path: Path, now: datetime) -> None:
    first, last = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if now < first:
        raise CertificateUnusable(f"the certificate {path} begins only on {first:%Y-%m-%d}", "set the clock if it is wrong")
    if now >= last:
        raise CertificateUnusable(
            f"the certificate {path} ran out on {last:%Y-%m-%d}", "renew it, or set the clock if it is wrong"
        )
    if leaf.subject == leaf.issuer:
        raise CertificateUnusable(
            f"the certificate {path} is signed by itself", "use one that an authority has issued; C2PA refuses others"
        )
    try:
        purposes = list(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
        signs = leaf.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    except (x509.ExtensionNotFound, ValueError):
        purposes, signs = [], False
    if not signs or not set(purposes) & set(PURPOSES):
        raise CertificateUnusable(
            f"the certificate {path} is not made for signing files",
            "use one for S/MIME (e-mail), document signing or C2PA claim signing",
        )


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _public_key(certificate: x509.Certificate, path: Path) -> PublicKey:
    key = certificate.public_key()
    if not isinstance(key, PublicKey):
        raise CertificateUnusable(f"the key of {path} is of a kind that credentials do not know", "use EC, RSA or Ed25519")
    return key


def _given(path: Path, kind: str) -> bytes:
    try:
        return _read(path)
    except OSError as error:
        error_class = KeyUnavailable if kind == "key" else CertificateUnusable
        raise error_class(f"the {kind} {path} cannot be read: {error.strerror or error}", "name a PEM file") from error


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MOST_PEM_BYTES)


# Signatures.


def _algorithm(key: PublicKey) -> str:
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name not in _CURVES:
            raise CertificateUnusable(f"C2PA does not know the curve {key.curve.name}", "use P-256, P-384 or P-521")
        return _CURVES[key.curve.name][0]
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < _LEAST_RSA_BITS:
            raise CertificateUnusable(f"an RSA key of {key.key_size} bits is too weak", f"use {_LEAST_RSA_BITS} bits or more")
        return "ps256"
    return "ed25519"


def _signer(key: PrivateKey) -> Callable[[bytes], bytes]:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        public = key.public_key()
        return lambda data: _raw(key.sign(data, ec.ECDSA(_CURVES[public.curve.name][1])), public)
    if isinstance(key, rsa.RSAPrivateKey):
        return lambda data: key.sign(data, _PSS, hashes.SHA256())
    return key.sign


def _raw(signature: bytes, key: ec.EllipticCurvePublicKey) -> bytes:
    """r and s, each as long as the curve's order (RFC 9053, section 2.1), of a signature that is so already or DER."""
    length = (key.curve.key_size + 7) // 8
    if len(signature) == 2 * length:
        return signature
    try:
        r, s = decode_dss_signature(signature)
        return r.to_bytes(length, "big") + s.to_bytes(length, "big")
    except (ValueError, OverflowError) as error:
        raise SigningFailed("what was given as a signature is none", "check the signing command") from error


def _check_signature(key: PublicKey, data: bytes, signature: bytes, program: str) -> None:
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            half = len(signature) // 2
            r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
            key.verify(encode_dss_signature(r, s), data, ec.ECDSA(_CURVES[key.curve.name][1]))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, _PSS, hashes.SHA256())
        else:
            key.verify(signature, data)
    except InvalidSignature:
        raise SigningFailed(
            f"the signature that {program} gave does not belong to the certificate",
            "let it sign with the key of the certificate, and hash as docs/credentials.md says",
        ) from None


def _run(command: Sequence[str], data: bytes, answer_s: float) -> bytes:
    remedy = "try the signing command by hand"
    try:
        done = subprocess.run(
            resolved(command), input=data, capture_output=True, timeout=answer_s, env=environment(), check=False
        )
    except subprocess.TimeoutExpired:
        raise SigningFailed(f"the signing command {command[0]} gave no answer in {answer_s:.0f} s", remedy) from None
    except OSError as error:
        raise SigningFailed(f"the signing command {command[0]} cannot be run: {error.strerror or error}", remedy) from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise SigningFailed(f"the signing command {command[0]} failed ({done.returncode}): {said[0][:200]}", remedy)
    if not 0 < len(done.stdout) <= _MOST_SIGNATURE_BYTES:
        raise SigningFailed(f"the signing command {command[0]} gave {len(done.stdout)} bytes, not a signature", remedy)
    return done.stdout


def _pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


def _name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()
