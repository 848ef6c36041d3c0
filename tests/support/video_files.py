"""Helpers for video files: opened for reading, read whole, converted."""

from fractions import Fraction
from pathlib import Path

from mien.media.files.output_file import OutputFile
from mien.media.files.video_reader import VideoReader
from mien.media.files.video_writer import VideoWriter
from mien.settings import Settings
from mien.types import Frame, LabelledFrame

PRIMING_S = Fraction(1, 20)
"""AAC in MP4 begins before zero; Matroska knows no times below zero, so everything moves by that much together."""
BOX = (0, 0, 1, 1)


def open_reader(path: Path, start_s: float | None = None, end_s: float | None = None) -> VideoReader:
    """Open a video with limits that no test reaches."""
    return VideoReader(path, max_pixels=10_000_000, max_bytes=10**9, start_s=start_s, end_s=end_s)


def read_frames(path: Path, **options: float) -> list[Frame]:
    """Read all frames."""
    with open_reader(path, **options) as reader:
        return list(iter(reader.read, None))


def convert(source: Path, target: Path, settings: Settings | None = None, **options: float) -> tuple[str, ...]:
    """Write every frame unchanged to another file; return the warnings."""
    output = OutputFile(target, overwrite=False, inputs=(source,))
    with open_reader(source, **options) as reader, output:
        with VideoWriter(reader, output, settings or Settings(), "mesh") as writer:
            while (frame := reader.read()) is not None:
                writer.write(LabelledFrame(frame, BOX, 0))
        output.commit()
        return (*reader.warnings, *writer.warnings)
