"""A studio for the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.running_studio import Studio, running_studio


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with running_studio(tmp_path) as running:
        yield running
