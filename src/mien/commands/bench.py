"""`mien bench`: measure speed and memory on this machine."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from mien.commands.options import Commands, add_settings, settings_of
from mien.provenance.consent import ADULT_STATEMENT, STATEMENTS


def add(commands: Commands) -> None:
    """Add the command's parser."""
    bench = commands.add_parser("bench", help="measure speed and memory on this machine")
    bench.add_argument("--portrait", type=Path, required=True, help="portrait of the wearer")
    bench.add_argument("--photo", type=Path, required=True, help="photo of the source face")
    bench.add_argument("--consent", choices=tuple(STATEMENTS), required=True, help="why you may use the face of --photo")
    bench.add_argument("--adult", action="store_true", help=f"state that {ADULT_STATEMENT}; needed when the face looks younger")
    bench.add_argument("--frames", type=int, default=900, help="frames a run (default 900)")
    bench.add_argument("--profile", action="store_true", help="print where the time and memory of a frame go, and nothing else")
    bench.add_argument(
        "--flame", metavar="FILE", type=Path, default=Path("mien-profile.speedscope.json"),
        help="with --profile, file for the flame graph, which speedscope shows (default mien-profile.speedscope.json)",
    )  # fmt: skip
    bench.add_argument("--json", metavar="FILE", type=Path, help="also write the figures to a file")
    add_settings(bench)
    bench.set_defaults(run=_run, computes=True)


def _run(options: argparse.Namespace) -> int:
    from mien.commands.bench_run import run_bench
    from mien.commands.result_files import write_whole

    if options.profile:
        return _profile(options)
    stated = ["--consent", options.consent, *(["--adult"] if options.adult else [])]
    figures = run_bench(options.portrait, options.photo, options.frames, settings_of(options), stated)
    text = json.dumps(figures, indent=2)
    if options.json:
        write_whole(options.json, f"{text}\n".encode())
    print(text)
    return 0


def _profile(options: argparse.Namespace) -> int:
    """Print a table of the stages, and write the flame graph."""
    from mien.commands.bench_run import run_profile
    from mien.commands.result_files import write_whole
    from mien.commands.tables import new_table, print_table

    profile = run_profile(options.portrait, options.photo, options.frames, settings_of(options))
    write_whole(options.flame, profile.flame.encode())
    if options.json:
        rows = [asdict(each) for each in profile.stages]
        write_whole(options.json, f"{json.dumps({'ms': profile.ms, 'stages': rows}, indent=2)}\n".encode())
    table = new_table("stage", "ms a frame", "share", "working memory")
    for each in profile.stages:
        share = each.ms / max(profile.ms, 1e-9)
        table.add_row(each.stage, f"{each.ms:.2f}", f"{share:.1%}", f"{each.bytes / 1e6:.1f} MB" if each.bytes else "")
    table.add_row("a frame, one thread", f"{profile.ms:.2f}", "", "")
    print_table(table)
    return 0
