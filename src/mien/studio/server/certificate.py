"""Self-signed certificate of a shared studio: it encrypts, but browsers warn because no authority vouches for it."""

import datetime
import ipaddress
import os
import socket
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mien.errors import OutputError
from mien.media.files.output_file import output_error
from mien.system.folders import make_private

_LIFE = datetime.timedelta(days=365)
_RENEW_BEFORE = datetime.timedelta(days=14)


def own_certificate(folder: Path, hosts: Iterable[str]) -> tuple[Path, Path]:
    """Return certificate and key in `folder`; make them when they are missing, expire soon, lack a host or are not private.

    Raises `OutputError`.
    """
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    names = sorted({"localhost", "127.0.0.1", "::1", socket.gethostname(), *hosts})
    if _fits(certificate, key, names):
        return certificate, key
    try:
        make_private(folder)
        secret, made = _make(names)
        # An existing file would keep its mode.
        key.unlink(missing_ok=True)
        descriptor = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secret)
        certificate.write_bytes(made)
    except OSError as error:
        raise output_error(error, folder) from error
    return certificate, key


def fingerprint(certificate: Path) -> str:
    """Return the SHA-256 of the certificate as browsers show it. Raises `OutputError` when it cannot be read."""
    try:
        loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError) as error:
        raise OutputError(f"invalid certificate {certificate}: {error}", "name a PEM file with --cert") from error
    return ":".join(f"{byte:02X}" for byte in loaded.fingerprint(hashes.SHA256()))


def _fits(certificate: Path, key: Path, names: list[str]) -> bool:
    try:
        loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
        alternatives = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        secret = serialization.load_pem_private_key(key.read_bytes(), None)
        is_private = os.name == "nt" or not key.stat().st_mode & 0o077
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    known = {str(name.value) for name in alternatives}
    expires = datetime.datetime.now(datetime.UTC) + _RENEW_BEFORE > loaded.not_valid_after_utc
    return is_private and not expires and known >= set(names) and secret.public_key() == loaded.public_key()


def _make(names: list[str]) -> tuple[bytes, bytes]:
    """Make a private key and a certificate that it signs itself, both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mien studio")])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + _LIFE)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )  # fmt: skip
    return secret, made.public_bytes(serialization.Encoding.PEM)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
