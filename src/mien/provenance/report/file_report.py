"""Report on one file: its rows, made of custody, credentials, declarations, history, mark and ledger."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mien.errors import MediaError
from mien.media.files.file_check import check_file
from mien.provenance.credentials.trust_list import TrustLists
from mien.provenance.report.custody import Custody, custody_of
from mien.provenance.report.declared import Declaration, declarations
from mien.provenance.report.history import history, thumbnail_of
from mien.provenance.report.parts import Layout, Part, parts_of
from mien.provenance.report.strip import SheetPicture, Strip, strip_of
from mien.provenance.report.words import CANNOT_TELL, NOT_SEEN, SEEN, Seen, say
from mien.provenance.verify import Report, Row, Verifier
from mien.settings import Settings


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One row: its subject, the finding in one of three words, sentences for people, details for programs."""

    subject: str
    seen: Seen
    sentences: tuple[str, ...]
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileReport:
    """Rows on one file, its mark by the second, and pictures."""

    custody: Custody
    rows: tuple[ReportRow, ...]
    strip: Strip | None
    thumbnail: bytes | None

    @property
    def pictures(self) -> tuple[SheetPicture, ...]:
        """Pictures of the contact sheet."""
        return () if self.strip is None else self.strip.pictures

    def described(self) -> dict[str, Any]:
        """Return the report as plain values, for JSON; pictures as their times alone."""
        strip = self.strip
        cells = [] if strip is None else [
            {"start_s": round(cell.start_s, 3), "seen": cell.seen, "z": cell.z,
             "id": None if cell.mark_id is None else f"{cell.mark_id:06x}"}
            for cell in strip.cells
        ]  # fmt: skip
        custody = {name: value.isoformat() if isinstance(value, datetime) else value
                   for name, value in asdict(self.custody).items()}  # fmt: skip
        return {
            "custody": {**custody, "versions": dict(self.custody.versions)},
            "rows": [asdict(row) for row in self.rows],
            "mark_by_second": cells,
            "pictures_s": [round(each.time_s, 3) for each in self.pictures],
        }


