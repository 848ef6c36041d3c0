"""C2PA's official trust lists: certificates of conforming signers and of time-stamp authorities, each with its date.

Copies come with mien. A newer one is taken from files that the user names, and is kept in the data folder; nothing here uses
the network. The files are text: a line of the title, lines of a name, a tab and a value, then certificates in PEM.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib import resources
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mien.errors import UsageError
from mien.media.files.output_file import OutputFile, output_error
from mien.system.folders import make_private

SIGNERS, STAMPS = "C2PA Trust List", "C2PA TSA Trust List"
"""Names of the two official lists, as they name themselves."""
_FILES = {SIGNERS: "c2pa_trust_list.txt", STAMPS: "c2pa_tsa_trust_list.txt"}
_FOLDER = "trust-lists"
_TRUSTED = "http://c2pa.org/conformance/trust-list/trusted"
_MAX_BYTES = 4 << 20  # the list of August 2026 has 65 kB
_MAX_CERTIFICATES = 2000  # likewise 30


@dataclass(frozen=True, slots=True)
class TrustList:
    """One list: its name, the days of issue and of the next issue, and its certificates, PEM."""

    name: str
    issued: date
    next_update: date | None
    certificates: bytes

    @property
    def count(self) -> int:
        """Number of certificates."""
        return self.certificates.count(b"-----BEGIN CERTIFICATE-----")

    def is_overdue(self, today: date) -> bool:
        """Return whether a newer list should have been issued by now."""
        return self.next_update is not None and today > self.next_update

    def described(self, today: date) -> str:
        """Return name and date, with a warning for a list that is out of date."""
        words = f"{self.name} of {self.issued}"
        if self.is_overdue(today):
            return f"{words}, which was to be replaced by {self.next_update}: run mien trust update"
        return words


@dataclass(frozen=True, slots=True)
class TrustLists:
    """List of signers and list of time-stamp authorities."""

    signers: TrustList
    stamps: TrustList

    @property
    def certificates(self) -> bytes:
        """Certificates of both, PEM."""
        return self.signers.certificates + self.stamps.certificates


def bundled_lists() -> TrustLists:
    """Return the lists that come with mien."""
    return TrustLists(*(_parse(resources.files("mien").joinpath("assets", _FILES[name]).read_text("utf-8"))
                        for name in (SIGNERS, STAMPS)))  # fmt: skip


def open_lists(data: Path) -> TrustLists:
    """Return the newest lists known: those in the data folder, or those that come with mien. Damaged files are ignored."""
    bundled = bundled_lists()
    return TrustLists(_newer(bundled.signers, data), _newer(bundled.stamps, data))


def update_lists(data: Path, files: Sequence[Path]) -> list[TrustList]:
    """Keep official lists, JSON as C2PA publishes them, in the data folder; return them.

    Raises `UsageError` for a file that is not one or is older than the list in use, `OutputError` when it cannot be kept.
    """
    found = [_official(path) for path in files]
    known = open_lists(data)
    for each in found:
        now = known.signers if each.name == SIGNERS else known.stamps
        if each.issued < now.issued:
            raise UsageError(
                f"the {each.name} of {each.issued} is older than the one in use, of {now.issued}", "fetch it again"
            )
    for each in found:
        _keep(data / _FOLDER / _FILES[each.name], each)
    return found


def _newer(bundled: TrustList, data: Path) -> TrustList:
    try:
        kept = _parse((data / _FOLDER / _FILES[bundled.name]).read_text("utf-8"))
    except (OSError, ValueError, LookupError):
        return bundled
    return kept if kept.name == bundled.name and kept.issued >= bundled.issued else bundled


def _parse(text: str) -> TrustList:
    """Return the list in a file of this module. Raises `ValueError` or `LookupError`."""
    title, _, rest = text.partition("\n")
    head, _, _ = rest.partition("\n\n")
    facts = dict(line.split("\t", 1) for line in head.splitlines())
    # Only what parses counts, and only what was parsed is passed on.
    parsed = x509.load_pem_x509_certificates(text.encode())
    if len(parsed) != int(facts["Certificates"]):
        raise ValueError("a certificate is missing")
    certificates = _pem(parsed)
    until = facts.get("NextUpdate")
    return TrustList(title, date.fromisoformat(facts["Issued"]), date.fromisoformat(until) if until else None, certificates)


def _keep(path: Path, each: TrustList) -> None:
    until = f"NextUpdate\t{each.next_update}\n" if each.next_update else ""
    text = f"{each.name}\nIssued\t{each.issued}\n{until}Certificates\t{each.count}\n\n{each.certificates.decode('ascii')}"
    try:
        make_private(path.parent)
        with OutputFile(path, overwrite=True) as output:
            output.temporary.write_text(text, "utf-8")
            output.commit()
    except OSError as error:
        raise output_error(error, path) from error


def _official(path: Path) -> TrustList:
    remedy = f"name {SIGNERS} or {STAMPS} in JSON, from github.com/c2pa-org/conformance-public"
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise UsageError(f"{path} is too large for a trust list", remedy)
        return _of_json(json.loads(content)["LoTE"])
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}", remedy) from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"{path} is not one of C2PA's trust lists ({type(error).__name__})", remedy) from error


def _of_json(lote: dict[str, Any]) -> TrustList:
    about = lote["ListAndSchemeInformation"]
    name = about["SchemeName"][0]["value"]
    if name not in _FILES:
        raise ValueError(name)
    certificates = [
        x509.load_der_x509_certificate(base64.b64decode(given["val"], validate=True))
        for entity in lote["TrustedEntitiesList"]
        for service in entity["TrustedEntityServices"]
        if service["ServiceInformation"].get("ServiceStatus", _TRUSTED) == _TRUSTED
        for given in service["ServiceInformation"]["ServiceDigitalIdentity"]["X509Certificates"]
    ]
    if not 0 < len(certificates) <= _MAX_CERTIFICATES:
        raise ValueError(f"{len(certificates)} certificates")
    until = about.get("NextUpdate")
    return TrustList(name, _day(about["ListIssueDateTime"]), _day(until) if until else None, _pem(certificates))


def _day(text: str) -> date:
    return datetime.fromisoformat(text).astimezone(UTC).date()


def _pem(certificates: Sequence[x509.Certificate]) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)
