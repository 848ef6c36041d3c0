"""`mien tokens`: lasting tokens for programs and for the address of the picture alone, listed, made or revoked."""

import argparse

from rich.markup import escape

from mien.commands.options import Commands, add_data, add_json, data_of
from mien.commands.tables import new_table, print_json, print_table
from mien.errors import UsageError
from mien.system.printable import printable


def add(commands: Commands) -> None:
    """Add the command's parser."""
    tokens = commands.add_parser(
        "tokens",
        help="list, make or revoke lasting tokens of the studio's API",
        description="List the lasting tokens of the studio's API, make one, or revoke one (docs/api.md).",
    )
    tokens.add_argument("action", nargs="?", choices=("list", "add", "revoke"), default="list")
    tokens.add_argument("name", nargs="?", metavar="NAME|ID", help="name of the token to make, or id of the one to revoke")
    tokens.add_argument(
        "--view", action="store_true", help="with add: a token that may watch the labelled picture, nothing else"
    )
    add_json(tokens)
    add_data(tokens)
    tokens.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from mien.studio.session.database import StudioDatabase
    from mien.studio.session.tokens import Tokens

    tokens = Tokens(StudioDatabase(data_of(options)))
    if options.action == "list" and options.name is not None:
        raise UsageError(f"unexpected argument {options.name!r}", "to make a token: `mien tokens add NAME`")
    if options.action != "list" and options.name is None:
        raise UsageError(f"no token to {options.action}", "name it: `mien tokens add NAME`, `mien tokens revoke ID`")
    if options.action == "add":
        secret, made = tokens.make(options.name, "view" if options.view else "control")
        if options.json:
            print_json({"id": made.id, "name": made.name, "scope": made.scope, "token": secret})
        else:
            print(f"{secret}\nKeep it: it is shown this once. `mien tokens revoke {made.id}` takes it back.")
        return 0
    if options.action == "revoke":
        tokens.revoke(options.name)
        print(f"revoked {options.name}")
        return 0
    rows = [(each.id, each.name, each.scope, each.made_at.isoformat(timespec="seconds")) for each in tokens.all()]
    if options.json:
        print_json([dict(zip(("id", "name", "scope", "made_at"), row, strict=True)) for row in rows])
    elif not rows:
        print("there are no tokens")
    else:
        table = new_table("id", "name", "scope", "made")
        for row in rows:
            table.add_row(*(escape(printable(cell)) for cell in row))
        print_table(table)
    return 0
