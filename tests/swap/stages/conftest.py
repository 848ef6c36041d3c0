"""Fixtures of the stages."""

from collections.abc import Iterator

import pytest

from mien.swap.stages.enhance.stage import Enhancement


@pytest.fixture
def live() -> Iterator[Enhancement]:
    enhancement = Enhancement(live=True)
    yield enhancement
    assert enhancement.close()
