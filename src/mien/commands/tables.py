"""Printed tables, and JSON for programs."""

import json

from rich.console import Console
from rich.table import Table


def new_table(*columns: str) -> Table:
    """Return an empty table without borders whose cells fold where the terminal ends."""
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def print_table(table: Table) -> None:
    """Print the table on standard output."""
    Console(highlight=False).print(table)


def print_text(text: str) -> None:
    """Print text on standard output as it is."""
    print(text, end="")


def print_json(value: object) -> None:
    """Print the value as indented JSON on standard output."""
    print(json.dumps(value, indent=2))
