"""Limits of installed recognisers: stored beside the models, tied to one file, and never believed when they cannot be."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mien.errors import ModelDamaged, ModelError
from mien.models.library import identity_limits
from mien.models.library.identity_limits import LIST, keep_limits, limits_of
from mien.models.library.store import ModelEntry, Store
from mien.types import IdentityLimits

LIMITS = IdentityLimits(photo=1.12, protect=1.05, cluster=0.9)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(installed=tmp_path / "models")


@pytest.fixture
def entry(store: Store) -> ModelEntry:
    return replace(store.entry("face_id_128"), id="mine", family="arcface", sha256="a" * 64)


def test_limits_are_found_again_by_the_hash_of_the_file(store: Store, entry: ModelEntry) -> None:
    assert limits_of(store, entry) is None
    keep_limits(store, entry, LIMITS)
    other = replace(entry, id="other", sha256="b" * 64)
    keep_limits(store, other, IdentityLimits(0.9, 0.8, 0.7))
    assert limits_of(store, replace(entry, id="renamed")) == LIMITS
    assert limits_of(store, other) == IdentityLimits(0.9, 0.8, 0.7)
    assert limits_of(store, replace(entry, sha256="c" * 64)) is None
    keep_limits(store, entry, replace(LIMITS, cluster=0.8))
    assert limits_of(store, entry) == replace(LIMITS, cluster=0.8)
    assert [path.name for path in store.folder.iterdir()] == [LIST]


def test_a_file_whose_hash_is_not_known_has_no_limits(store: Store, entry: ModelEntry) -> None:
    with pytest.raises(ModelError, match="hash of mine"):
        keep_limits(store, replace(entry, sha256=""), LIMITS)
    assert limits_of(store, replace(entry, sha256="")) is None


def _row(**changed: object) -> str:
    row = {"photo": 1.0, "protect": 0.9, "cluster": 0.8, **changed}
    return json.dumps({"version": 1, "limits": {"a" * 64: row}})


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "[[[[", '{"version": 2, "limits": {}}', '{"version": 1}', '{"version": 1, "limits": []}',
        _row(photo=0.1), _row(protect=1.5), _row(cluster=0.0), _row(photo=2.0), _row(photo=3.0), _row(photo=float("nan")),
        _row(photo="1"), _row(photo=True), _row(photo=1), _row(photo=None), _row(further=1.0),
        '{"version": 1, "limits": {"a": {"photo": 1.0}}}', " " * (identity_limits._MAX_BYTES + 1),
    ],
)  # fmt: skip
def test_a_damaged_list_is_refused_and_stays(store: Store, entry: ModelEntry, content: str) -> None:
    store.folder.mkdir()
    (store.folder / LIST).write_text(content)
    with pytest.raises(ModelDamaged, match="cannot be read"):
        limits_of(store, entry)
    with pytest.raises(ModelDamaged):
        keep_limits(store, entry, LIMITS)
    assert (store.folder / LIST).read_text() == content


def test_a_folder_in_the_place_of_the_list_is_refused(store: Store, entry: ModelEntry) -> None:
    (store.folder / LIST).mkdir(parents=True)
    with pytest.raises(ModelDamaged):
        limits_of(store, entry)
