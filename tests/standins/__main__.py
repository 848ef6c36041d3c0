"""`python -m tests.standins FOLDER`: writes a stand-in of every family."""

import argparse
from pathlib import Path

from tests.standins.small import all_families, make_small


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.standins", description=__doc__)
    parser.add_argument("folder", type=Path)
    write_all(parser.parse_args().folder)


def write_all(folder: Path) -> None:
    """A file of every family into the folder, which is made when it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for family in all_families():
        make_small(family, folder / file_name(family))


def file_name(family: str) -> str:
    """What the file of a stand-in is called."""
    return f"standin_{family}.{'dfm' if family == 'dfm' else 'onnx'}"


if __name__ == "__main__":
    main()
