"""Run the tests with the lowest and the newest direct dependencies: `python scripts/bounds.py 3.11 3.12 3.13`.

Needs `uv` (pip install uv), which makes the virtual environments and chooses the versions. Writes `docs/tried-versions.md`
and the table that `mien doctor` reads, `src/mien/assets/tried.toml`. Takes a few minutes for each Python.
"""

import argparse
import json
import platform
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "tried-versions.md"
TABLE = ROOT / "src" / "mien" / "assets" / "tried.toml"
RESOLUTIONS = {"lowest": "lowest-direct", "newest": "highest"}
OPTIONAL = ("pyvirtualcam", "keyring")
TOOLS = ("pytest==9.2.0", "httpx==0.28.1", "onnx==1.23.2")
KINDS = ("mp4 h264 aac", "mkv hevc opus and aac", "avi h264 with b frames", "mp4 opus to webm", "to av1")
# At least one test for each direct dependency, in the way mien uses it.
TESTS = (
    "tests/media/frames/test_pyav.py",
    "tests/imaging/test_draw.py",
    "tests/imaging/test_yuv.py",
    "tests/media/files/test_picture.py",
    "tests/media/files/test_phone_pictures.py",
    "tests/provenance/signing/test_installation.py",
    "tests/provenance/signing/test_given.py",
    "tests/media/broadcast/test_virtual_camera.py",
    *(f"tests/media/files/test_video_file.py::test_a_file_keeps_all_but_its_pixels[{kind}]" for kind in KINDS),
    "tests/media/files/test_video_file.py::test_pictures_are_turned_upright",
    "tests/media/files/test_video_file.py::test_tags_that_are_not_utf8_are_kept_readable",
    "tests/commands/test_main.py::test_a_picture_is_swapped",
    "tests/studio/test_live_page.py::test_the_page_has_words_for_every_setting_and_choice_in_both_languages",
)
STUDIO_TESTS = tuple(f"tests/studio/test_{name}.py" for name in ("page_access", "gallery", "file_jobs"))
STUDIO = "strict_cookie or face_is_added or picture_is_swapped_and"


@dataclass(frozen=True, slots=True)
class Run:
    """One virtual environment: which versions it held and how the tests ended."""

    python: str
    end: str
    versions: dict[str, str]
    passed: bool
    words: str


def direct_dependencies() -> list[str]:
    """Return the names of the direct dependencies, as pyproject.toml has them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = [re.split(r"[<>=!~;\[ ]", line, maxsplit=1)[0] for line in project["dependencies"]]
    return list(dict.fromkeys([*(name for name in names if name not in OPTIONAL), *OPTIONAL]))


def try_out(python: str, end: str, folder: Path) -> Run:
    """Install mien into a new environment and run the tests in it."""
    environment = folder / end
    _call("uv", "venv", "--quiet", "--python", python, str(environment))
    interpreter = environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    # Nobody should need a compiler: a version without a wheel does not count.
    wheels = ("--only-binary", ":all:", "--no-binary", "mien")
    mien = ("--editable", f"{ROOT}[camera,keystore]")
    install = ("uv", "pip", "install", "--quiet", "--python", str(interpreter))
    _call(*install, "--resolution", RESOLUTIONS[end], *wheels, *mien, *TOOLS)
    listed = json.loads(_call("uv", "pip", "list", "--python", str(interpreter), "--format", "json"))
    found = {row["name"].lower(): row["version"] for row in listed}
    versions = {name: found[name] for name in direct_dependencies() if name in found}
    began = time.monotonic()
    passed, words = True, []
    for tests in (TESTS, (*STUDIO_TESTS, "-k", STUDIO)):
        result = subprocess.run(
            [interpreter, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", *tests],
            cwd=ROOT, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False,
        )  # fmt: skip
        lines = result.stdout.strip().splitlines() or result.stderr.strip().splitlines() or ["no output"]
        passed &= result.returncode == 0
        words.append(re.sub(r" in [\d.]+s.*", "", lines[-1]).strip("= "))
        if result.returncode:
            sys.stdout.write(result.stdout[-6000:] + result.stderr[-3000:])
    words.append(f"{time.monotonic() - began:.0f} s")
    full = _call(str(interpreter), "-c", "import platform; print(platform.python_version())").strip()
    return Run(full, end, versions, passed, "; ".join(words))


def _call(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, encoding="utf-8").stdout


def page(runs: Sequence[Run], date: str, system: str) -> str:
    """Return the log as a Markdown page."""
    lines = [
        "# Tried versions",
        "",
        "Made by `scripts/bounds.py`; not edited by hand. For each Python, a new virtual environment with the lowest and one",
        "with the newest version of each direct dependency that has a wheel, and a part of the tests that uses all of them.",
        "`mien doctor` marks versions outside these ranges with `??`: they may well work, but mien was never run with them.",
        "",
        f"Run on {date}, {system}.",
        "",
        "| Python | versions | result |",
        "|---|---|---|",
        *(f"| {run.python} | {run.end} | {'passed' if run.passed else 'FAILED'}: {run.words} |" for run in runs),
        "",
        f"| package | {' | '.join(f'{run.python} {run.end}' for run in runs)} |",
        f"|---|{'---|' * len(runs)}",
        *(f"| {name} | {' | '.join(run.versions.get(name, '-') for run in runs)} |" for name in direct_dependencies()),
    ]
    return "\n".join(lines) + "\n"


def table(runs: Sequence[Run]) -> str:
    """Return the ranges between the lowest and the newest versions with which the tests passed, as TOML."""
    passed = [run for run in runs if run.passed]
    rows = {"Python": [run.python.rpartition(".")[0] for run in passed]}
    rows |= {name: [run.versions[name] for run in passed if name in run.versions] for name in direct_dependencies()}
    lines = ["# Made by scripts/bounds.py; docs/tried-versions.md has the runs behind it."]
    for name, versions in rows.items():
        if versions:
            lowest, newest = min(versions, key=_numbers), max(versions, key=_numbers)
            optional = "\noptional = true" if name in OPTIONAL else ""
            lines.append(f'\n[{name}]\nlowest = "{lowest}"\nnewest = "{newest}"{optional}')
    return "\n".join(lines) + "\n"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


def _write(runs: Sequence[Run]) -> None:
    PAGE.write_text(page(runs, time.strftime("%Y-%m-%d"), f"{platform.system()} {platform.machine()}"), "utf-8")
    if any(run.passed for run in runs):
        TABLE.write_text(table(runs), "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pythons", metavar="PYTHON", nargs="+", help="a version such as 3.12, or the path of an interpreter")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mien-bounds-", ignore_cleanup_errors=True) as name:
        runs = []
        for number, python in enumerate(options.pythons):
            folder = Path(name) / str(number)
            folder.mkdir()
            for end in RESOLUTIONS:
                runs.append(try_out(python, end, folder))
                _write(runs)
                print(f"{runs[-1].python} {end}: {'passed' if runs[-1].passed else 'FAILED'}, {runs[-1].words}", flush=True)
    return 0 if all(run.passed for run in runs) else 1


if __name__ == "__main__":
    sys.exit(main())
