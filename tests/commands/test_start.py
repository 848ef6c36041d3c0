"""Start of a command: a picture is swapped without the packages and rooms that other work needs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mien.system.programs import environment
from tests.support.places import ROOT

_NEEDLESS = ("av", "tifffile", "fastapi", "uvicorn", "rich.progress", "mien.batch.film", "mien.lab", "mien.studio",
             "mien.swap.engines.dfm", "mien.swap.engines.swappers", "mien.swap.hiding.frame_search",
             "mien.swap.people.corrections", "mien.assembly.installed_models")  # fmt: skip
"""Modules for films, installed models, people and the studio; each took 1 to 30 ms of a start."""
_PROGRAM = """
import json, sys
from mien.commands.main import main
code = main(sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]))
"""


@pytest.mark.slow
def test_a_picture_needs_no_film_no_studio_and_no_installed_model(tmp_path: Path) -> None:
    photo, target = (str(ROOT / "examples" / name) for name in ("eileen_collins.png", "grace_hopper.jpg"))
    swap = ["swap", photo, target, "-o", str(tmp_path / "out.png"), "--consent", "public-domain", "--quiet"]
    settings = {**environment(), "MIEN_DATA": str(tmp_path / "data")}
    command = [sys.executable, "-P", "-c", _PROGRAM, *swap]
    done = subprocess.run(command, capture_output=True, text=True, env=settings, check=True)
    code, modules = json.loads(done.stdout)
    assert code == 0
    assert (tmp_path / "out.png").is_file()
    assert not {*_NEEDLESS} & {*modules}
