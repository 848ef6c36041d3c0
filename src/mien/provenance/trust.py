"""Trust behind the outputs of this installation: signer, consents and ledger, opened from the data folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from mien.errors import UsageError
from mien.media.files.temporary_files import Temporaries
from mien.provenance.consent import Consents
from mien.provenance.credentials.trust_list import open_lists
from mien.provenance.ledger import Ledger
from mien.provenance.seal import Notary
from mien.provenance.signing.choice import Signing as Signing
from mien.provenance.signing.given import command_signer, given_signer
from mien.provenance.signing.installation import known_roots, open_signer
from mien.provenance.signing.signer import Signer
from mien.provenance.verify import Verifier
from mien.settings import Settings
from mien.system.database import Database

SIGNER_FOLDER = "identity"
"""Folder in the data folder with the certificates, and with the key where the system has no key store."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Signer, consents and ledger; opened once a run; every part may be used from several threads."""

    consents: Consents
    notary: Notary
    temporaries: Temporaries

    @property
    def ledger(self) -> Ledger:
        """Ledger in which the notary records outputs."""
        return self.notary.ledger


def open_trust(data: Path, signing: Signing) -> Trust:
    """Open what is in the data folder, made at first use. Raises `ProvenanceError` or `UsageError`."""
    database = Database(data)
    consents, ledger = Consents(database), Ledger(database)
    # Fail before any work: without a ledger and a key there will be no output.
    consents.all()
    temporaries = Temporaries(database)
    temporaries.tidy()
    return Trust(consents, Notary(_open_signer(data, signing), ledger, consents, signing.timestamp_url), temporaries)


def _open_signer(data: Path, signing: Signing) -> Signer:
    if signing.certificate is None:
        if signing.key is not None or signing.command:
            raise UsageError("a key needs its certificate", "add --signing-cert with the PEM file of the certificate")
        return open_signer(data / SIGNER_FOLDER)
    if (signing.key is None) == (not signing.command):
        raise UsageError("a certificate needs a key or a command that signs", "add either --signing-key or --signing-command")
    if signing.key is not None:
        return given_signer(signing.certificate, signing.key, password=signing.password)
    return command_signer(signing.certificate, signing.command)


def open_verifier(
    data: Path, roots: Sequence[Path], settings: Settings, *, search: bool = True, with_ledger: bool = True
) -> Verifier:
    """Open a verifier that trusts this installation's own root, the ones named (PEM) and C2PA's lists. Raises `UsageError`.

    Nothing is made: without a data folder, the verifier has neither a ledger nor a root of this installation.
    """
    anchors = []
    for root in roots:
        try:
            pem = root.read_bytes()
            x509.load_pem_x509_certificates(pem)
        except (OSError, ValueError) as error:
            raise UsageError(f"the root certificate {root} cannot be read: {error}", "name a PEM file") from error
        anchors.append(pem)
    anchors += known_roots(data / SIGNER_FOLDER)
    database = Database(data)
    is_known = with_ledger and database.exists()
    ledger, consents = (Ledger(database), Consents(database)) if is_known else (None, None)
    return Verifier(anchors, ledger, settings, search=search, consents=consents, lists=open_lists(data))
