"""Notes of a check: rows in the three words, made of the looks."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mien.check.sentences import phrase
from mien.check.watch import Look
from mien.provenance.report.file_report import ReportRow
from mien.provenance.report.words import CANNOT_TELL, NOT_SEEN, SEEN

_RECENT_LOOKS = 6  # a glance; six seconds are what a host still remembers


@dataclass(frozen=True, slots=True)
class Subject:
    """Source of a check: its name without secrets, its size, the moment of the first picture, whether the person was told."""

    name: str
    size_wh: tuple[int, int]
    began_at: datetime
    told: bool
    lost: str = ""


@dataclass(slots=True)
class Tally:
    """Looks of a check so far; a check of hours keeps counts, and the last looks alone."""

    looks: int = 0
    flat: int = 0
    marked: int = 0
    first_s: float | None = None
    last_s: float = 0.0
    ids: "Counter[int]" = field(default_factory=Counter)
    badges: "Counter[str]" = field(default_factory=Counter)
    recent: list[Look] = field(default_factory=list)

    def add(self, look: Look) -> None:
        """Count one look."""
        self.looks += 1
        self.flat += look.flat
        self.last_s = look.at_s
        if look.mark is not None:
            self.marked += 1
            if look.mark.mark_id is not None:
                self.ids[look.mark.mark_id] += 1
                self.first_s = look.at_s if self.first_s is None else self.first_s
        if look.badge is not None:
            self.badges[look.badge.corner] += 1
        self.recent = [*self.recent, look][-_RECENT_LOOKS:]

    def now(self) -> str:
        """Return a few words on the last looks, for a line that is written over."""
        ids = Counter(each.mark.mark_id for each in self.recent if each.mark is not None and each.mark.mark_id is not None)
        if ids:
            ((number, seen),) = ids.most_common(1)
            return phrase("mark-recent", number=f"{number:06x}", seen=seen, looks=len(self.recent))
        if any(each.mark for each in self.recent):
            return phrase("mark-no-id")
        return phrase("mark-flat" if all(each.flat for each in self.recent) else "mark-none")


def rows_of(subject: Subject, tally: Tally) -> tuple[ReportRow, ...]:
    """Return the rows of the notes."""
    about = phrase(
        "source", source=subject.name, width=subject.size_wh[0], height=subject.size_wh[1], seconds=f"{tally.last_s:.0f}",
        began=f"{subject.began_at:%Y-%m-%d %H:%M:%S} UTC",
    )  # fmt: skip
    lost = (phrase("lost", reason=subject.lost),) if subject.lost else ()
    return (
        ReportRow("Source", SEEN, (about, phrase("told" if subject.told else "not-asked"), *lost)),
        _mark(tally),
        _badge(tally),
        ReportRow("People", CANNOT_TELL, (phrase("limits"),)),
    )


def described(subject: Subject, rows: Sequence[ReportRow], tally: Tally) -> dict[str, Any]:
    """Return the notes as plain values, for JSON."""
    return {
        "source": subject.name,
        "began_at": subject.began_at.isoformat(),
        "told": subject.told,
        "looks": tally.looks,
        "ids": {f"{number:06x}": seen for number, seen in tally.ids.most_common()},
        "first_s": None if tally.first_s is None else round(tally.first_s, 2),
        "rows": [{"subject": row.subject, "seen": row.seen, "sentences": list(row.sentences)} for row in rows],
        "note": phrase("preface"),
    }


def _mark(tally: Tally) -> ReportRow:
    if tally.ids:
        ((number, seen),) = tally.ids.most_common(1)
        first = "0" if tally.first_s is None else f"{tally.first_s:.1f}"
        said = [phrase("mark-seen", number=f"{number:06x}", seen=seen, looks=tally.looks, first=first)]
        if len(tally.ids) > 1:
            said.append(phrase("mark-several", numbers=", ".join(f"{each:06x}" for each in tally.ids)))
        return ReportRow("Mark", SEEN, (*said, phrase("mark-meaning"), phrase("chance")))
    if tally.marked:
        return ReportRow("Mark", SEEN, (phrase("mark-no-id"), phrase("mark-meaning"), phrase("chance")))
    if tally.looks == tally.flat:
        return ReportRow("Mark", CANNOT_TELL, (phrase("mark-flat"),))
    return ReportRow("Mark", NOT_SEEN, (phrase("mark-none"),))


def _badge(tally: Tally) -> ReportRow:
    if not tally.badges:
        return ReportRow("Label", NOT_SEEN, (phrase("badge-none"),))
    corner, seen = tally.badges.most_common(1)[0]
    return ReportRow("Label", SEEN, (phrase("badge-seen", corner=corner, seen=seen, looks=tally.looks),))
