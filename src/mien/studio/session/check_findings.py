"""Findings of a check in three words, without a number that a swap could be trained on."""

from collections.abc import Mapping, Sequence
from typing import Any

from mien.check.notes import Subject, Tally, rows_of
from mien.check.requests.answers import Answer
from mien.check.requests.comparison import Comparison
from mien.check.requests.requests import Told
from mien.check.requests.rows import row_of, script_of
from mien.check.sentences import phrase
from mien.provenance.report.file_report import ReportRow
from mien.provenance.report.words import CANNOT_TELL

_WITH_NUMBERS = {"other-side"}
"""Reasons whose sentence holds what was measured."""
_MEANINGS = {"Mark": ("mark-meaning", "chance"), "Label": ()}


def seen_of(subject: Subject, tally: Tally) -> dict[str, str]:
    """Return the word for the mark and that for the badge."""
    _, mark, label, _ = rows_of(subject, tally)
    return {"mark": mark.seen, "badge": label.seen}


def answered(told: Told) -> dict[str, Any]:
    """Return an answer for the page: the request, one of the three words, the reason for it, whether its seconds are kept."""
    answer = told.answer
    ask = answer.ask
    return {
        "kind": ask.kind, "side": ask.side, "count": ask.count, "seen": answer.seen, "reason": answer.reason,
        "has_film": told.film is not None,
    }  # fmt: skip


def compared(comparison: Comparison) -> dict[str, str]:
    """Return the word for the photo, and why it is no clearer: too few looks, or a face between likeness and none."""
    few = comparison.distance is None
    return {"seen": comparison.seen, "reason": "few" if few else "between" if comparison.seen == CANNOT_TELL else ""}


def rows_for_notes(
    subject: Subject,
    tally: Tally,
    told: Sequence[Told],
    pairs: Sequence[ReportRow],
    said: Mapping[str, bool | None],
    comparison: Comparison | None = None,
) -> tuple[ReportRow, ...]:
    """Return the rows of the page's notes: the three words, and sentences without what was measured."""
    source, mark, label, limits = rows_of(subject, tally)
    return (
        source,
        *(ReportRow(row.subject, row.seen, _told_of(row)) for row in (mark, label)),
        *(_row_of(each.answer) for each in told),
        *([] if comparison is None else [comparison.word_row()]),
        *pairs,
        *([_list_row(said)] if said else []),
        limits,
    )


def _told_of(row: ReportRow) -> tuple[str, ...]:
    if row.seen == "seen":
        return tuple(phrase(name) for name in _MEANINGS[row.subject])
    return row.sentences


def _row_of(answer: Answer) -> ReportRow:
    whole = row_of(answer)
    said = [f'"{script_of(answer.ask)}"']
    if answer.reason and answer.reason not in _WITH_NUMBERS:
        said.append(phrase(f"why-{answer.reason}", other="", lost=answer.lost))
    if answer.reason != "declined":
        said.append(phrase(f"means-{answer.ask.kind}"))
    return ReportRow(whole.subject, whole.seen, tuple(said))


def _list_row(said: Mapping[str, bool | None]) -> ReportRow:
    sentences = []
    for name, answer in said.items():
        kind = "open" if answer is None else "yes" if answer else "no"
        sentences.append(phrase(f"list-{kind}", words=phrase(f"list-{name}")))
    return ReportRow("List", CANNOT_TELL, (*sentences, phrase("list-said")))
