"""`mien swap`: checks the request, runs the job, shows progress and says what came of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mien.settings import Settings


@dataclass(frozen=True, slots=True)
class Request:
    """What the person asked for."""

    photo: Path
    target: Path
    output: Path
    overwrite: bool
    source_face: int | None
    number_faces: Path | None
    start_s: float | None
    end_s: float | None
    dry_run: bool
    settings: Settings
