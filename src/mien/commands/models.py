"""`mien models`: list, describe, pull, import, verify and remove models."""

import argparse
import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.prompt import Confirm
from rich.table import Table

from mien.commands.messages import error_console
from mien.commands.options import Commands, path_of
from mien.commands.tables import print_json, print_table
from mien.errors import ModelError, UsageError
from mien.system.printable import printable

if TYPE_CHECKING:
    from mien.models.library.inventory import Listed
    from mien.models.library.store import ModelEntry


def add(commands: Commands) -> None:
    """Add the command's parser and those of its actions."""
    models = commands.add_parser(
        "models",
        help="list, pull, import, verify and remove models",
        description="List the installed models with their licence and state (docs/models.md).",
    )
    actions = models.add_subparsers(title="actions", metavar="ACTION")
    _add_list_options(models)
    models.set_defaults(run=_list)
    listing = actions.add_parser("list", help="list models, as without an action")
    _add_list_options(listing, default=argparse.SUPPRESS)
    info = actions.add_parser("info", help="describe a model: licence, origin, sha256, inputs")
    info.add_argument("id", metavar="ID", help="name in `mien models --all`")
    info.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON for programs")
    info.set_defaults(run=_info)
    pull = actions.add_parser("pull", help="download models after you have agreed to their licences")
    pull.add_argument("ids", metavar="ID", nargs="+")
    pull.add_argument("--accept-licence", action="store_true", help="agree without being asked")
    pull.add_argument("--mirror", metavar="URL", help="download from URL/FILE instead (default: MIEN_MIRROR)")
    pull.set_defaults(run=_pull)
    bring = actions.add_parser("import", help="copy in model files that you have: files, or folders of other tools")
    bring.add_argument("paths", metavar="FILE|FOLDER", type=path_of, nargs="+")
    bring.add_argument("--trust", action="store_true", help="also take files without a published sha256")
    bring.add_argument("--as", dest="family", metavar="FAMILY", help="family of a trusted file that fits several")
    bring.set_defaults(run=_import)
    verify = actions.add_parser("verify", help="read installed models whole, check their sha256 and open them")
    verify.add_argument("ids", metavar="ID", nargs="*")
    verify.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON for programs")
    verify.set_defaults(run=_verify)
    remove = actions.add_parser("remove", help="delete installed models")
    remove.add_argument("ids", metavar="ID", nargs="+")
    remove.set_defaults(run=_remove)


def _add_list_options(parser: argparse.ArgumentParser, default: Any = None) -> None:
    """Add the options of the list; `argparse.SUPPRESS` leaves those of the parent parser as they are."""
    unset = False if default is None else default
    parser.add_argument("--all", action="store_true", default=unset, help="also list models that are not installed")
    parser.add_argument("--role", metavar="ROLE", default=default, help="list one role only: swapper, enhancer, segmenter, ...")
    parser.add_argument("--json", action="store_true", default=unset, help="print JSON for programs")


def _list(options: argparse.Namespace) -> int:
    from mien.models.library.inventory import ABSENT, DAMAGED, list_models, shown_size
    from mien.models.library.store import Store

    rows = list_models(Store(), options.role)
    shown = [row for row in rows if options.all or row.state != ABSENT]
    if options.json:
        print_json([row.described() for row in shown])
    else:
        table = Table(box=None, pad_edge=False)
        for column in ("model", "size"):
            table.add_column(column, no_wrap=True)
        for column in ("licence", "state"):
            table.add_column(column, overflow="fold", min_width=len("not installed"))
        for role in dict.fromkeys(row.entry.role for row in shown):
            # A line of its own, so that the rest fits into the 80 columns of a terminal.
            table.add_row(f"[bold]{escape(role)}[/]")
            for row in (each for each in shown if each.entry.role == role):
                table.add_row(f"  {escape(row.entry.id)}", shown_size(row.entry), escape(row.entry.licence), _state(row))
        print_table(table)
        if len(rows) > len(shown):
            print(f"{len(rows) - len(shown)} more can be installed: `mien models --all`")
    return ModelError.exit_code if any(row.state == DAMAGED for row in shown) else 0


def _state(row: "Listed") -> str:
    from mien.models.library.inventory import ABSENT, DAMAGED, way_to

    words = f"{row.state} ({way_to(row.entry)})" if row.state == ABSENT else row.state
    words = escape(f"{words}: {row.note}" if row.note else words)
    return f"[bold red]{words}[/]" if row.state == DAMAGED else words


