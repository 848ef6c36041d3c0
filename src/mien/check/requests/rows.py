"""Rows of notes and values of JSON for the answers to requests."""

from typing import Any

from mien.check.requests.answers import Answer
from mien.check.requests.asks import Ask
from mien.check.sentences import phrase
from mien.provenance.report.file_report import ReportRow

_NAMES = {"hand": "Hand", "profile": "Profile", "up": "Look up", "cheek": "Cheek", "blink": "Blinks", "colours": "Colours"}


def script_of(ask: Ask) -> str:
    """Return the words that the host reads aloud."""
    return phrase(f"ask-{ask.kind}", side=ask.side, count=ask.count)


def row_of(answer: Answer) -> ReportRow:
    """Return the row of an answer."""
    ask = answer.ask
    name = _NAMES[ask.kind] + (f", {ask.side}" if ask.side else "")
    said = [phrase("asked", at=f"{answer.asked_s:.0f}", words=script_of(ask))]
    if answer.reason == "declined":
        return ReportRow(name, answer.seen, (*said, phrase("why-declined")))
    said += _found(answer)
    said.append(phrase("presence", share=f"{100 * answer.presence:.0f}", pictures=answer.pictures))
    if answer.reason:
        said.append(phrase(f"why-{answer.reason}", other=f"{answer.other:.0f}", lost=answer.lost))
    said.append(phrase(f"means-{ask.kind}"))
    return ReportRow(name, answer.seen, tuple(said))


def described(answer: Answer) -> dict[str, Any]:
    """Return an answer as plain values, for JSON."""
    ask = answer.ask
    return {
        "request": ask.kind, "side": ask.side or None, "count": ask.count or None, "colours": list(ask.colours) or None,
        "words": script_of(ask), "seen": answer.seen, "reason": answer.reason or None,
        "asked_s": round(answer.asked_s, 2), "read_s": _rounded(answer.said_s), "latency_s": _rounded(answer.latency_s),
        "range": _rounded(answer.extent), "other_side": round(answer.other, 1), "presence": round(answer.presence, 3),
        "away_s": round(answer.away_s, 2), "pictures": answer.pictures,
        "path": None if answer.path is None else [round(each, 2) for each in answer.path],
    }  # fmt: skip


def _found(answer: Answer) -> list[str]:
    """Return the sentences on latency and range."""
    said: list[str] = []
    kind, extent = answer.ask.kind, answer.extent
    if extent is not None:
        share = f"{100 * extent:.0f}"
        said.append(
            phrase(f"range-{kind}", share=share, degrees=f"{extent:.0f}", count=f"{extent:.0f}", asked=answer.ask.count)
        )
    if answer.path is not None:
        first, last = answer.path
        said.append(phrase("path", first=_place(first), last=_place(last)))
    if answer.latency_s is not None:
        late = answer.latency_s
        since = "shown" if answer.said_s is None else "read"
        said.append(phrase(f"latency-{since}", seconds=f"{late:.1f}") if late >= 0 else phrase("latency-before"))
    if answer.away_s > 0:
        said.append(phrase("away", seconds=f"{answer.away_s:.1f}"))
    return said


def _place(across: float) -> str:
    if abs(across) < 1 / 12:
        return "the middle"
    return "the left of the picture" if across < 0 else "the right of the picture"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
