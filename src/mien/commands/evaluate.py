"""`mien evaluate`: measure the quality of the swap on portraits, clips and synthetic scenes."""

import argparse
import os
from pathlib import Path

from rich.markup import escape

from mien.commands.options import Commands, add_settings, settings_of
from mien.commands.tables import new_table, print_table
from mien.errors import UsageError

_MEDIA_VARIABLE = "MIEN_MEDIA"


def add(commands: Commands) -> None:
    """Add the command's parser."""
    evaluate = commands.add_parser(
        "evaluate",
        help="measure the quality of the swap on portraits, clips and synthetic scenes; write a report",
        description="Measure the quality of the swap; write figures.json and report.html to OUT and print figures and goals.",
    )
    evaluate.add_argument(
        "faces", metavar="FACES", type=Path, nargs="?",
        help=f"folder of portraits (.jpg); NAME_expression.jpg shows NAME (default: faces in {_MEDIA_VARIABLE})",
    )  # fmt: skip
    evaluate.add_argument(
        "--clips", metavar="FOLDER", type=Path, help=f"folder of real clips (default: clips in {_MEDIA_VARIABLE})"
    )
    evaluate.add_argument(
        "-o", "--output", metavar="OUT", type=Path, default=Path("evaluate-output"), help="folder for the results"
    )
    evaluate.add_argument(
        "--only", metavar="PARTS",
        help="parts to run, separated by commas: stills, everyday, border, hard-pairs, light, occlusion, covers, beards, "
        "stillness, turning, clip-source, anonymise, people, mapping (15 minutes; only where it is named), hardships, speed",
    )  # fmt: skip
    evaluate.add_argument("--pairs", type=int, default=200, help="number of random pairs, the same in every run (default 200)")
    evaluate.add_argument("--flicker-frames", type=int, default=300, help="frames of the flicker run (default 300)")
    evaluate.add_argument(
        "--quick", action="store_true", help="run a quarter of everything: rough figures, for trying something out"
    )
    evaluate.add_argument(
        "--sheet", action="store_true", help="write the everyday pairs of the closing set to OUT/sheet, to judge by eye"
    )
    add_settings(evaluate)
    evaluate.set_defaults(run=_run, computes=True)


def _run(options: argparse.Namespace) -> int:
    from mien.commands.evaluate_run import EvaluationPlan, run_evaluation

    media = Path(os.environ[_MEDIA_VARIABLE]) if os.environ.get(_MEDIA_VARIABLE) else None
    faces, clips = options.faces or (media and media / "faces"), options.clips or (media and media / "clips")
    if faces is None:
        raise UsageError("no folder of portraits was named", f"name one, or set {_MEDIA_VARIABLE}")
    plan = EvaluationPlan(faces, clips, options.only, options.pairs, options.flicker_frames, options.quick, options.sheet)
    sections = run_evaluation(plan, options.output, settings_of(options))
    table = new_table("figure", "measured", "goal", "")
    for section in sections:
        table.add_row(f"[bold]{escape(section.title)}[/]")
        for figure in section.figures:
            style = "green" if figure.verdict == "reached" else "red"
            verdict = f"[{style}]{figure.verdict}[/]" if figure.verdict else ""
            table.add_row(f"  {escape(figure.name)}", figure.shown, figure.bar, verdict)
        for note in section.notes:
            table.add_row(f"  {escape(note)}")
    print_table(table)
    print(f"report: {options.output / 'report.html'}")
    return 0
