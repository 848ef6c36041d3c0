"""Files of the parts of a film in their folder: packets, what the next part begins with, and a record that says it is whole."""

import json
import os
import platform
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from fractions import Fraction
from math import isfinite
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mien.assembly import film_plan
from mien.assembly.part_lease import PartLease
from mien.batch.film import PartResult
from mien.errors import UnreadableMedia, UsageError
from mien.media.files.output_file import output_error
from mien.media.files.part_file import PartFileWriter, StoredPacket
from mien.media.files.picture_encoder import PartEncoder, PictureFormat
from mien.provenance.fingerprint import FRAME_FREQUENCIES
from mien.provenance.mark.pattern import ID_BITS
from mien.swap.parts import Border
from mien.types import LabelledFrame


@dataclass(frozen=True, slots=True)
class PartLimits:
    """Sizes up to which the files of a part are read."""

    record_bytes: int = 1 << 22
    state_bytes: int = 1 << 31


LIMITS = PartLimits()
_OWN = re.compile(r"plan\.json|cast\.state|part-\d{4,}\.(packets|state|json|lease)|\.(plan|cast|part-\d{4,})\..+", re.DOTALL)
"""Names of the files of a film; hidden ones are those of runs that were killed."""
_FINGERPRINT_BITS = FRAME_FREQUENCIES**2 - 1  # as `fingerprint` gives them


@dataclass(frozen=True, slots=True)
class PartRecord:
    """Record of a finished part of the plan of this digest. `counts` are its frames, those with faces, and swapped faces.

    `found` are frames with any face, `worn` those in which each known person wore a face. `sha256` is of the packets, `state`
    of what the next part begins with, empty where that is fresh; `head` is what decoders need, hexadecimal.
    """

    plan: str
    part: int
    counts: tuple[int, int, int]
    found: int
    worn: tuple[tuple[str, int], ...]
    fingerprints: tuple[int, ...]
    mark_ids: tuple[int, ...]
    scores: tuple[tuple[float, float], ...]
    seconds: float
    host: str
    sha256: str
    bytes: int
    head: str
    state: str


