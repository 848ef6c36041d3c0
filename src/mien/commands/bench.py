"""`mien bench`: measure speed and memory on this machine."""

import argparse
import json
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
    bench.add_argument("--json", metavar="FILE", type=Path, help="also write the figures to a file")
    add_settings(bench)
    bench.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from mien.commands.bench_run import run_bench
    from mien.commands.result_files import write_whole

    stated = ["--consent", options.consent, *(["--adult"] if options.adult else [])]
    figures = run_bench(options.portrait, options.photo, options.frames, settings_of(options), stated)
    text = json.dumps(figures, indent=2)
    if options.json:
        write_whole(options.json, f"{text}\n".encode())
    print(text)
    return 0
