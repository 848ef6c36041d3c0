"""Files that measurements write."""

from pathlib import Path

import av
import numpy as np

from mien.media.files.output_file import OutputFile, output_error
from mien.types import Image


def write_whole(path: Path, content: bytes) -> None:
    """Write or replace a file, whole or not at all; raises `OutputError`."""
    with OutputFile(path, overwrite=True) as output:
        try:
            output.temporary.write_bytes(content)
        except OSError as error:
            raise output_error(error, path) from error
        output.commit()


def write_clip(path: Path, scenes: list[Image], frames: int, rate: int = 60) -> None:
    """Write an H.264 clip of `frames` frames that repeats `scenes`, BGR uint8 of one size."""
    height, width = scenes[0].shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"preset": "veryfast", "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(frames):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(scenes[index % len(scenes)]), format="bgr24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
