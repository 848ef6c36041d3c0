"""`python -m tests.support.standins FOLDER [--full]`: writes a stand-in of every family, and inswapper at full size."""

import argparse
from pathlib import Path

from tests.support.standins.full import make_inswapper
from tests.support.standins.small import all_families, file_name, make_small


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.support.standins", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--full", action="store_true", help="inswapper at full size, too: 554 MB, 277 MB in float16")
    arguments = parser.parse_args()
    write_all(arguments.folder)
    if arguments.full:
        make_inswapper(arguments.folder / "standin_inswapper_full.onnx")
        make_inswapper(arguments.folder / "standin_inswapper_full_fp16.onnx", half="weights")


def write_all(folder: Path) -> None:
    """A file of every family into the folder, which is made when it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for family in all_families():
        make_small(family, folder / file_name(family))


if __name__ == "__main__":
    main()
