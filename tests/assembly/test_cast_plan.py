"""Plans of a cast: faces and treatments of members, and what is no plan."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.assembly.cast_plan import CastPlan
from mien.assembly.film_plan import cast_bytes
from mien.assembly.jobs.specs import swap_spec
from mien.assembly.kept_faces import KeptFaces
from mien.commands.swap_cast import Costumes, recogniser_name
from mien.errors import UsageError
from mien.settings import Settings
from mien.swap.people.corrections import KnownPeople
from mien.swap.people.identities import Wanted
from mien.swap.people.template import template_of_photo
from mien.types import Landmarks, SourceFace
from tests.support.rosters import roster, written


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


def test_people_of_an_installed_recogniser_are_not_queued_or_made_in_parts() -> None:
    plan = CastPlan(members=((_person("a"), _source("x")),), recogniser="mine")
    with pytest.raises(UsageError, match="mine cannot be queued"):
        swap_spec(plan, {})
    with pytest.raises(UsageError, match="mine cannot be made in parts"):
        cast_bytes(plan)


def test_cards_name_the_model_that_tells_their_people_apart() -> None:
    known = KnownPeople(replace(roster(1), recogniser="mine"), ())
    assert recogniser_name(Costumes((), known)) == "mine"
    assert recogniser_name(Costumes((), None)) == "face_id_128"


def test_cards_of_another_model_keep_nobody(tmp_path: Path) -> None:
    written(tmp_path, replace(roster(1), recogniser="mine"))
    with pytest.raises(UsageError, match="made by mine"):
        KeptFaces(Settings()).watcher([str(tmp_path / "1")], tmp_path / "film.mp4")
