"""Benchmark of the stand-ins: how far a wearer is from the result, and the result from the stand-in. A command, never a test.

    .venv/bin/python benchmarks/stand_ins.py FACES/london FACES/everyday --wearers 9

Each stand-in is worn on some portraits of each folder, as `mien swap` does. The distance to the wearer is measured from the
smiling picture beside NAME_neutral.jpg, otherwise from the portrait itself.
"""

import argparse
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from mien.assembly import factory, stand_ins
from mien.assembly.source_photos import read_photo
from mien.contracts import Recogniser
from mien.lab.meshes import settled
from mien.models.library.store import Store
from mien.settings import Settings
from mien.types import Floats, Frame, Image

_LEAST = 0.55  # wanted: one pair of strangers in a thousand is nearer than 0.53
_SETTINGS = Settings()


def described(image: Image, models: factory.Models, recogniser: Recogniser) -> Floats | None:
    """Return the descriptor of the tallest face, None without one."""
    found = models.photo_detector.detect(image)
    if not found:
        return None
    face = max(found, key=lambda each: each.box_xyxy[3] - each.box_xyxy[1])
    return recogniser.describe(image, settled(image, face.points, models))


def worn(folder: Path, wearers: int, models: factory.Models, recogniser: Recogniser) -> list[tuple[float, float]]:
    """Return the distances of each result to its wearer and to the stand-in."""
    paths = [path for path in sorted(folder.glob("*.jpg")) if not path.stem.endswith("_smiling")]
    rows = []
    for path in paths[:: max(1, len(paths) // wearers)][:wearers]:
        image, smiling = read_photo(path, _SETTINGS), path.with_name(path.name.replace("_neutral", "_smiling"))
        wearer = described(read_photo(smiling, _SETTINGS), models, recogniser)
        if wearer is None:
            continue
        for name in stand_ins.NAMES:
            source = stand_ins.open_stand_in(name, models)
            pipeline = factory.open_picture_pipeline(_SETTINGS, models, source)
            shown = pipeline.swap_frame(Frame(image.copy(), 0, 0, Fraction(1, 25))).frame.image
            result = described(shown, models, recogniser)
            if result is not None:
                own = recogniser.describe(source.image, source.landmarks)
                rows.append((float(np.linalg.norm(result - wearer)), float(np.linalg.norm(result - own))))
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and print the figures."""
    parser = argparse.ArgumentParser(description="Measure the stand-ins on portraits.")
    parser.add_argument("folders", metavar="FOLDER", type=Path, nargs="+")
    parser.add_argument("--wearers", type=int, default=9, help="portraits of each folder (default 9)")
    given = parser.parse_args(arguments)
    models, recogniser = factory.open_models(_SETTINGS, Store()), factory.open_recogniser(Store())
    for folder in given.folders:
        rows = np.array(worn(folder, given.wearers, models, recogniser))
        far = float((rows[:, 0] >= _LEAST).mean())
        wearer, stand_in = rows.T
        print(f"{folder.name}: {len(rows)} results")
        print(f"  to the wearer median {np.median(wearer):.3f}, least {wearer.min():.3f}, {far:.1%} at least {_LEAST}")
        print(f"  to the stand-in median {np.median(stand_in):.3f}, most {stand_in.max():.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