@dataclass(frozen=True, slots=True)
class PartsFolder:
    """Folder of one film, private to its owner: it holds faces."""

    path: Path

    def packets(self, number: int) -> Path:
        """Return the path of the packets of a part."""
        return self.path / f"part-{number:04}.packets"

    def state(self, number: int) -> Path:
        """Return the path of what the part after this one begins with."""
        return self.path / f"part-{number:04}.state"

    def lease(self, number: int) -> Path:
        """Return the path of the lease of a part."""
        return self.path / f"part-{number:04}.lease"

    def _record(self, number: int) -> Path:
        return self.path / f"part-{number:04}.json"

    def record(self, number: int, plan: str, frames: int) -> PartRecord | None:
        """Return the record of a part of this number of `frames`, None where it is not made.

        Raises `UsageError` for one of another plan or damaged.
        """
        path = self._record(number)
        if not path.exists():
            return None
        try:
            found = _record_of(json.loads(film_plan.read_limited(path, LIMITS.record_bytes)))
        except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
            raise UsageError(f"{path} is damaged: {str(error)[:80]}", "remove it, and make this part again") from error
        if (found.plan, found.part) != (plan, number):
            raise UsageError(f"{path} belongs to another plan", "remove it, and make this part again")
        if not _is_possible(found, frames):
            raise UsageError(f"{path} is damaged: its numbers cannot be", "remove it, and make this part again")
        return found if self.packets(number).exists() else None

    def states(self, number: int, record: PartRecord) -> tuple[bytes, bytes]:
        """Return what the part after this one begins with. Raises `UnreadableMedia`."""
        path = self.state(number)
        content = film_plan.read_limited(path, LIMITS.state_bytes)
        length = int.from_bytes(content[:8], "big")
        if film_plan.digest_of(content) != record.state or length > len(content):
            raise UnreadableMedia(f"{path} has changed since it was made", f"remove {path.stem}.*, and make that part again")
        return content[8 : 8 + length], content[8 + length :]

    @contextmanager
    def created(self) -> Iterator[None]:
        """Make the folder, and remove it again after an error. Raises `OutputError`; `UsageError` where it holds something."""
        try:
            if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
                raise UsageError(f"{self.path} exists already", "name a new folder")
            self.path.mkdir(mode=0o700, exist_ok=True)
            self.path.chmod(0o700)
        except OSError as error:
            raise output_error(error, self.path) from error
        try:
            yield
        except BaseException:
            self.remove()
            raise

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole or not at all. Raises `OutputError`."""
        try:
            film_plan.write_private(self.path / name, content)
        except OSError as error:
            raise output_error(error, self.path / name) from error

    def commit(self, number: int, packets: Path, states: tuple[bytes, bytes] | None, record: Mapping[str, Any]) -> None:
        """Give the files of a part their names, the record last. Raises `OutputError`."""
        content = b""
        try:
            with packets.open("rb+") as file:
                os.fsync(file.fileno())
            packets.replace(self.packets(number))
        except OSError as error:
            raise output_error(error, self.packets(number)) from error
        if states is not None:
            content = len(states[0]).to_bytes(8, "big") + states[0] + states[1]
            self.write(self.state(number).name, content)
        state = film_plan.digest_of(content) if content else ""
        whole = json.dumps({**record, "state": state}, separators=(",", ":"))
        self.write(self._record(number).name, whole.encode())

    def remove(self) -> tuple[str, ...]:
        """Remove all files of the film, which show faces; other files stay. Return a note where that cannot be done."""
        try:
            for each in list(self.path.iterdir()):
                if _OWN.fullmatch(each.name):
                    each.unlink(missing_ok=True)
            if not any(self.path.iterdir()):
                self.path.rmdir()
        except OSError as error:
            return (f"{self.path} shows faces and cannot be removed ({error.strerror}): remove it yourself",)
        return ()


def _record_of(given: Mapping[str, Any]) -> PartRecord:
    frames, with_faces, swapped = (int(each) for each in given["counts"])
    return PartRecord(
        plan=str(given["plan"]),
        part=int(given["part"]),
        counts=(frames, with_faces, swapped),
        found=int(given["found"]),
        worn=tuple((str(name), int(count)) for name, count in given["worn"]),
        fingerprints=tuple(int(each) for each in given["fingerprints"]),
        mark_ids=tuple(int(each) for each in given["mark_ids"]),
        scores=tuple((float(time_s), float(score)) for time_s, score in given["scores"]),
        seconds=float(given["seconds"]),
        host=str(given["host"]),
        sha256=str(given["sha256"]),
        bytes=int(given["bytes"]),
        head=bytes.fromhex(given["head"]).hex(),
        state=str(given["state"]),
    )


def _is_possible(record: PartRecord, frames: int) -> bool:
    """Return whether a part of this number of `frames` can have this record."""
    counted, with_faces, swapped = record.counts
    return (
        counted == frames
        and 0 <= with_faces <= min(frames, swapped)
        and 0 <= record.found <= frames
        and all(0 <= count <= frames for _, count in record.worn)
        and all(0 <= each < 1 << _FINGERPRINT_BITS for each in record.fingerprints)
        and all(0 <= each < 1 << ID_BITS for each in record.mark_ids)
        and all(isfinite(time_s) and 0.0 <= score <= 1.0 for time_s, score in record.scores)
    )


class PartsSink:
    """Sink of labelled frames into the files of a folder, part after part; `lease` is that of the first one, held."""

    def __init__(self, folder: PartsFolder, plan: str, form: PictureFormat, first: int, lease: PartLease) -> None:
        self._folder = folder
        self._plan = plan
        self._format = form
        self._first = first
        self._lease = lease
        self._leases = ExitStack()
        self._encoder: PartEncoder | None = None
        self._file: PartFileWriter | None = None
        self._temporary = folder.path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._abandon()
        self._leases.close()

    def begin_part(self, border: Border) -> None:
        """Take the frames of another part from now on. Raises `NotYet` when another process makes it."""
        if border.number != self._first:
            self._lease = self._leases.enter_context(PartLease(self._folder.lease(border.number)))
        about = {"plan": self._plan, "part": border.number}
        self._temporary = self._folder.path / f".part-{border.number:04}.{os.getpid()}.part"
        for left in self._folder.path.glob(f".part-{border.number:04}.*.part"):
            # Of a run that was killed: who holds the lease is alone.
            left.unlink(missing_ok=True)
        self._encoder = PartEncoder(self._format)
        self._file = PartFileWriter(self._temporary, about, self._format.time_base)

    def write(self, labelled: LabelledFrame) -> None:
        """Encode one frame."""
        if not isinstance(labelled, LabelledFrame):
            raise TypeError("only a LabelledFrame leaves mien")
        assert self._encoder is not None
        assert self._file is not None
        self._file.write(map(StoredPacket.of, self._encoder.encode(labelled)))

    def end_part(self, result: PartResult, until: Fraction | None) -> None:
        """End the part and give its files their names, the record last. Raises `NotYet` when the lease has lapsed."""
        encoder, file = self._encoder, self._file
        assert encoder is not None
        assert file is not None
        file.write(map(StoredPacket.of, encoder.finish(until)))
        sha256 = file.finish()
        self._file = None
        self._lease.check()
        notes = result.notes
        record = {
            "plan": self._plan,
            "part": result.border.number,
            "counts": [result.frames, result.frames_with_faces, result.faces_swapped],
            "found": result.found,
            "worn": result.worn,
            **asdict(notes),
            "seconds": round(result.seconds, 3),
            "host": platform.node(),
            "sha256": sha256,
            "bytes": file.size,
            "head": encoder.head.hex(),
        }
        self._folder.commit(result.border.number, self._temporary, result.states, record)
        self._leases.close()

    def _abandon(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()
            self._temporary.unlink(missing_ok=True)
