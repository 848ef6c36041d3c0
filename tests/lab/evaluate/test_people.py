"""The set of known people: its parts, its views, and the unit vectors of installed recognisers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.assembly import factory
from mien.errors import ModelError, ModelMismatch
from mien.lab.evaluate import people
from mien.lab.evaluate.lab import Lab
from mien.lab.evaluate.people import VIEWS, measure, recognisers, shrink, split_people, track_of
from mien.lab.evaluate.portraits import Portrait
from mien.models.library.identity_limits import limits_of
from mien.models.library.importing import import_models
from mien.models.library.store import Store
from mien.models.networks.recognisers.unit_length import UnitLength
from mien.models.runtime.session_cache import SessionCache
from mien.settings import Settings
from mien.types import Floats, IdentityLimits, Image, Landmarks
from tests.support.portraits import COLLINS, HOPPER, models, portrait, recogniser
from tests.support.standins import make_small


def known(path_name: str, person: str) -> Portrait:
    found = portrait(HOPPER if person.endswith("hopper") else COLLINS)
    return Portrait(path_name, person, found.image, found.landmarks, found.descriptor)


@pytest.fixture(scope="module")
def lab() -> Lab:
    portraits = [known(f"london/{name}{number}.jpg", f"london/{name}") for name in ("collins", "hopper") for number in (1, 2)]
    return Lab(Settings(), Store(), models(), recogniser(), tuple(portraits))


def test_people_are_in_one_part_only() -> None:
    portraits = [
        known(f"london/{number:03}_{face}.jpg", f"london/{number:03}")
        for number in range(40)
        for face in ("neutral", "smiling")
    ]
    tuned, held_out = split_people([*portraits, known("everyday/1.jpg", "everyday/1")])
    assert (len(tuned), len(held_out)) == (60, 21)
    assert not {each.person for each in tuned} & {each.person for each in held_out}


def test_views_are_the_same_in_every_run_and_as_drawn(lab: Lab) -> None:
    first, again = track_of(lab.people[0], 3, lab), track_of(lab.people[0], 3, lab)
    assert len(first.views) == VIEWS
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first.views, again.views, strict=True))
    assert len({view.yaw for view in first.views}) == VIEWS
    for view in first.views:
        assert abs(view.yaw) <= 60
        assert 32 <= view.height <= 200
        if view.face is not None and abs(view.yaw) < 30:
            assert np.ptp(view.face.landmarks.points[:, 1]) == pytest.approx(view.height, rel=0.25)


def test_a_portrait_is_shrunk_to_its_height(lab: Lab) -> None:
    view = shrink(lab.people[0], 64, lab)
    assert view.face is not None
    assert np.ptp(view.face.landmarks.points[:, 1]) == pytest.approx(64, rel=0.1)


def test_installed_embeddings_are_compared_at_length_one() -> None:
    class Long:
        def embed(self, image: Image, landmarks: Landmarks) -> Floats:
            return np.array([3, 4], np.float32)

    found = UnitLength(Long(), IdentityLimits(1.0, 1.0, 1.0)).describe(portrait(COLLINS).image, portrait(COLLINS).landmarks)
    assert found.tolist() == pytest.approx([0.6, 0.8])


def test_only_what_is_installed_is_measured(lab: Lab) -> None:
    assert list(recognisers(lab)) == ["face_id_128"]


def test_an_installed_recogniser_is_calibrated_beside_the_embedded_one(lab: Lab, tmp_path: Path) -> None:
    store = Store(installed=tmp_path / "installed")
    given = tmp_path / "given"
    given.mkdir()
    make_small("arcface", given / "standin_arcface.onnx")
    import_models([given], store, trust=True)
    installed = replace(lab, store=store, quick=True)
    embedded, name = recognisers(installed)
    assert embedded == "face_id_128"
    section = measure(installed, lambda: None)
    assert limits_of(store, store.entry(name)) is None, "rough limits are not stored"
    mine = [figure for figure in section.figures if figure.name.startswith(name)]
    assert mine
    # The stand-in has random weights: either it has limits of its own scale, or it is known to tell nobody apart.
    limits = section.details[name].get("proposed")
    assert (limits is None) == (mine[0].name == f"{name}: tells people apart")
    if limits is not None:
        assert 0 < limits["cluster"] <= limits["protect"] <= limits["photo"] < 2


def test_limits_of_a_whole_run_are_stored_and_used(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(installed=tmp_path / "installed")
    (tmp_path / "given").mkdir()
    make_small("arcface", tmp_path / "given" / "standin_arcface.onnx")
    import_models([tmp_path / "given"], store, trust=True)
    monkeypatch.setattr(people, "SIZES", (64,))
    whole = replace(lab, store=store)
    name = list(recognisers(whole))[1]
    sessions = SessionCache(store)
    with pytest.raises(ModelError, match="not measured"):
        factory.open_recogniser_called(name, sessions)
    proposed = IdentityLimits(1.1, 1.0, 0.9)
    monkeypatch.setattr(people, "limits_for", lambda *given: proposed)
    section = measure(whole, lambda: None)
    assert any("were stored" in note for note in section.notes)
    opened = factory.open_recogniser_called(name, sessions)
    assert opened.limits == proposed
    descriptor = opened.describe(lab.people[0].image, lab.people[0].landmarks)
    assert np.linalg.norm(descriptor) == pytest.approx(1, abs=1e-5)


def test_a_name_that_tells_nobody_apart_is_refused(lab: Lab) -> None:
    with pytest.raises(ModelMismatch):
        factory.open_recogniser_called("yunet", SessionCache(lab.store))


def test_the_part_reports_figures_and_limits(lab: Lab) -> None:
    steps: list[None] = []
    section = measure(replace(lab, quick=True), lambda: steps.append(None))
    values = {figure.name: figure.value for figure in section.figures}
    assert values["face_id_128: further photos that fail"] == 0
    assert values["face_id_128, held out: people found of 0"] == 0
    details = section.details["face_id_128"]
    assert details["limits"] == {"photo": 0.5, "protect": 0.45, "cluster": 0.4}
    assert set(details["portraits by size"]) == {"64"}
    assert len(steps) == 4
    assert section.sheets[0].image.ndim == 3
