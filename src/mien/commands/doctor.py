"""`mien doctor`: report what works on this machine, and what does not."""

import argparse
from dataclasses import asdict

from rich.markup import escape

from mien.commands.messages import error_console
from mien.commands.options import Commands, add_json
from mien.commands.tables import new_table, print_json, print_table
from mien.system.printable import printable


def add(commands: Commands) -> None:
    """Add the command's parser."""
    text = "report what works on this machine: versions, devices, cameras, codecs, models"
    doctor = commands.add_parser("doctor", help=text, description=text)
    add_json(doctor)
    doctor.add_argument(
        "--prepare", action="store_true", help="compile all that mien compiles for this processor, so that no first start does"
    )
    doctor.add_argument(
        "--check",
        action="store_true",
        help="compare the fast ways of computing with slow ones; what is wrong is not used again",
    )
    doctor.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from mien.commands.findings import examine
    from mien.models.library.store import Store

    if options.prepare:
        from mien.commands.preparation import prepare

        console = error_console()
        console.print(f"kept in {prepare(Store(), console.print)}", markup=False)
        return 0
    if options.check:
        from mien.commands.preparation import check

        return check(Store(), error_console().print)
    findings = examine(Store())
    if options.json:
        print_json([asdict(finding) for finding in findings])
    else:
        table = new_table("", "topic", "what", "state")
        for finding in findings:
            sign = "[bold red]!![/]" if not finding.fine else "[yellow]??[/]" if finding.untried else "[green]ok[/]"
            table.add_row(sign, finding.topic, *(escape(printable(cell)) for cell in (finding.name, finding.state)))
        print_table(table)
    return 0 if all(finding.fine for finding in findings) else 1
