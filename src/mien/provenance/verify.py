"""Verification: three independent rows on what a file says of itself: credentials, mark, fingerprint in the ledger.

No row speaks for another, and none says what is genuine: a mark is a label, credentials say who signed, and a file
without either says nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mien.errors import MediaError, MienError, ProvenanceError, UsageError
from mien.media.files.file_check import check_file
from mien.provenance.consent import Consent, Consents
from mien.provenance.credentials.found import ConsentFound
from mien.provenance.credentials.read import read_credentials
from mien.provenance.credentials.trust_list import TrustLists
from mien.provenance.fingerprint import fingerprint
from mien.provenance.ledger import Ledger, Likeness, Output
from mien.provenance.mark.decoder import MarkFound, MarkReader
from mien.provenance.mark.windows import is_flat, readable, windows_of
from mien.settings import Settings

_MAX_FILES = 10_000  # bounds the list of a folder that was named by mistake


@dataclass(frozen=True, slots=True)
class Row:
    """One finding: `state` is for programs, `words` for people, `details` for both."""

    state: str
    words: str
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """Findings on one file."""

    file: str
    credentials: Row
    mark: Row
    fingerprint: Row

    def described(self) -> dict[str, Any]:
        """Return the report as plain values, for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class VerifyTuning:
    """Numbers of the comparison with the ledger."""

    fingerprint_every_frames: int = 3
    """The ledger has one fingerprint a second, and a lively picture changes a lot meanwhile."""
    min_alike_share: float = 0.5
    """Share of the windows of a file that must look like an output; chosen, not measured."""
    max_alike_shown: int = 5
    """A report stays short."""


_TUNING = VerifyTuning()


class Verifier:
    """Examines files; `anchors` are PEM roots that the user trusts.

    `ledger` and `consents` are those of this machine, None = none, or not to be spoken of. `lists` are C2PA's trust lists.
    """

    def __init__(
        self,
        anchors: Sequence[bytes],
        ledger: Ledger | None,
        settings: Settings,
        *,
        search: bool = True,
        tuning: VerifyTuning = _TUNING,
        consents: Consents | None = None,
        lists: TrustLists | None = None,
    ) -> None:
        self._tuning = tuning
        self._anchors = anchors
        self._ledger = ledger
        self._settings = settings
        self._search = search
        self._consents = consents
        self._lists = lists

    @property
    def anchors(self) -> Sequence[bytes]:
        """Roots that are trusted, PEM."""
        return self._anchors

    def examine(self, path: Path) -> Report:
        """Return all three rows of one file. Raises a `MienError` only when the file itself cannot be opened."""
        check_file(path)
        credentials = self._credentials(path)
        try:
            windows = list(self._windows(path))
        except MediaError as error:
            unread = Row("unreadable", f"The pictures cannot be read: {error}.")
            return Report(str(path), credentials, unread, unread)
        return Report(str(path), credentials, self._mark(windows), self._fingerprint(windows))

    def _credentials(self, path: Path) -> Row:
        try:
            found = read_credentials(path, anchors=self._anchors, lists=self._lists)
        except MienError as error:
            return Row("damaged", f"The credentials cannot be read: {error}.")
        given = self._given()
        consents = [{**asdict(each), "photo": _photo(each, given)} for each in found.consents]
        return Row(found.state, found.words, _plain({**asdict(found), "consents": consents}))

    def _given(self) -> list[Consent]:
        """Return the statements of this machine; none where they cannot be read."""
        try:
            return [] if self._consents is None else self._consents.all()
        except ProvenanceError:
            return []

    def _mark(self, windows: list["_Window"]) -> Row:
        found = _best(window.marks.read() for window in windows)
        if self._search and (found is None or found.mark_id is None):
            found = _best((found, *(window.marks.read(search=True) for window in windows)))
        if found is None:
            return Row("none", "No mark of mien was found. That says nothing: marks get lost, and other programs leave none.")
        here = self._made_here(found.mark_id)
        return Row("found" if found.mark_id is not None else "no-id", _mark_words(found, here), {
            "id": None if found.mark_id is None else f"{found.mark_id:06x}",
            "z": round(found.z, 2),
            "scale": round(found.scale, 4),
            "angle_deg": round(found.angle_deg, 2),
            "mirrored": found.mirrored,
            "made_here": [_plain(asdict(output)) for output in here or ()],
        })  # fmt: skip

    def _made_here(self, mark_id: int | None) -> list[Output] | None:
        """Return the outputs of the ledger with this mark; None when the ledger cannot be read or there is no id."""
        if self._ledger is None or mark_id is None:
            return None
        try:
            return self._ledger.with_mark(mark_id)
        except ProvenanceError:
            return None

    def _fingerprint(self, windows: list["_Window"]) -> Row:
        if self._ledger is None:
            return Row("no-ledger", "There is no ledger on this machine to compare with.")
        try:
            upright = self._ledger.alike([window.prints for window in windows])
            mirrored = self._ledger.alike([window.mirrored_prints for window in windows])
        except ProvenanceError as error:
            return Row("no-ledger", f"The ledger of this machine cannot be read: {error}.")
        near = [each for each in sorted((*upright, *mirrored), key=_nearness) if each.share >= self._tuning.min_alike_share]
        if not near:
            return Row("none", "It looks like nothing that was made on this machine.")
        output = near[0].output
        words = (
            f"It looks like {output.title}, made on this machine on {_day(output.made_at)}; "
            "what that was made from looks much the same."
        )
        return Row("alike", words, {"outputs": [_plain(asdict(each)) for each in near[: self._tuning.max_alike_shown]]})

    def _windows(self, path: Path) -> Iterator["_Window"]:
        limits = {"max_pixels": self._settings.max_pixels, "max_bytes": self._settings.max_bytes}
        for images in readable(windows_of(path, **limits)):
            marks = MarkReader()
            for image in images:
                marks.add(image)
            sampled = images[:: self._tuning.fingerprint_every_frames]
            shown = [image for image in sampled if self._ledger is not None and not is_flat(image)]
            mirrored = [fingerprint(np.ascontiguousarray(image[:, ::-1])) for image in shown]
            yield _Window(marks, [fingerprint(image) for image in shown], mirrored)


