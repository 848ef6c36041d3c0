"""Sources of a large gallery: the ones used last stay in memory."""

import numpy as np

from mien.studio.session.opened_sources import OpenedSources
from mien.types import Landmarks, SourceFace


def _source(digest: str) -> SourceFace:
    landmarks = Landmarks(np.zeros((478, 3), np.float32), 1.0)
    return SourceFace(np.zeros((4, 4, 3), np.uint8), landmarks, digest)


def test_the_source_that_was_not_used_for_the_longest_time_goes() -> None:
    sources = OpenedSources(2)
    for name in "ab":
        sources.keep(name, _source(name))
    assert sources.get("a") is not None
    sources.keep("c", _source("c"))
    assert (sources.get("b"), len(sources)) == (None, 2)
    assert [found.digest for name in "ac" if (found := sources.get(name))] == ["a", "c"]
    sources.forget("a")
    assert sources.get("a") is None
