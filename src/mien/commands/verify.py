"""`mien verify`: report the credentials, mark and fingerprint of files."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from mien.commands.messages import print_error
from mien.commands.options import Commands, add_data, add_json, data_of, path_of
from mien.commands.tables import print_json
from mien.errors import MienError, UnreadableMedia
from mien.settings import Settings
from mien.system.printable import printable

if TYPE_CHECKING:
    from mien.provenance.verify import Verifier


def add(commands: Commands) -> None:
    """Add the command's parser."""
    verify = commands.add_parser(
        "verify",
        help="report what a picture or video says of itself: credentials, mark, fingerprint",
        description="Look for signed credentials, the invisible mark, and the fingerprint in this machine's ledger.",
    )
    verify.add_argument("paths", metavar="FILE|FOLDER", nargs="+")
    add_json(verify)
    verify.add_argument(
        "--root", metavar="PEM", type=Path, action="append", default=[], help="root certificate to trust; may be repeated"
    )
    verify.add_argument("--quick", action="store_true", help="do not search for cropped, zoomed or mirrored marks")
    verify.add_argument(
        "--report", metavar="FILE", type=path_of, action="append", default=[],
        help="also write a signed report for people: report.html, or report.json for programs; may be repeated",
    )  # fmt: skip
    add_data(verify)
    verify.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from mien.commands.targets import named_file
    from mien.provenance.trust import open_verifier
    from mien.provenance.verify import files_in

    data = data_of(options)
    verifier = open_verifier(data, options.root, Settings(), search=not options.quick)
    files = files_in([named_file(name) for name in options.paths])
    if options.report:
        return _report(options, files, verifier, data)
    reports, errors = [], 0
    console = Console(highlight=False, soft_wrap=True, emoji=False)
    for file in files:
        try:
            report = _examined(file, verifier)
        except MienError as error:
            errors += 1
            report = {"file": str(file), "error": str(error)}
        reports.append(report)
        if not options.json:
            _print_report(console, report)
    if options.json:
        print_json(reports)
    return UnreadableMedia.exit_code if errors else 0


def _examined(file: Path, verifier: "Verifier") -> dict[str, Any]:
    """Return the rows of a file, or those of the signature beside a report.

    A picture or video with a signature beside it is examined like any other: anybody can lay one there.
    """
    from mien.commands.verify_report import SUFFIXES
    from mien.provenance.signing.detached import check_document, signature_path

    if file.suffix.lower() in SUFFIXES and signature_path(file).is_file():
        return {"file": str(file), "signature": check_document(file, verifier.anchors).described()}
    return verifier.examine(file).described()


def _report(options: argparse.Namespace, files: Sequence[Path], verifier: "Verifier", data: Path) -> int:
    from mien.commands.verify_report import check_names, examined, write_reports

    outputs: list[Path] = options.report
    check_names(outputs)
    reports, failed = examined(files, verifier, data, Settings(), search=not options.quick)
    for file, error in failed:
        print_error(MienError(f"{file} is not in the report: {error}", error.remedy))
    if reports:
        write_reports(reports, outputs, data, files)
    if options.json:
        refused = [{"file": str(file), "error": str(error)} for file, error in failed]
        print_json([*(each.described() for each in reports), *refused])
    elif reports:
        console = Console(highlight=False, soft_wrap=True, emoji=False)
        for path in outputs:
            files_said = "1 file" if len(reports) == 1 else f"{len(reports)} files"
            console.print(escape(printable(f"{path}: {files_said}, signed in {path.name}.sig")))
    return UnreadableMedia.exit_code if failed else 0


def _print_report(console: Console, report: dict[str, Any]) -> None:
    console.print(f"[bold]{escape(printable(report['file']))}[/]")
    if "error" in report:
        console.print(f"  [red]cannot be examined:[/] {escape(printable(report['error']))}")
        return
    if "signature" in report:
        console.print(f"  signature    {escape(printable(report['signature']['words']))}")
        return
    for name in ("credentials", "mark", "fingerprint"):
        console.print(f"  {name:<12} {escape(printable(report[name]['words']))}")
        if name == "credentials":
            _print_consents(console, report[name]["details"].get("consents", ()))


def _print_consents(console: Console, consents: Sequence[dict[str, Any]]) -> None:
    """Print a line for each consent, equal ones once, numbered where there are several; this machine knows its own photos."""
    lines = list(dict.fromkeys(_consent_line(consent) for consent in consents))
    for number, line in enumerate(lines, 1):
        name = f"consent {number}" if len(lines) > 1 else "consent"
        console.print(f"  {name:<12} {escape(printable(line))}")


def _consent_line(consent: dict[str, Any]) -> str:
    when = f", {consent['recorded'][:10]}" if consent["recorded"] else ""
    photo = f", for {consent['photo']}" if consent["photo"] else ""
    return (consent["basis"] or "not said") + when + photo
