"""Reports of `mien verify --report`: written whole, as HTML or JSON by the name, each with a signature beside it."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mien import __version__
from mien.errors import MienError, UsageError
from mien.media.files.output_file import OutputFile, output_error
from mien.provenance.credentials.trust_list import open_lists
from mien.provenance.report.file_report import Examiner, FileReport
from mien.provenance.report.page import page
from mien.provenance.report.words import say
from mien.provenance.signing.detached import signature_of, signature_path
from mien.provenance.signing.installation import open_signer
from mien.provenance.signing.signer import Signer
from mien.provenance.trust import SIGNER_FOLDER
from mien.provenance.verify import Verifier
from mien.settings import Settings

SUFFIXES = (".html", ".json")
"""Endings of the names of reports."""


def check_names(paths: Sequence[Path]) -> None:
    """Raise `UsageError` for a report whose name ends in neither of `SUFFIXES`."""
    for path in paths:
        if path.suffix.lower() not in SUFFIXES:
            raise UsageError(f"a report is HTML or JSON, not {path.suffix or 'a file without ending'}", "name it report.html")


def examined(
    files: Sequence[Path], verifier: Verifier, data: Path, settings: Settings, *, search: bool
) -> tuple[list[FileReport], list[tuple[Path, MienError]]]:
    """Return the reports on the files, and the files that cannot be opened with their errors."""
    examiner = Examiner(verifier, open_lists(data), settings, search=search)
    reports: list[FileReport] = []
    failed: list[tuple[Path, MienError]] = []
    for file in files:
        try:
            reports.append(examiner.examine(file))
        except MienError as error:
            failed.append((file, error))
    return reports, failed


def write_reports(reports: Sequence[FileReport], outputs: Sequence[Path], data: Path, inputs: Sequence[Path]) -> None:
    """Write each output with its signature. Raises `OutputError` or `ProvenanceError`; then nothing of it remains."""
    check_places(outputs, inputs)
    signer = open_signer(data / SIGNER_FOLDER)
    for path in outputs:
        signed = say("signed", signer=signer.name, name=signature_path(path).name)
        if path.suffix.lower() == ".json":
            content = _json([each.described() for each in reports], signed)
        else:
            content = page(reports, signed).encode()
        write_signed(path, content, signer, inputs)


def check_places(paths: Sequence[Path], inputs: Sequence[Path] = ()) -> None:
    """Raise `OutputError` or `UsageError` for a report that cannot be written, or would replace an input; writes nothing."""
    for path in paths:
        for each in (path, signature_path(path)):
            with OutputFile(each, overwrite=True, inputs=inputs):
                pass


def write_signed(path: Path, content: bytes, signer: Signer, inputs: Sequence[Path] = ()) -> None:
    """Write a document and its signature, both or none. Raises `OutputError` or `UsageError`."""
    signature = signature_of(content, path.name, signer, datetime.now(UTC))
    with (
        OutputFile(signature_path(path), overwrite=True, inputs=inputs) as beside,
        OutputFile(path, overwrite=True, inputs=inputs) as output,
    ):
        # Both lie on the disk before either takes the place of an earlier one.
        _fill(beside, signature)
        _fill(output, content)
        beside.commit()
        output.commit()


def write_plain(path: Path, content: bytes, inputs: Sequence[Path] = (), *, private: bool = False) -> None:
    """Write a file whole or not at all, never over one of the inputs; `private` = for its owner alone.

    Raises `OutputError` or `UsageError`.
    """
    with OutputFile(path, overwrite=True, inputs=inputs) as output:
        _fill(output, content, private=private)
        output.commit()


def _fill(output: OutputFile, content: bytes, *, private: bool = False) -> None:
    try:
        output.temporary.touch(mode=0o600 if private else 0o666)
        output.temporary.write_bytes(content)
    except OSError as error:
        raise output_error(error, output.path) from error


def _json(files: list[dict[str, Any]], signed: str) -> bytes:
    said = ("preface", "looked-for", "not-looked-for", "no-ela")
    whole = {"mien_report": 1, "mien": __version__, "notes": [say(name) for name in said], "signed": signed, "files": files}
    return (json.dumps(whole, indent=1, ensure_ascii=False, default=str) + "\n").encode("utf-8", "replace")
