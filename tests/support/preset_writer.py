"""A process that writes presets until it is told to stop."""

import random
from pathlib import Path
from typing import Any

from mien.studio.session.database import StudioDatabase
from mien.studio.session.presets import Presets


def open_presets(folder: Path) -> Presets:
    return Presets(StudioDatabase(folder))


def write_for_a_while(folder: Path, writer: int, seed: int) -> dict[str, dict[str, Any] | None]:
    """Keep and remove presets of this writer at random; what was confirmed of each, None for removed."""
    presets, chance, confirmed = open_presets(folder), random.Random(seed), dict[str, dict[str, Any] | None]()
    for step in range(12):
        name = f"w{writer} {chance.randrange(3)}"
        if chance.random() < 0.25:
            presets.remove(name)
            confirmed[name] = None
        else:
            more = {f"w{writer} {number}": {"step": step, "by": writer} for number in chance.sample(range(3), 2)}
            presets.keep(more)
            confirmed |= more
    return confirmed
