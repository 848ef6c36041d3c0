"""Two checkouts of mien in turn, on the same work: `swap` of a picture or of the bundled clip, start-up included. A command.

    .venv/bin/python benchmarks/compare.py ../other picture --pairs 9
    .venv/bin/python benchmarks/compare.py ../other clip --pairs 3 --json figures.json
    .venv/bin/python benchmarks/compare.py ../other help

The other checkout runs with this one's packages. Each pair runs both, the order changing from pair to pair, so that a busy
machine slows both; what counts is the median of the pairs' ratios, this one's time by the other's. Kernels are compiled in a
first run of each, which is reported by itself (`first`): with `--empty-cache` into an empty folder.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
EXAMPLES = HERE / "examples"


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of one run: by the clock, and of the processor."""

    wall: float
    processor: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, help="the other checkout")
    parser.add_argument("work", choices=("picture", "clip", "help"))
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--empty-cache", action="store_true", help="begin with an empty folder for compiled kernels")
    parser.add_argument("--json", type=Path, help="also write the figures to a file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mien-compare-") as folder:
        figures = compare(options.other.resolve(), options.work, options.pairs, Path(folder), options.empty_cache)
    text = json.dumps(figures, indent=2)
    print(text)
    if options.json:
        options.json.write_text(f"{text}\n")


def compare(other: Path, work: str, pairs: int, folder: Path, empty: bool) -> dict[str, object]:
    """Return the first runs, the medians and the medians of the ratios."""
    checkouts = {"this": HERE, "other": other}
    for each in checkouts.values():
        if not (each / "src" / "mien").is_dir():
            raise SystemExit(f"{each} is no checkout of mien")
    first = {name: run(each, work, folder / name, empty) for name, each in checkouts.items()}
    runs: dict[str, list[Spent]] = {name: [] for name in checkouts}
    for number in range(pairs):
        for name in sorted(checkouts, reverse=bool(number % 2)):
            runs[name].append(run(checkouts[name], work, folder / name, empty))
    couples = list(zip(runs["this"], runs["other"], strict=True))
    return {
        "work": work,
        "pairs": pairs,
        "first": {name: {"wall_s": spent.wall, "processor_s": spent.processor} for name, spent in first.items()},
        "median": {
            name: {
                "wall_s": statistics.median(each.wall for each in spent),
                "processor_s": statistics.median(each.processor for each in spent),
            }
            for name, spent in runs.items()
        },
        "this_by_other": {
            "wall": statistics.median(this.wall / that.wall for this, that in couples),
            "processor": statistics.median(this.processor / that.processor for this, that in couples),
        },
    }


def run(checkout: Path, work: str, folder: Path, empty: bool) -> Spent:
    """Run a checkout once, in a process of its own with its own data folder."""
    folder.mkdir(exist_ok=True)
    settings = {"PYTHONPATH": str(checkout / "src"), "MIEN_DATA": str(folder / "data")}
    if empty:
        settings |= {"NUMBA_CACHE_DIR": str(folder / "kernels")}
    target = {"picture": "grace_hopper.jpg", "clip": "clip.mp4"}.get(work)
    command = [sys.executable, "-P", "-m", "mien"]
    if target is None:
        command.append("--help")
    else:
        output = folder / f"out{'.png' if work == 'picture' else '.mp4'}"
        files = [str(EXAMPLES / "eileen_collins.png"), str(EXAMPLES / target), "-o", str(output)]
        command += ["swap", *files, "--consent", "public-domain", "--overwrite", "--quiet"]
    # Bytecode is kept, as for everybody: some build machines forbid it.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    begun = time.perf_counter()
    process = subprocess.Popen(command, env={**inherited, **settings}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{checkout} ended with {process.returncode}")
    return Spent(wall, used.ru_utime + used.ru_stime)


if __name__ == "__main__":
    main()
