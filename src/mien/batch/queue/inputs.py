"""Inputs of a job: facts by which a file is recognised when its turn comes."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from mien.errors import MediaError, UnreadableMedia

_END_BYTES = 1 << 20  # at each end of a file: names and lengths lie there; a whole film takes too long to read


class ChangedInput(MediaError):
    """A file is not the one that the job was added for."""


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that a job reads: size, time of change, and the sha256 of its first and last MiB together, hexadecimal."""

    path: Path
    size: int
    mtime_ns: int
    sha256: str

    def check(self) -> None:
        """Raise `UnreadableMedia` when the file is gone, `ChangedInput` when it has changed."""
        found = input_file(self.path)
        if found != self:
            what = "size" if found.size != self.size else "content" if found.sha256 != self.sha256 else "time of change"
            raise ChangedInput(
                f"{self.path} has changed since the job was added: its {what} is another one",
                "add the job again for the file as it is now",
            )


def input_file(path: Path) -> InputFile:
    """Return the facts of a file. Raises `UnreadableMedia`."""
    path = path.absolute()
    try:
        with path.open("rb") as file:
            facts = os.fstat(file.fileno())
            digest = hashlib.sha256(file.read(_END_BYTES))
            if facts.st_size > _END_BYTES:
                file.seek(max(facts.st_size - _END_BYTES, _END_BYTES))
                digest.update(file.read(_END_BYTES))
    except OSError as error:
        raise UnreadableMedia(f"{path} cannot be read: {error.strerror}", "check the name and the rights") from error
    return InputFile(path, facts.st_size, facts.st_mtime_ns, digest.hexdigest())
