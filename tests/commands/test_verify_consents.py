"""Consents that `mien verify` prints."""

import io
from typing import Any

import pytest
from rich.console import Console

from mien.commands.verify import _print_consents


def _consent(basis: str, recorded: str | None = None, photo: str | None = None) -> dict[str, Any]:
    return {"basis": basis, "recorded": recorded, "photo": photo}


@pytest.mark.parametrize(
    ("consents", "lines"),
    [
        ([], []),
        ([_consent("own", "2026-11-30T10:00:00")], ["consent      own, 2026-11-30"]),
        ([_consent("own", "2026-11-30T10:00:00"), _consent("own", "2026-11-30T11:00:00")], ["consent      own, 2026-11-30"]),
        (
            [_consent("own", None, "a.jpg"), _consent("own", None, "b.jpg"), _consent("own", None, "a.jpg")],
            ["consent 1    own, for a.jpg", "consent 2    own, for b.jpg"],
        ),
    ],
    ids=["none", "one", "equal lines", "several"],
)
def test_equal_consents_are_one_line(consents: list[dict[str, Any]], lines: list[str]) -> None:
    printed = io.StringIO()
    _print_consents(Console(file=printed, width=100), consents)
    assert [line.strip() for line in printed.getvalue().splitlines()] == lines