@dataclass(frozen=True, slots=True)
class _Window:
    """Evidence of a window, kept when its pictures are gone: marks, and fingerprints both ways round."""

    marks: MarkReader
    prints: list[int]
    mirrored_prints: list[int]


def files_in(paths: Sequence[Path], *, max_files: int = _MAX_FILES) -> list[Path]:
    """Return the files named and those in the folders named, in order, without hidden files and receipts.

    Raises `UsageError` for too many.
    """
    found: list[Path] = []
    for path in paths:
        if _is_folder(path):
            inside = sorted(each for each in path.rglob("*") if each.is_file() and not each.name.startswith("."))
            found += [each for each in inside if each.suffix != ".c2pa"]
        else:
            found.append(_file_of(path))
    found = list(dict.fromkeys(found))
    if len(found) > max_files:
        raise UsageError(f"these are {len(found)} files", f"name at most {max_files} at once")
    return found


def _file_of(path: Path) -> Path:
    """Return the file that a receipt belongs to, if it lies beside it; else the path itself."""
    file = path.with_suffix("")
    return file if path.suffix == ".c2pa" and file.is_file() else path


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        # Opening it will raise the error with its remedy.
        return False


def _best(found: Iterator[MarkFound | None] | tuple[MarkFound | None, ...]) -> MarkFound | None:
    """Return the mark with the highest z, those with a readable id before those without."""
    return max((each for each in found if each is not None), key=lambda each: (each.mark_id is not None, each.z), default=None)


def _nearness(likeness: Likeness) -> tuple[float, int]:
    return -likeness.share, likeness.distance


def _mark_words(found: MarkFound, here: Sequence[Output] | None) -> str:
    if found.mark_id is None:
        return "It carries mien's mark; the number in it cannot be read for certain."
    words = f"It carries mien's mark, number {found.mark_id:06x}."
    if here:
        return f"{words} This machine made {here[0].title} with that number on {_day(here[0].made_at)}."
    if here is None:
        return f"{words} There is no ledger here that could know it."
    return f"{words} The ledger of this machine does not know that number."


def _day(moment: Any) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _photo(found: ConsentFound, given: Sequence[Consent]) -> str | None:
    """Return the photo for which a consent was given on this machine, None when that is not known, or not sure."""
    if found.recorded is None:
        return None
    # A consent that stands alone is written to the second.
    second = found.recorded.microsecond == 0
    photos = {
        each.photo
        for each in given
        if each.statement == found.basis
        and (each.given_at.replace(microsecond=0) if second else each.given_at) == found.recorded
    }
    return photos.pop() if len(photos) == 1 else None


def _plain(value: Any) -> Any:
    """Return a value in types that JSON knows."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
