"""Stand-ins of one file: worn with the statement that holds for them, and by nobody whose result is too near."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from mien.assembly import factory, stand_ins
from mien.assembly.chooser import Chooser
from mien.assembly.file_hiding import FileHiding, Findings
from mien.assembly.hiding_stand_ins import MOST_TRIES, StandInCasting, StandInParts, open_parts
from mien.assembly.kept_faces import KeptFaces
from mien.media.files.moving import Kind
from mien.media.files.picture_read import Picture
from mien.models.library.store import Store
from mien.provenance.consent import Consents
from mien.settings import Settings
from mien.swap.hiding.path_look import PathLooker
from mien.system.database import Database
from mien.types import Floats, Image, Landmarks
from tests.support import portraits


@cache
def _parts() -> StandInParts:
    return open_parts(Settings())


class _Same:
    """A recogniser to whom all faces are one."""

    limits = portraits.recogniser().limits

    def describe(self, image: Image, landmarks: Landmarks) -> Floats:
        return np.full(128, 0.1, np.float32)


def _decided(folder: Path, parts: StandInParts, salt: bytes = b"film", height: int = 600) -> Findings:
    target = folder / "target.png"
    whole = portraits.read(portraits.HOPPER)
    size = height * whole.shape[1] // whole.shape[0], height
    cv2.imwrite(str(target), cv2.resize(whole, size, interpolation=cv2.INTER_AREA))
    search = factory.open_frame_search(Store())
    hiding = FileHiding(target, Kind.PICTURE, "stand-in", Settings(), search, None)  # type: ignore[arg-type]
    casting = StandInCasting(parts, picture=True, salt=salt)
    picture: Picture = hiding.read_picture()
    chooser = Chooser(target, None, None, (), KeptFaces(Settings()), None, None)
    found = chooser.choose(hiding.search_picture(picture, casting.watch), size)
    before = picture.frame.image.copy()
    decided = casting.decide(found, lambda: iter([picture.frame]), hiding.cover(), Consents(Database(folder / "mien.db")))
    assert np.array_equal(picture.frame.image, before)
    return decided


def test_a_stand_in_is_tried_measured_and_stated(tmp_path: Path) -> None:
    found = _decided(tmp_path, _parts())
    (person,) = found.facts["stand_ins"]["people"]
    assert person["stand_in"] in stand_ins.NAMES
    assert 0.55 <= person["distance"] < 1.2
    assert person["looks"] == 1
    assert [(each.statement, each.photo) for each in found.consents] == [("synthetic", person["stand_in"])]
    assert found.stand_ins is not None


def test_another_salt_gives_another_stand_in(tmp_path: Path) -> None:
    worn = {_decided(tmp_path, _parts(), bytes([salt])).facts["stand_ins"]["people"][0]["stand_in"] for salt in range(3)}
    assert len(worn) > 1


def test_a_person_whose_result_is_too_near_is_only_blurred(tmp_path: Path) -> None:
    """To a recogniser that tells nobody apart, every result is the person: below 0.55, no stand-in and no consent."""
    parts = _parts()
    same = _Same()
    blind = replace(parts, recogniser=same, looker=PathLooker(parts.models.landmarker, same, parts.models.turned))
    found = _decided(tmp_path, blind)
    (person,) = found.facts["stand_ins"]["people"]
    assert (person["stand_in"], person["distance"], person["looks"], person["tried"]) == (None, 0.0, 1, MOST_TRIES)
    assert (found.stand_ins, found.consents) == (None, ())
    assert found.facts["faces"] == 1


class _NearFirst:
    """A recogniser to which the first result is the person, and every later one somebody else."""

    limits = portraits.recogniser().limits

    def __init__(self) -> None:
        self._looks = 0

    def describe(self, image: Image, landmarks: Landmarks) -> Floats:
        self._looks += 1
        return np.full(128, 0.1 if self._looks == 1 else -0.1, np.float32)


def test_a_person_whose_result_is_too_near_gets_the_next_stand_in(tmp_path: Path) -> None:
    parts = _parts()
    first = _decided(tmp_path, parts).facts["stand_ins"]["people"][0]
    same = _Same()
    near = replace(parts, recogniser=_NearFirst(), looker=PathLooker(parts.models.landmarker, same, parts.models.turned))
    found = _decided(tmp_path, near)
    (person,) = found.facts["stand_ins"]["people"]
    assert (first["tried"], person["tried"], person["looks"]) == (1, 2, 1)
    assert person["stand_in"] in set(stand_ins.NAMES) - {first["stand_in"]}
    assert person["distance"] >= 0.55
    assert [each.photo for each in found.consents] == [person["stand_in"]]


def test_a_face_too_small_to_be_told_is_only_blurred(tmp_path: Path) -> None:
    found = _decided(tmp_path, _parts(), height=90)
    (person,) = found.facts["stand_ins"]["people"]
    assert (person["stand_in"], person["distance"], person["looks"]) == (None, None, 0)
    assert found.stand_ins is None
