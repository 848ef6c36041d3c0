"""Times as people type them."""

import pytest

from mien.commands.times import seconds_of
from mien.errors import UsageError


@pytest.mark.parametrize(("text", "seconds"), [(None, None), ("12.5", 12.5), ("1:30", 90), ("01:00:02.5", 3602.5), ("0", 0)])
def test_times_are_read(text: str | None, seconds: float | None) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "x", "-1", "1:2:3:4", "nan", "inf", "1:-2"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="invalid time"):
        seconds_of(text)
