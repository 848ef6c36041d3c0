"""`mien settings`: every setting with its default and bounds."""

import argparse
from dataclasses import asdict

from rich.markup import escape

from mien.commands.options import Commands, add_json
from mien.commands.tables import new_table, print_json, print_table
from mien.settings import table


def add(commands: Commands) -> None:
    """Add the command's parser."""
    text = "list all settings with their defaults and bounds"
    settings = commands.add_parser("settings", help=text, description=text)
    add_json(settings)
    settings.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    rows = list(table())
    if options.json:
        print_json([asdict(row) for row in rows])
        return 0
    shown = new_table("setting", "default", "bounds", "what it does")
    for row in rows:
        bounds = ", ".join(row.choices or row.several) or (f"{row.low or 0:g} to {row.high:g}" if row.high is not None else "")
        shown.add_row(row.name, escape(str(row.default)), bounds, escape(row.help))
    print_table(shown)
    return 0
