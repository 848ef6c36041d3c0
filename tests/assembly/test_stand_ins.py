"""Stand-ins: shipped pictures that are accepted, look adult, and resemble neither each other nor a portrait at hand."""

import itertools
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import mien
from mien.assembly import factory, stand_ins
from mien.assembly.source_photos import read_photo
from mien.commands.main import main
from mien.errors import UsageError
from mien.models.library.store import Store
from mien.provenance.consent import ADULT_YEARS, Consents
from mien.settings import Settings
from mien.system.database import Database
from mien.types import Floats, SourceFace
from tests.support.portraits import COLLINS, HOPPER

_LEAST_DISTANCE = 0.55
_MOST_BYTES = 1_500_000


@pytest.fixture(scope="module")
def models() -> factory.Models:
    return factory.open_models(Settings(), Store())


@pytest.fixture(scope="module")
def faces(models: factory.Models) -> dict[str, SourceFace]:
    return {name: stand_ins.open_stand_in(name, models) for name in stand_ins.NAMES}


@pytest.fixture(scope="module")
def descriptors(faces: dict[str, SourceFace]) -> dict[str, Floats]:
    recogniser = factory.open_recogniser(Store())
    return {name: recogniser.describe(face.image, face.landmarks) for name, face in faces.items()}


def test_all_are_accepted_without_a_warning_and_look_adult(faces: dict[str, SourceFace]) -> None:
    assert len(faces) == 16
    assert {name: face.warnings for name, face in faces.items() if face.warnings} == {}
    ages = {name: face.age for name, face in faces.items() if face.age is not None}
    assert len(ages) == 16
    assert min(ages.values()) > ADULT_YEARS + 3
    assert sum(stand_ins.photo_of(name).stat().st_size for name in faces) < _MOST_BYTES


def test_no_two_are_alike(descriptors: dict[str, Floats]) -> None:
    for (name, one), (other_name, other) in itertools.combinations(descriptors.items(), 2):
        assert np.linalg.norm(one - other) >= _LEAST_DISTANCE, (name, other_name)


def test_each_has_a_record_of_consent_of_its_own(faces: dict[str, SourceFace], tmp_path: Path) -> None:
    consents = Consents(Database(tmp_path))
    given = {consents.record(face, stand_ins.STATEMENT, f"{name}.jpg").photo for name, face in faces.items()}
    assert given == {f"{name}.jpg" for name in stand_ins.NAMES}


def test_none_resembles_a_portrait_at_hand(descriptors: dict[str, Floats], models: factory.Models, media: Path) -> None:
    recogniser = factory.open_recogniser(Store())
    for path in sorted((media / "faces" / "london").glob("*_neutral.jpg")):
        photo = read_photo(path, Settings())
        first = models.landmarker.fit(photo, models.photo_detector.detect(photo)[0].points)
        own = recogniser.describe(photo, models.landmarker.fit(photo, first.points))
        near = {name: float(np.linalg.norm(each - own)) for name, each in descriptors.items()}
        assert min(near.values()) >= _LEAST_DISTANCE, (path.name, near)


def test_a_name_means_the_stand_in_unless_a_file_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = stand_ins.photo_of("stand-in-3")
    assert stand_ins.named(Path("stand-in-3")) == shipped
    for other in ("me.jpg", "stand-in-0", "stand-in-17", "stand-in-3.jpg"):
        assert stand_ins.named(Path(other)) == Path(other)
    Path("stand-in-3").write_bytes(b"a file of the user")
    assert stand_ins.named(Path("stand-in-3")) == Path("stand-in-3")
    with pytest.raises(UsageError, match="stand-in-99"):
        stand_ins.photo_of("stand-in-99")


def test_only_the_shipped_picture_has_a_statement(tmp_path: Path) -> None:
    shipped = stand_ins.photo_of("stand-in-1")
    copy = tmp_path / shipped.name
    shutil.copy(shipped, copy)
    assert stand_ins.statement_for(shipped) == "synthetic"
    assert stand_ins.statement_for(copy) is None
    assert stand_ins.statement_for(COLLINS) is None


def _swap(tmp_path: Path, photo: str, *flags: str) -> int:
    out = ["-o", str(tmp_path / "o.png"), "--data", str(tmp_path / "data"), "--quiet", "--overwrite"]
    return main(["swap", photo, str(HOPPER), *out, *flags])


@pytest.mark.parametrize("flags", [(), ("--consent", "self")], ids=["bare", "with another statement"])
def test_a_stand_in_is_worn_on_its_own_statement(tmp_path: Path, flags: Sequence[str]) -> None:
    assert _swap(tmp_path, "stand-in-3", *flags) == 0
    assert (tmp_path / "o.png").stat().st_size > 10_000
    (recorded,) = Consents(Database(tmp_path / "data")).all()
    assert (recorded.statement, recorded.photo) == ("synthetic", "stand-in-3.jpg")


def test_another_person_beside_a_stand_in_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _swap(tmp_path, "stand-in-3", "--also", str(COLLINS)) == 3
    assert "another person" in " ".join(capsys.readouterr().err.split())


def test_the_library_loads_a_stand_in(tmp_path: Path) -> None:
    face = mien.load_face("stand-in-5", data=tmp_path)
    assert face.consent.statement == "synthetic"
    with pytest.raises(UsageError, match="no consent is recorded"):
        mien.load_face(COLLINS, data=tmp_path)