class Examiner:
    """Makes reports on files. Nothing here uses the network."""

    def __init__(
        self, verifier: Verifier, lists: TrustLists, settings: Settings, *, search: bool = True,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        self._verifier = verifier
        self._lists = lists
        self._settings = settings
        self._search = search
        self._now = now

    def examine(self, path: Path) -> FileReport:
        """Return the report on a file. Raises a `MienError` only when the file itself cannot be opened."""
        check_file(path)
        custody = custody_of(path, self._now())
        found = self._verifier.examine(path)
        try:
            layout, parts = parts_of(path)
        except OSError:
            layout, parts = "other", []
        strip, reason = self._strip(path)
        again = custody_of(path, self._now())
        rows = _named(path, (
            _identity(custody, changed=again.sha256 != custody.sha256),
            self._credentials(found.credentials),
            _declared(declarations(path, layout, parts)),
            _history(path, layout, parts),
            _mark(found, strip, reason),
            _ledger(found.fingerprint),
        ))  # fmt: skip
        return FileReport(custody, rows, strip, thumbnail_of(parts))

    def _strip(self, path: Path) -> tuple[Strip | None, str]:
        try:
            pixels, size = self._settings.max_pixels, self._settings.max_bytes
            strip = strip_of(path, max_pixels=pixels, max_bytes=size, search=self._search)
        except MediaError as error:
            return None, str(error)
        return strip, ""

    def _credentials(self, found: Row) -> ReportRow:
        today = self._now().date()
        signers, stamps = self._lists.signers, self._lists.stamps
        lists = say("lists", signers=signers.described(today), count=signers.count, stamps=stamps.described(today))
        seen: Seen = NOT_SEEN if found.state == "none" else CANNOT_TELL if found.state == "damaged" else SEEN
        sentences = [found.words]
        if seen is SEEN:
            rubric = found.details.get("rubric") or ()
            sentences.append(say("rubric", sentences="; ".join(rubric)) if rubric else say("rubric-none"))
            sentences += [f"{name}: {value}." for name, value in _facts(found.details)]
        return ReportRow("Credentials", seen, (*sentences, lists), found.details)


def _named(path: Path, rows: Sequence[ReportRow]) -> tuple[ReportRow, ...]:
    """Return the rows with the file's name in place of its whole path: a report is handed on, folders are nobody's business."""
    return tuple(replace(row, sentences=tuple(each.replace(str(path), path.name) for each in row.sentences)) for row in rows)


def _facts(details: dict[str, Any]) -> list[tuple[str, str]]:
    named = {
        "generator": "Program", "title": "Title", "signed_at": "Time stamp", "made_at": "Time by the signer's clock",
        "checker": "How to check the mark, by the signer",
    }  # fmt: skip
    found = [(words, str(details[name])) for name, words in named.items() if details.get(name)]
    for name, words in (("actions", "Actions"), ("digital_source_types", "Source types"), ("problems", "Codes")):
        if details.get(name):
            found.append((words, ", ".join(map(str, details[name]))))
    found += [("Made from", f"{each['title']} ({each['relationship']}, {each['state']})") for each in details["ingredients"]]
    return found


def _identity(custody: Custody, *, changed: bool) -> ReportRow:
    looked = f"{custody.looked_at:%Y-%m-%d %H:%M:%S} UTC"
    sentences = [say("identity", sha256=custody.sha256, size=f"{custody.size_bytes:,}", looked_at=looked)]
    if custody.kind is None:
        sentences.append(say("type-unknown"))
    elif custody.fits:
        sentences.append(say("type", kind=custody.kind))
    else:
        suffix = Path(custody.name).suffix or "nothing"
        sentences.append(say("type-differs", kind=custody.kind, suffix=suffix))
    if changed:
        sentences.append(say("changed"))
    return ReportRow("File", CANNOT_TELL if custody.kind is None or changed else SEEN, tuple(sentences))


def _declared(found: Sequence[Declaration]) -> ReportRow:
    if not found:
        return ReportRow("Declared", NOT_SEEN, (say("declared-none"),))
    sentences = [say("declared", count=len(found))]
    sentences += [say("source-type", words=each.source) for each in found if each.source is not None]
    programs = dict.fromkeys(each.program for each in found if each.program is not None)
    sentences += [say("generator", program=program) for program in programs]
    return ReportRow("Declared", SEEN, tuple(sentences), {"fields": [asdict(each) for each in found]})


def _history(path: Path, layout: Layout, parts: Sequence[Part]) -> ReportRow:
    found = history(path, layout, parts)
    if not found:
        return ReportRow("History", CANNOT_TELL, (say("history-none"),))
    return ReportRow("History", SEEN, (say("history"), *found))


def _mark(found: Report, strip: Strip | None, reason: str) -> ReportRow:
    if strip is None:
        return ReportRow("Mark", CANNOT_TELL, (say("unreadable", reason=reason),))
    count, seen = len(strip.cells), sum(cell.seen == SEEN for cell in strip.cells)
    known = sum(cell.seen != CANNOT_TELL for cell in strip.cells)
    sentences = [found.mark.words]
    if strip.length_s is not None:
        name = "mark-all" if seen and seen == known else "mark-part" if seen else "mark-none"
        sentences.append(say(name, count=count, seen=seen))
        if count < int(strip.length_s) - 1:
            sentences.append(say("mark-sampled", count=count, length=f"{strip.length_s:.0f} s"))
    if len(strip.ids) > 1:
        sentences.append(say("mark-ids", ids=", ".join(strip.ids)))
    word: Seen = SEEN if seen or found.mark.state in {"found", "no-id"} else NOT_SEEN if known else CANNOT_TELL
    return ReportRow("Mark", word, tuple(sentences), found.mark.details)


def _ledger(found: Row) -> ReportRow:
    seen: Seen = SEEN if found.state == "alike" else NOT_SEEN if found.state == "none" else CANNOT_TELL
    return ReportRow("Ledger", seen, (found.words,), found.details)
