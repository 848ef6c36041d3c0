"""Answers to requests: seen, not seen or cannot tell, with latency, range and presence. No score."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Literal, TypeAlias

from mien.check.requests.asks import Ask
from mien.check.requests.colours import followed
from mien.check.requests.movements import Measured, is_at_rest, measured, path_of
from mien.check.requests.sighting import Sighting
from mien.provenance.report.words import CANNOT_TELL, NOT_SEEN, SEEN, Seen

Reason: TypeAlias = Literal[
    "declined",
    "ended",
    "lost",
    "stalled",
    "no-face",
    "two-faces",
    "small",
    "few-pictures",
    "no-usual",
    "other-side",
    "gone",
    "bright",
    "",
]
"""Reason why nothing can be told."""


@dataclass(frozen=True, slots=True)
class AnswerTuning:
    """Bounds below which nothing can be told."""

    least_presence: float = 0.5
    """Share of the pictures that show the face."""
    most_others: float = 0.2
    """Share of the pictures that show a second face."""
    longest_gap_s: float = 1.0
    """Between two pictures: a movement is faster than that."""
    least_eyes_px: float = 24.0
    """Distance of the outer eye corners; smaller faces have hands of a few pixels."""
    blink_rate_hz: float = 12.0
    """Pictures a second for blinks, which last 0.1 to 0.4 s."""
    least_pictures: int = 8
    """Of an answer."""
    least_other_yaw: float = 40.0
    """Degrees to the other side that are a turn, not the start of one."""
    gone_yaw: float = 35.0
    gone_s: float = 0.4
    """Degrees after which, and time for which, a face that is out of sight may have been in profile."""


_TUNING = AnswerTuning()


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer to one request, `asked_s` seconds after the first picture.

    `latency_s` runs from `said_s`, when the host had read the request aloud, or from `asked_s` where that is not known; it
    holds the delay of the call and of the host. `extent` is the range, in degrees, as a share, or as a count; `other` the
    degrees to the other side. `presence` is the share of the pictures that show the face, `away_s`
    the longest time without it, `path` as in `path_of`.
    """

    ask: Ask
    seen: Seen
    asked_s: float
    said_s: float | None = None
    latency_s: float | None = None
    extent: float | None = None
    other: float = 0.0
    presence: float = 0.0
    away_s: float = 0.0
    pictures: int = 0
    path: tuple[float, float] | None = None
    reason: Reason = ""
    lost: str = ""


def declined_answer(ask: Ask, asked_s: float) -> Answer:
    """Return the answer to a request that was declined."""
    return Answer(ask, CANNOT_TELL, asked_s, reason="declined")


def answer_of(
    ask: Ask,
    before: Sequence[Sighting],
    during: Sequence[Sighting],
    asked_s: float,
    said_s: float | None = None,
    *,
    ended: bool = False,
    lost: str = "",
    tuning: AnswerTuning = _TUNING,
) -> Answer:
    """Return the answer that the pictures after a request show.

    `ended`: the host ended it before its time; `lost` is why the source ended in it, if it did.
    """
    from_s = asked_s if said_s is None else said_s
    facts = Answer(
        ask, CANNOT_TELL, asked_s, said_s, presence=_presence(during), away_s=_away(during), pictures=len(during), lost=lost
    )
    doubt = "lost" if lost else "ended" if ended else _doubt(ask, before, during, tuning)
    several = _shows_several(during, tuning)
    if ask.kind == "colours":
        return _of_colours(facts, during, from_s, doubt, several=several)
    found = measured(ask, before, during)
    latency_s = None if found.onset_s is None else found.onset_s - from_s
    path = path_of(during) if ask.kind in {"hand", "cheek"} else None
    # Where no face was seen, nothing was measured: not a head that turned by 0 degrees.
    extent = found.extent if found.extent or facts.presence else None
    facts = replace(facts, latency_s=latency_s, extent=extent, other=found.other, path=path)
    if found.reached and not several and _shows_face(before):
        return replace(facts, seen=SEEN)
    reason = doubt or _unreached(ask, found, facts.away_s, tuning)
    return replace(facts, seen=CANNOT_TELL if reason else NOT_SEEN, reason=reason)


def is_over(ask: Ask, before: Sequence[Sighting], during: Sequence[Sighting], rest_s: float) -> bool:
    """Return True when what was asked for was seen, and the face has been at rest since."""
    if ask.kind == "colours" or not measured(ask, before, during).reached:
        return False
    last = [each for each in during if during[-1].at_s - each.at_s <= rest_s]
    return during[-1].at_s - during[0].at_s > rest_s and is_at_rest(ask, before, last)


def _doubt(ask: Ask, before: Sequence[Sighting], during: Sequence[Sighting], tuning: AnswerTuning) -> Reason:
    """Return why the pictures do not tell what is not in them."""
    if len(during) < tuning.least_pictures:
        return "few-pictures"
    if any(b.at_s - a.at_s > tuning.longest_gap_s for a, b in pairwise(during)):
        return "stalled"
    if _shows_several(during, tuning):
        return "two-faces"
    if not _shows_face(before):
        return "no-usual"
    eyes = [each.face.eyes_px for each in (*before, *during) if each.face is not None]
    if median(eyes) < tuning.least_eyes_px:
        return "small"
    if ask.kind == "blink" and len(during) < tuning.blink_rate_hz * (during[-1].at_s - during[0].at_s):
        return "few-pictures"
    return "no-face" if _presence(during) < tuning.least_presence else ""


def _shows_several(during: Sequence[Sighting], tuning: AnswerTuning) -> bool:
    """Return True when it cannot be told whose answer it is, however the request ended."""
    return sum(each.faces > 1 for each in during) > tuning.most_others * len(during)


def _shows_face(before: Sequence[Sighting]) -> bool:
    return any(each.face is not None for each in before)


def _unreached(ask: Ask, found: Measured, away_s: float, tuning: AnswerTuning) -> Reason:
    """Return why a movement that was not reached may still have been made."""
    if ask.kind != "profile":
        return ""
    # A mirrored picture, or a misunderstanding; and a face that is lost on its way to a profile.
    if found.other > found.extent and found.other >= tuning.least_other_yaw:
        return "other-side"
    return "gone" if away_s > tuning.gone_s and found.extent > tuning.gone_yaw else ""


def _of_colours(facts: Answer, during: Sequence[Sighting], from_s: float, doubt: Reason, *, several: bool) -> Answer:
    found = followed(facts.ask.colours, during, from_s)
    if found is None:
        return replace(facts, reason=doubt or "few-pictures")
    facts = replace(facts, extent=found.correlation, latency_s=found.delay_s)
    if found.is_seen and not several:
        return replace(facts, seen=SEEN)
    # A bright room drowns the screen, so that nothing follows from a face that does not change.
    return replace(facts, reason=doubt or "bright")


def _presence(during: Sequence[Sighting]) -> float:
    return sum(each.face is not None for each in during) / max(len(during), 1)


def _away(during: Sequence[Sighting]) -> float:
    """Return the longest time without a face, in seconds, between two pictures that show it or to the last."""
    longest = 0.0
    since: float | None = None
    for each in during:
        if each.face is not None:
            since = each.at_s
        elif since is not None:
            longest = max(longest, each.at_s - since)
    return longest
