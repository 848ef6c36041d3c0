"""`mien consent`: the recorded statements of consent, listed or revoked."""

import argparse
from typing import TYPE_CHECKING

from rich.markup import escape

from mien.commands.options import Commands, add_data, add_json, data_of
from mien.commands.tables import new_table, print_json, print_table
from mien.errors import UsageError
from mien.provenance.consent import COMPARISON, COMPARISON_STATEMENT, STATEMENTS
from mien.system.printable import printable

if TYPE_CHECKING:
    from mien.provenance.consent import Consent


def add(commands: Commands) -> None:
    """Add the command's parser."""
    consent = commands.add_parser(
        "consent",
        help="list your statements of consent, or revoke one",
        description="List the statements of consent of this installation, or revoke one.",
    )
    consent.add_argument("action", nargs="?", choices=("list", "revoke"), default="list")
    consent.add_argument("id", nargs="?", help="statement to revoke; its face no longer loads")
    add_json(consent)
    add_data(consent)
    consent.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from mien.provenance.consent import Consents
    from mien.system.database import Database

    consents = Consents(Database(data_of(options)))
    if options.action == "revoke":
        if options.id is None:
            raise UsageError("no statement to revoke", "name its id; `mien consent` lists them")
        consents.revoke(options.id)
    elif options.id is not None:
        raise UsageError(f"unexpected argument {options.id!r}", "to revoke a statement: `mien consent revoke ID`")
    found = consents.all()
    if options.json:
        print_json([_described(each) for each in found])
        return 0
    if not found:
        print("no consent has been recorded yet")
        return 0
    table = new_table("id", "statement", "photo", "given", "adult", "revoked")
    for each in found:
        table.add_row(*(escape(printable(str(value))) for value in _described(each).values()))
    print_table(table)
    return 0


def _described(consent: "Consent") -> dict[str, str]:
    return {
        "id": consent.id,
        "statement": {**STATEMENTS, COMPARISON: COMPARISON_STATEMENT}.get(consent.statement, consent.statement),
        "photo": consent.photo,
        "given_at": consent.given_at.isoformat(timespec="seconds"),
        "adult_at": consent.adult_at.isoformat(timespec="seconds") if consent.adult_at else "",
        "revoked_at": consent.revoked_at.isoformat(timespec="seconds") if consent.revoked_at else "",
    }
