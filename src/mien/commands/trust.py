"""`mien trust`: C2PA's lists of conforming signers and time-stamp authorities: show them, take newer ones."""

import argparse
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mien.commands.options import Commands, add_data, data_of
from mien.commands.tables import new_table, print_table

if TYPE_CHECKING:
    from mien.provenance.credentials.trust_list import TrustList

_ADDRESS = "https://raw.githubusercontent.com/c2pa-org/conformance-public/main/trust-list/"
_NAMES = ("C2PA-TRUST-LIST.json", "C2PA-TSA-TRUST-LIST.json")
_MAX_BYTES = 4 << 20  # of a list; that of August 2026 has 65 kB


def add(commands: Commands) -> None:
    """Add the command's parser."""
    trust = commands.add_parser(
        "trust",
        help="show C2PA's lists of signers that mien verify knows, or take newer ones",
        description="Show the trust lists with their dates; `update` takes newer ones. Nothing is ever updated by itself.",
    )
    trust.add_argument("action", nargs="?", choices=("show", "update"), default="show")
    trust.add_argument(
        "files", metavar="FILE", nargs="*", type=Path,
        help=f"lists for `update`, {' and '.join(_NAMES)}; without files they are fetched from C2PA's repository on GitHub",
    )  # fmt: skip
    add_data(trust)
    trust.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from mien.errors import UsageError
    from mien.provenance.credentials.trust_list import open_lists, update_lists

    data = data_of(options)
    if options.action == "update" and options.files:
        update_lists(data, options.files)
    elif options.action == "update":
        with tempfile.TemporaryDirectory() as folder:
            update_lists(data, [_fetched(name, Path(folder)) for name in _NAMES])
    elif options.files:
        raise UsageError("files are for `mien trust update`", "write: mien trust update FILE...")
    lists = open_lists(data)
    _print((lists.signers, lists.stamps))
    return 0


def _print(lists: "tuple[TrustList, ...]") -> None:
    table = new_table("list", "issued", "next update", "certificates", "")
    today = datetime.now(UTC).date()
    for each in lists:
        until = "not said" if each.next_update is None else str(each.next_update)
        note = "out of date: run mien trust update" if each.is_overdue(today) else ""
        table.add_row(each.name, str(each.issued), until, str(each.count), note)
    print_table(table)


def _fetched(name: str, folder: Path) -> Path:
    """Fetch a list into a folder and return its path. Raises `DownloadFailed`."""
    from mien.errors import DownloadFailed
    from mien.models.library.https import Refused, open_url

    remedy = "fetch it with a browser and name the file: mien trust update FILE..."
    content = b""
    try:
        with open_url(_ADDRESS + name, 0) as reply:
            while chunk := reply.read1(1 << 16):
                content += chunk
                if len(content) > _MAX_BYTES:
                    raise DownloadFailed(f"{name} is too large for a trust list", remedy)
    except (Refused, OSError) as error:
        raise DownloadFailed(f"{name} cannot be fetched from C2PA's repository: {error}", remedy) from error
    path = folder / name
    path.write_bytes(content)
    return path
