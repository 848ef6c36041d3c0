"""What stands behind an output of this installation: the identity that signs, the consents, the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from mien.errors import UsageError
from mien.media.files.temporary_files import Temporaries
from mien.provenance.consent import Consents
from mien.provenance.ledger import Ledger
from mien.provenance.seal import Notary
from mien.provenance.signing.given import command_identity, given_identity
from mien.provenance.signing.installation import known_roots, open_identity
from mien.provenance.signing.signer import Identity
from mien.provenance.verify import Verifier
from mien.settings import Settings
from mien.system.database import Database

IDENTITY_FOLDER = "identity"
"""In the data folder: certificates, and the key where the system has no store for keys."""


@dataclass(frozen=True, slots=True)
class Signing:
    """Who signs, as asked for; nothing = the key of this installation. `timestamp_url` is an RFC 3161 authority."""

    certificate: Path | None = None
    key: Path | None = None
    password: bytes | None = None
    command: tuple[str, ...] = ()
    timestamp_url: str | None = None


@dataclass(frozen=True, slots=True)
class Trust:
    """Opened once a run; every part may be used from several threads."""

    consents: Consents
    notary: Notary
    temporaries: Temporaries

    @property
    def ledger(self) -> Ledger:
        return self.notary.ledger


def open_trust(data: Path, signing: Signing) -> Trust:
    """Open what lies in the data folder, made at first use. Raises `ProvenanceError` or `UsageError`."""
    database = Database(data)
    consents, ledger = Consents(database), Ledger(database)
    # Before any work: without a ledger and a key there will be no output.
    consents.all()
    temporaries = Temporaries(database)
    temporaries.tidy()
    return Trust(consents, Notary(_identity(data, signing), ledger, consents, signing.timestamp_url), temporaries)


def _identity(data: Path, signing: Signing) -> Identity:
    if signing.certificate is None:
        if signing.key is not None or signing.command:
            raise UsageError("a key needs its certificate", "add --signing-cert with the PEM file of the certificate")
        return open_identity(data / IDENTITY_FOLDER)
    if (signing.key is None) == (not signing.command):
        raise UsageError("a certificate needs one that signs", "add either --signing-key or --signing-command")
    if signing.key is not None:
        return given_identity(signing.certificate, signing.key, password=signing.password)
    return command_identity(signing.certificate, signing.command)


def open_verifier(
    data: Path, roots: Sequence[Path], settings: Settings, *, search: bool = True, with_ledger: bool = True
) -> Verifier:
    """What looks into files; trusts this installation's own root and the ones named (PEM). Raises `UsageError`.

    Nothing is made here: without a data folder there is just no ledger and no root of one's own.
    """
    anchors = []
    for root in roots:
        try:
            pem = root.read_bytes()
            x509.load_pem_x509_certificates(pem)
        except (OSError, ValueError) as error:
            raise UsageError(f"the root certificate {root} cannot be read: {error}", "name a PEM file") from error
        anchors.append(pem)
    anchors += known_roots(data / IDENTITY_FOLDER)
    database = Database(data)
    return Verifier(anchors, Ledger(database) if with_ledger and database.exists() else None, settings, search=search)
