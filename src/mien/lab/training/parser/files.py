"""Files of the training that are written whole or not at all."""

from pathlib import Path

from mien.media.files.output_file import output_error


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under a temporary name beside `path`, then rename it; raises `OutputError`."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise output_error(error, path) from error
