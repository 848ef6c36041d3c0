"""Watchers of a job: its progress, the frames of its output, and the result before it gets its name."""

import json
from pathlib import Path
from threading import Event
from typing import Protocol

from mien.assembly.file_hiding import file_hash
from mien.batch.export import PartExporter, PartNotes
from mien.batch.job import Progress
from mien.errors import UnreadableMedia
from mien.media.files.output_file import OutputFile
from mien.types import Frame, LabelledFrame


class Watcher(Protocol):
    """Observer of one job while it is done."""

    cancel: Event
    """Set from another thread to stop the job."""
    folder: Path
    """Folder for what an interrupted job goes on with; not made yet."""

    def progress(self, doing: str, progress: Progress) -> None:
        """Take the progress of a pass over the file."""
        ...

    def labelled(self, frame: LabelledFrame) -> None:
        """See a frame of the output."""
        ...

    def sealed(self, sealed: str) -> None:
        """Take the facts of a result before it gets its name. Raises a `MienError`; then it gets none."""
        ...


class WatchedExport:
    """An exporter that shows the frames of a film to a watcher, and every result before it gets its name."""

    def __init__(self, export: PartExporter, watcher: Watcher, *, shows: bool) -> None:
        self._export = export
        self._watcher = watcher
        self._shows = shows

    def label(self, frame: Frame) -> LabelledFrame:
        labelled = self._export.label(frame)
        if self._shows:
            self._watcher.labelled(labelled)
        return labelled

    def begin_part(self) -> None:
        self._export.begin_part()

    def end_part(self) -> PartNotes:
        return self._export.end_part()

    def seal(self, output: OutputFile) -> tuple[str, ...]:
        notes = self._export.seal(output)
        self._watcher.sealed(sealed_as(output.temporary))
        return notes


def sealed_as(path: Path) -> str:
    """Return the facts of a sealed file, by which it is recognised later. Raises `UnreadableMedia`."""
    return json.dumps({"sha256": file_hash(path)})


def is_sealed(output: Path, sealed: str) -> bool:
    """Return whether the file at the output's name is the result that was noted."""
    try:
        noted = json.loads(sealed)
        return isinstance(noted, dict) and noted.get("sha256") == file_hash(output)
    except (ValueError, RecursionError, UnreadableMedia):
        return False
