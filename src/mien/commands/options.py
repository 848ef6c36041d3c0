"""Options that several commands share, and the values they stand for."""

import argparse
import os
import shlex
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from mien.provenance.consent import ADULT_STATEMENT, STATEMENTS
from mien.settings import Settings, from_mapping, read_file, table
from mien.system.folders import data_folder, reachable

if TYPE_CHECKING:
    from mien.provenance.signing.choice import Signing

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""Parsers of the commands; each command adds its own."""
EXIT_CODES = """\
exit codes:
  0  done                               6  no face in the target
  2  the request is invalid             7  a model file is missing or damaged
  3  the photo cannot be used           8  the output cannot be marked, signed or recorded
  4  the target cannot be read          9  the content check refuses the picture
  5  the output cannot be written      10  a part of a film cannot be made yet
                                      130  stopped by Ctrl-C (nothing is left half written)
"""
_KEY_PASSWORD_VARIABLE = "MIEN_SIGNING_PASSWORD"


def path_of(text: str) -> Path:
    """Return the path of a name; an empty one, which an unset variable of a script leaves, is an error."""
    if not text:
        raise argparse.ArgumentTypeError("empty name")
    return Path(text)


def job_of(text: str) -> Path | str:
    """Return the place of a film in parts: a folder, or an address with a scheme, in which two slashes must stay."""
    return text if "://" in text else path_of(text)


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add `--data`; `data_of` reads it."""
    parser.add_argument(
        "--data", metavar="FOLDER", type=Path, help="folder of key, ledger, queue, saved faces and presets (default: MIEN_DATA)"
    )


def data_of(options: argparse.Namespace) -> Path:
    """Return the data folder that was named, else the default one. Raises `ProvenanceError`."""
    return reachable(options.data) if options.data else data_folder()


def add_trust(parser: argparse.ArgumentParser, *, several: bool = False, signing: bool = True) -> None:
    """Add `--consent`, `--adult` and what `add_signing` adds; without `signing`, `--data` alone of the latter.

    `several`: there may be several photos, each with a consent of its own, written PHOTO=WHY.
    """
    if several:
        words = f"why you may use the face: {', '.join(STATEMENTS)}; PHOTO=WHY for one of several; asked once for each photo"
        parser.add_argument("--consent", metavar="[PHOTO=]WHY", action="append", default=[], help=words)
    else:
        parser.add_argument("--consent", choices=tuple(STATEMENTS), help="why you may use the face; asked once for each photo")
    parser.add_argument("--adult", action="store_true", help=f"state that {ADULT_STATEMENT}; asked when the face looks younger")
    if signing:
        add_signing(parser)
    else:
        add_data(parser)


def add_signing(parser: argparse.ArgumentParser) -> None:
    """Add `--data` and the options of signing; `signing_of` reads the latter."""
    add_data(parser)
    signing = parser.add_argument_group("signing (default: a key of this installation)")
    signing.add_argument("--signing-cert", metavar="PEM", type=Path, help="your certificate, followed by its issuers")
    signing.add_argument(
        "--signing-key", metavar="PEM", type=Path, help=f"its private key (password: {_KEY_PASSWORD_VARIABLE})"
    )
    signing.add_argument("--signing-command", metavar="COMMAND", help="program that signs its standard input, instead of a key")
    signing.add_argument("--timestamp-url", metavar="URL", help="time-stamp authority (RFC 3161), asked once a file")


def signing_of(options: argparse.Namespace) -> "Signing":
    """Return the key, program and time-stamp authority that were named; those of the installation where none can be."""
    from mien.provenance.signing.choice import Signing

    if not hasattr(options, "signing_cert"):
        return Signing()
    password = os.environ.get(_KEY_PASSWORD_VARIABLE)
    return Signing(
        certificate=options.signing_cert,
        key=options.signing_key,
        password=password.encode() if password and options.signing_key else None,
        command=tuple(shlex.split(options.signing_command)) if options.signing_command else (),
        timestamp_url=options.timestamp_url,
    )


def add_settings(parser: argparse.ArgumentParser, among: Collection[str] | None = None) -> None:
    """Add `--config` and a flag for each setting, or for those `among` these names or groups; `settings_of` reads them."""
    parser.add_argument("--config", metavar="FILE", type=Path, help="TOML file of settings; flags override it")
    groups: dict[str, Any] = {}
    for row in table():
        if among is not None and row.group not in among and row.name not in among:
            continue
        group = groups.setdefault(row.group, None) or parser.add_argument_group(f"settings: {row.group}")
        groups[row.group] = group
        bounds = f" ({row.low:g} to {row.high:g})" if row.low is not None and row.high is not None else ""
        words = ",".join(row.choices or row.several)
        metavar = "{" + words + "}" if words else type(row.default).__name__.upper()
        text = f"{row.help}{bounds}; default {row.default}".replace("%", "%%")
        group.add_argument(row.flag, dest=f"setting_{row.name}", metavar=metavar, help=text)


def settings_of(options: argparse.Namespace) -> Settings:
    """Return the settings: flags over the configuration file over the defaults. Raises `UsageError`."""
    values: dict[str, object] = read_file(options.config) if options.config else {}
    for row in table():
        given = getattr(options, f"setting_{row.name}", None)
        if given is not None:
            values[row.name] = given
    return from_mapping(values)
