"""Check built distributions, `python scripts/check_dist.py dist`: contents, licences and size. Needs only Python."""

import re
import sys
import tarfile
import zipfile
from collections.abc import Set
from pathlib import Path

MAX_BYTES = 60_000_000  # of a wheel or sdist; PyPI takes 100 MB
NEEDED = (
    r"mien/__main__\.py",
    r"mien/assets/demo/clip\.mp4",
    r"mien/assets/demo/eileen_collins\.png",
    r"mien/assets/demo/grace_hopper\.jpg",
    r"mien/assets/stand_ins/stand-in-16\.jpg",
    r"mien/assets/kernel_types\.csv",
    r"mien/assets/tried\.toml",
    r"mien/models/catalogue\.toml",
    r"mien/models/weights/[\w]+\.onnx",
    r"mien/py\.typed",
    r"mien/studio/static/index\.html",
    r"mien/studio/static/strings/en\.js",
    r"mien/studio/static/strings/later/en\.js",
    r"LICENSE",
    r"NOTICE",
)
UNWANTED = r"(^|/)(__pycache__|\.git|\.venv|shared)/|\.(nbi|nbc|pyc|pem|key)$"


def names_in(distribution: Path) -> Set[str]:
    """Return the names of the files in a wheel or an sdist."""
    if distribution.suffix == ".whl":
        with zipfile.ZipFile(distribution) as archive:
            return frozenset(archive.namelist())
    with tarfile.open(distribution) as archive:
        return frozenset(archive.getnames())


def faults(distribution: Path) -> list[str]:
    """Return the faults of a wheel or an sdist."""
    names = names_in(distribution)
    found = [f"lacks {needed}" for needed in NEEDED if not any(re.search(rf"(^|/){needed}$", name) for name in names)]
    found += [f"holds {name}" for name in sorted(names) if re.search(UNWANTED, name)]
    size = distribution.stat().st_size
    return [*found, f"has {size:,} bytes, the limit is {MAX_BYTES:,}"] if size >= MAX_BYTES else found


def main() -> int:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "dist")
    built = sorted([*folder.glob("*.whl"), *folder.glob("*.tar.gz")])
    if len(built) != 2:
        print(f"{folder} holds {len(built)} distributions; build one wheel and one sdist", file=sys.stderr)
        return 1
    wrong = 0
    for distribution in built:
        found = faults(distribution)
        wrong += bool(found)
        print(f"{distribution.name}: {distribution.stat().st_size:,} bytes, {'; '.join(found) or 'ok'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
