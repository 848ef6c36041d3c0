"""Uploads as files of the session."""

import secrets
import shutil
from pathlib import Path

from fastapi import UploadFile

from mien.media.files.output_file import output_error
from mien.studio.session.session import StudioSession

MAX_MEDIA_BYTES = 8_000_000_000  # an hour of 4K video; stored on disk, never held in memory
MULTIPART_OVERHEAD_BYTES = 1_000_000  # boundaries and form fields beside the file
_COPY_CHUNK_BYTES = 1 << 20  # bounds memory to 1 MB an upload
_MAX_SUFFIX_LETTERS = 6  # ".jpeg" and ".webm" have 5


def store(session: StudioSession, upload: UploadFile) -> Path:
    """Store the upload in the session's folder under a random name with a harmless suffix. Raises `OutputError`."""
    suffix = Path(upload.filename or "").suffix.lower()
    safe = suffix if suffix[1:].isalnum() and len(suffix) <= _MAX_SUFFIX_LETTERS else ""
    path = session.uploads / f"{secrets.token_hex(8)}{safe}"
    copy_to(upload, path)
    return path


def copy_to(upload: UploadFile, path: Path) -> None:
    """Write the upload to a new file. Raises `OutputError`, and leaves no file then."""
    try:
        with path.open("xb") as stored:
            shutil.copyfileobj(upload.file, stored, _COPY_CHUNK_BYTES)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise output_error(error, path) from error
