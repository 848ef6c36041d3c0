"""Files of the parts of a film in their folder: packets, what the next part begins with, and a record that says it is whole."""

import json
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
from mien.assembly.job_store import JobStore, read_file
from mien.assembly.part_lease import PartLease
from mien.batch.film import PartResult
from mien.errors import UnreadableMedia, UsageError
from mien.media.files.output_file import named_in_errors
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
_OWN = re.compile(
    r"plan\.json|cast\.state|(part|second)-\d{4,}(\.[0-9a-f]{16})?\.(packets|state|json|lease)(\.\d+)?"
    r"|\.(plan|cast|claim|(part|second)-\d{4,})[.-].+",
    re.DOTALL,
)
"""Names of the files of a film; hidden ones are those of runs that were killed."""
_RECORD = re.compile(r"part-(\d{4,})\.json")
_DIGEST_LETTERS = 16  # of the 64 of a SHA-256: enough to tell the few results of one part apart
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
    """Files of one film in their store. A record is written last and once: with it a part is made, and who comes later loses.

    Packets and states are named by their content, so that what comes later replaces nothing.
    """

    store: JobStore

    @property
    def address(self) -> str:
        """The place as `mien part` takes it."""
        return self.store.address

    def lease(self, number: int, *, second: bool = False) -> PartLease:
        """Return the lease of a part, or that of the process that makes it a second time."""
        return self.store.lease(f"{_draft_name(number, second)}.lease")

    def draft(self, number: int, *, second: bool = False) -> Path:
        """Return a path for the packets of a part that is being made."""
        return self.store.draft(_draft_name(number, second))

    def numbers(self) -> frozenset[int]:
        """Return the numbers of all parts with a record."""
        return frozenset(int(found[1]) for name in self.store.names("part-") if (found := _RECORD.fullmatch(name)))

    def has_record(self, number: int) -> bool:
        """Return whether a part has a record, without reading it."""
        return self.store.has(f"{_name(number)}.json")

    def record(self, number: int, plan: str, frames: int) -> PartRecord | None:
        """Return the record of a part of this number of `frames`, None where it is not made.

        Raises `UsageError` for one of another plan or damaged.
        """
        name = f"{_name(number)}.json"
        path = self.store.named(name)
        content = self.store.find(name, LIMITS.record_bytes)
        if content is None:
            return None
        try:
            found = _record_of(json.loads(content))
        except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
            raise UsageError(f"{path} is damaged: {str(error)[:80]}", "remove it, and make this part again") from error
        if (found.plan, found.part) != (plan, number):
            raise UsageError(f"{path} belongs to another plan", "remove it, and make this part again")
        if not _is_possible(found, frames):
            raise UsageError(f"{path} is damaged: its numbers cannot be", "remove it, and make this part again")
        return found if self.store.has(_packets(number, found.sha256)) else None

    @contextmanager
    def packets(self, number: int, record: PartRecord) -> Iterator[Path]:
        """Give the file of the packets of a part, which errors name as the store does."""
        name = _packets(number, record.sha256)
        with self.store.fetched(name) as path, named_in_errors(path, self.store.named(name)):
            yield path

    def state_name(self, number: int, record: PartRecord) -> str:
        """Return what the part after this one begins with as messages name it."""
        return self.store.named(_state(number, record.state))

    def states(self, number: int, record: PartRecord) -> tuple[bytes, bytes]:
        """Return what the part after this one begins with. Raises `UnreadableMedia`."""
        content = read_file(self.store, _state(number, record.state), LIMITS.state_bytes)
        length = int.from_bytes(content[:8], "big")
        if film_plan.digest_of(content) != record.state or length > len(content):
            raise UnreadableMedia(
                f"{self.state_name(number, record)} has changed since it was made",
                f"remove {_name(number)}.*, and make that part again",
            )
        return content[8 : 8 + length], content[8 + length :]

    def commit(self, number: int, draft: Path, states: tuple[bytes, bytes] | None, record: Mapping[str, Any]) -> bool:
        """Hand in a part, its record last; return False where it was made meanwhile. Raises `OutputError`."""
        if self.has_record(number):
            return False
        content = b""
        self.store.hand_in(draft, _packets(number, record["sha256"]))
        if states is not None:
            content = len(states[0]).to_bytes(8, "big") + states[0] + states[1]
            self.store.write(_state(number, film_plan.digest_of(content)), content)
        state = film_plan.digest_of(content) if content else ""
        whole = json.dumps({**record, "state": state}, separators=(",", ":"))
        return self.store.create(f"{_name(number)}.json", whole.encode())

    def forget(self, number: int) -> None:
        """Remove the record of a part whose packets are gone, so that it can be made again."""
        self.store.remove(lambda name: name == f"{_name(number)}.json")

    def remove(self) -> tuple[str, ...]:
        """Remove all files of the film, which show faces; other files stay. Return a note where that cannot be done."""
        return self.store.remove(lambda name: _OWN.fullmatch(name) is not None)


def _name(number: int) -> str:
    return f"part-{number:04}"


def _draft_name(number: int, second: bool) -> str:
    return f"second-{number:04}" if second else _name(number)


def _packets(number: int, sha256: str) -> str:
    return f"{_name(number)}.{sha256[:_DIGEST_LETTERS]}.packets"


def _state(number: int, digest: str) -> str:
    return f"{_name(number)}.{digest[:_DIGEST_LETTERS]}.state"


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
    """Sink of labelled frames into the files of a folder, part after part; `lease` is that of the first one, held.

    With `second`, another process makes the same parts: whose record comes first has made it.
    """

    def __init__(
        self, folder: PartsFolder, plan: str, form: PictureFormat, first: int, lease: PartLease, *, second: bool = False
    ) -> None:  # fmt: skip
        self._folder = folder
        self._plan = plan
        self._format = form
        self._first = first
        self._lease = lease
        self._second = second
        self._leases = ExitStack()
        self._encoder: PartEncoder | None = None
        self._file: PartFileWriter | None = None
        self._draft: Path | None = None
        self.number: int | None = None
        """Number of the part that is being encoded, None between two parts."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._abandon()
        self._leases.close()

    def begin_part(self, border: Border) -> None:
        """Take the frames of another part from now on. Raises `NotYet` when another process makes it."""
        if border.number != self._first:
            self._lease = self._leases.enter_context(self._folder.lease(border.number, second=self._second))
        about = {"plan": self._plan, "part": border.number}
        self._draft = self._folder.draft(border.number, second=self._second)
        self._encoder = PartEncoder(self._format)
        self._file = PartFileWriter(self._draft, about, self._format.time_base)
        self.number = border.number

    def write(self, labelled: LabelledFrame) -> None:
        """Encode one frame."""
        if not isinstance(labelled, LabelledFrame):
            raise TypeError("only a LabelledFrame leaves mien")
        assert self._encoder is not None
        assert self._file is not None
        self._file.write(map(StoredPacket.of, self._encoder.encode(labelled)))

    def end_part(self, result: PartResult, until: Fraction | None) -> None:
        """End the part and hand it in, the record last. Raises `NotYet` when the lease has lapsed."""
        self.number = None
        encoder, file, draft = self._encoder, self._file, self._draft
        assert encoder is not None
        assert file is not None
        assert draft is not None
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
        self._folder.commit(result.border.number, draft, result.states, record)
        self._abandon()
        self._leases.close()

    def _abandon(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()
        if self._draft is not None:
            self._folder.store.discard(self._draft)
        self._draft = None
