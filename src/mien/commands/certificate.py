"""`mien certificate`: the root certificate of this installation."""

import argparse

from mien.commands.options import Commands, add_data, data_of


def add(commands: Commands) -> None:
    """Add the command's parser."""
    certificate = commands.add_parser(
        "certificate",
        help="print the root certificate of this installation, for those who want to trust its outputs",
        description="Print the root certificate (PEM) behind the signatures of this installation.",
    )
    certificate.add_argument(
        "--new",
        action="store_true",
        help="make a new signer first; the old one is kept only so that its outputs stay known here",
    )
    add_data(certificate)
    certificate.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from mien.provenance.signing.installation import export_root, renew_signer
    from mien.provenance.trust import SIGNER_FOLDER

    folder = data_of(options) / SIGNER_FOLDER
    if options.new:
        renew_signer(folder)
    print(export_root(folder).decode("ascii"), end="")
    return 0