def _info(options: argparse.Namespace) -> int:
    from mien.models.format.families import families
    from mien.models.library.inventory import needed_by, shown_size, state_of
    from mien.models.library.store import Store

    store = Store()
    entry = store.entry(options.id)
    row = state_of(entry, store)
    if options.json:
        print_json(row.described())
        return 0
    family = families().get(entry.family)
    facts = {
        "model": entry.id,
        "role": entry.role,
        "state": _state(row),
        "file": escape(str(row.path)),
        "size": shown_size(entry),
        "sha256": entry.sha256 or "not published",
        "licence": escape(entry.licence),
        "in plain words": escape(entry.terms),
        "made by": escape(entry.credit),
        "origin": escape(entry.origin),
        "pulled from": escape("\n".join(entry.urls)),
        "works with": " and ".join(" or ".join(group) for group in needed_by(entry)),
        "family": escape(f"{family.name}: {family.note}" if family else ""),
        "fed with": escape(entry.feed),
    }
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value:
            table.add_row(name, value)
    print_table(table)
    return 0


def _pull(options: argparse.Namespace) -> int:
    from mien.commands.models_pull import pull_models
    from mien.models.library.download import MIRROR_VARIABLE
    from mien.models.library.inventory import missing_for
    from mien.models.library.store import Store

    store, console = Store(), error_console()
    at_terminal = sys.stdin.isatty() and sys.stderr.isatty()

    def agree(entry: "ModelEntry") -> bool:
        return _agree(entry, console, accepted=options.accept_licence, at_terminal=at_terminal)

    paths = pull_models(options.ids, store, agree, console, options.mirror or os.environ.get(MIRROR_VARIABLE))
    for path in paths:
        print(path)
    _print_missing({need for name in options.ids for need in missing_for(store.entry(name), store)}, console)
    return 0


def _agree(entry: "ModelEntry", console: Console, *, accepted: bool, at_terminal: bool) -> bool:
    """Show the licence and return whether the person agrees; raises `UsageError` when there is no terminal to ask at."""
    console.print(f"[bold]{escape(entry.id)}[/], {escape(entry.origin)}\n  by {escape(entry.credit)}", emoji=False)
    console.print(f"  licence: {escape(entry.licence)}\n  {escape(entry.terms)}", emoji=False)
    if accepted:
        return True
    if not at_terminal:
        raise UsageError(f"the licence of {entry.id} is not accepted", "add --accept-licence if you agree to it")
    try:
        return Confirm.ask("Do you agree?", console=console, default=False)
    except EOFError:
        return False


def _import(options: argparse.Namespace) -> int:
    from mien.models.library.importing import import_models
    from mien.models.library.inventory import STANDIN, missing_for
    from mien.models.library.store import Store

    store, console = Store(), error_console()

    def report(line: str) -> None:
        console.print(escape(printable(line)), emoji=False)

    taken = import_models(options.paths, store, trust=options.trust, family=options.family, report=report)
    for each in taken:
        print(f"{each.entry.id}: {printable(str(each.path))}{'' if each.fresh else ' (here already)'}")
        terms = f"{each.entry.licence}: {each.entry.terms}" if each.entry.terms else each.entry.licence
        report(f"  {STANDIN if each.entry.standin else terms}")
    _print_missing({need for each in taken for need in missing_for(each.entry, store)}, console)
    return 0


def _print_missing(needs: set[str], console: Console) -> None:
    for need in sorted(needs):
        console.print(f"still missing: {need} (`mien models info`)")


def _verify(options: argparse.Namespace) -> int:
    from mien.commands.models_verify import check_models
    from mien.models.library.store import Store

    found, console = [], Console(highlight=False, soft_wrap=True)
    for checked in check_models(options.ids, Store()):
        found.append(checked)
        if options.json:
            continue
        if checked.fault:
            words = f"{checked.model_id}: {escape(printable(checked.fault))}\n   {escape(printable(checked.remedy))}"
            console.print(f"[bold red]!![/] {words}", emoji=False)
        else:
            console.print(f"[green]ok[/] {checked.model_id}")
    if options.json:
        print_json([asdict(checked) for checked in found])
    return ModelError.exit_code if any(checked.fault for checked in found) else 0


def _remove(options: argparse.Namespace) -> int:
    from mien.models.library.importing import remove
    from mien.models.library.store import Store

    store = Store()
    for model_id in dict.fromkeys(options.ids):
        remove(model_id, store)
        print(f"removed {model_id}")
    return 0
