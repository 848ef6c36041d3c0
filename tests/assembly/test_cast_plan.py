"""Plans of a cast: faces and treatments of members, and what is no plan."""

import numpy as np
import pytest

from mien.assembly.cast_plan import CastPlan
from mien.errors import UsageError
from mien.swap.people.identities import Wanted
from mien.swap.people.template import template_of_photo
from mien.types import Landmarks, SourceFace


def _source(digest: str) -> SourceFace:
    return SourceFace(np.zeros((8, 8, 3), np.uint8), Landmarks(np.zeros((478, 3), np.float32), 1.0), digest)


def _person(name: str) -> Wanted:
    return Wanted(name, (template_of_photo(np.ones(128, np.float32)),))


def test_a_member_may_have_a_treatment_instead_of_a_face() -> None:
    plan = CastPlan(
        others="blur", members=((_person("a"), _source("x")), (_person("b"), "leave"), (_person("c"), _source("x")))
    )
    assert [source.digest for source in plan.sources] == ["x"], "each source once"


def test_treatments_alone_are_no_plan() -> None:
    with pytest.raises(UsageError, match="nobody is to wear a face"):
        CastPlan(members=((_person("a"), "leave"),))
