"""`mien devices`: cameras, microphones, screens and virtual cameras."""

import argparse

from rich.markup import escape

from mien.commands.options import Commands, add_json
from mien.commands.tables import new_table, print_json, print_table
from mien.system.printable import printable


def add(commands: Commands) -> None:
    """Add the command's parser."""
    devices = commands.add_parser("devices", help="list cameras, microphones, screens and virtual cameras")
    add_json(devices)
    devices.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from mien.media.capture.devices import describe_devices

    found = describe_devices()
    if options.json:
        print_json(found)
        return 0
    table = new_table("kind", "id", "name", "modes")
    for group, devices in found.items():
        kind = group.replace("_", " ")
        if not devices:
            table.add_row(kind, "-", "none found", "")
        for facts in devices:
            modes = facts.get("modes") or ()
            listed = ", ".join(sorted({f"{mode['width']}x{mode['height']} {mode['pixel_format']}" for mode in modes}))
            about = (escape(printable(str(facts[key]))) for key in ("id", "name"))
            table.add_row(kind, *about, listed)
    print_table(table)
    return 0
