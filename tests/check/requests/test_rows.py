"""Rows of the notes: every reason and kind has its sentence."""

import json
from typing import get_args

import pytest

from mien.check.requests.answers import Answer, Reason
from mien.check.requests.asks import KINDS, Ask
from mien.check.requests.rows import described, row_of, script_of
from mien.provenance.report.words import SEEN


def test_latency_range_and_presence_are_told() -> None:
    answer = Answer(Ask("hand", "left"), SEEN, 7.2, 9.0, 1.25, 0.31, presence=0.9, pictures=80, path=(0.4, -0.3), away_s=0.4)
    row = row_of(answer)
    assert (row.subject, row.seen) == ("Hand, left", "seen")
    told = " ".join(row.sentences)
    for words in (
        "31 % of nose and mouth",
        "1.2 s after the request had been read",
        "90 % of 80 pictures",
        "the right of the picture",
        "0.4 s",
    ):
        assert words in told
    plain = json.loads(json.dumps(described(answer)))
    assert (plain["latency_s"], plain["range"], plain["presence"], plain["seen"]) == (1.25, 0.31, 0.9, "seen")


def test_an_early_start_is_told_as_such() -> None:
    early = Answer(Ask("up"), SEEN, 7.0, 9.0, -0.8, 20.0, pictures=80)
    assert "before the request had been read" in " ".join(row_of(early).sentences)
    unread = Answer(Ask("up"), SEEN, 7.0, None, 3.0, 20.0, pictures=80)
    assert "was shown to the host" in " ".join(row_of(unread).sentences)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_and_reason_has_its_words(kind: str) -> None:
    ask = Ask(kind, "right", 1.0, 3, ("red", "blue"))  # type: ignore[arg-type]
    assert script_of(ask)
    for reason in get_args(Reason):
        row = row_of(Answer(ask, "cannot tell", 3.0, extent=0.4, reason=reason, lost="gone", pictures=9))
        assert len(row.sentences) >= 2
        if reason == "declined":
            assert "no sign" in row.sentences[-1]
