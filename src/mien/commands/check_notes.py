"""Notes of `mien check`, written whole: a page with its slow repeats, or JSON, each signed."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mien.check.requests.requests import Told
from mien.check.requests.rows import row_of
from mien.check.sentences import phrase
from mien.commands.verify_report import write_signed
from mien.errors import OutputError
from mien.provenance.report.file_report import ReportRow
from mien.provenance.report.page import film_of, sheet_of, standing_page, table_of
from mien.provenance.report.words import say
from mien.provenance.signing.detached import signature_path
from mien.provenance.signing.installation import open_signer
from mien.provenance.trust import SIGNER_FOLDER


def write_notes(
    paths: Sequence[Path], data: Path, rows: Sequence[ReportRow], told: Sequence[Told], notes: dict[str, Any]
) -> None:
    """Write each file with its signature, also when another cannot be written. Raises `OutputError` or `ProvenanceError`."""
    if not paths:
        return
    signer = open_signer(data / SIGNER_FOLDER)
    films = [film_of(each.film, f"{row_of(each.answer).subject}: {each.answer.seen}") for each in told if each.film is not None]
    title = phrase("title")
    kept = phrase("kept" if films else "kept-none")
    failed: OutputError | None = None
    for path in paths:
        signed = say("signed", signer=signer.name, name=signature_path(path).name)
        if path.suffix.lower() == ".json":
            content = json.dumps({**notes, "films": len(films), "signed": signed}, indent=1, ensure_ascii=False) + "\n"
        else:
            body = f"<h1>{title}</h1>{table_of(rows)}" + (sheet_of(phrase("repeat"), films) if films else "")
            content = standing_page(title, phrase("preface"), body, (kept, signed))
        try:
            write_signed(path, content.encode("utf-8", "replace"), signer)
        except OutputError as error:
            failed = failed or error
    if failed is not None:
        raise failed
