"""Benchmark, evaluation and doctor report what is there."""

import json
import re
import shutil
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.assembly import factory
from mien.commands.findings import examine
from mien.commands.main import main
from mien.lab import bench
from mien.lab.evaluate import measures, stills
from mien.lab.evaluate.lab import Lab
from mien.lab.evaluate.portraits import Portrait, choose_pairs
from mien.models.library.store import Store
from mien.settings import Settings
from mien.types import Floats
from tests.support.portraits import COLLINS, HOPPER, models, portrait, recogniser


def _turned(points: Floats, degrees: float) -> Floats:
    angle = np.radians(degrees)
    rotation = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    return np.asarray((points - points.mean(0)) @ rotation.T + points.mean(0), np.float32)


@pytest.mark.parametrize("degrees", [0.0, 2.0, 30.0])
def test_pose_error_is_the_angle(degrees: float) -> None:
    points = portrait(COLLINS).landmarks.points
    assert measures.pose_error(_turned(points, degrees), points) == pytest.approx(degrees, abs=0.05)


def test_landmark_error_is_in_percent_of_the_eye_distance() -> None:
    points = portrait(COLLINS).landmarks.points
    eyes = float(np.linalg.norm(points[33, :2] - points[263, :2]))
    moved = points.copy()
    moved[:, 0] += 0.05 * eyes
    assert measures.landmark_error(moved, points) == pytest.approx(5, abs=0.01)


def test_pairs_are_always_the_same_and_never_one_person() -> None:
    face = portrait(COLLINS)
    people = [
        Portrait(f"{person}_{take}", person, face.image, face.landmarks, face.descriptor)
        for person in "abc"
        for take in range(2)
    ]
    pairs = choose_pairs(people, 1000)
    assert pairs == choose_pairs(people, 1000)
    assert len({(a.name, b.name) for a, b in pairs}) == len(pairs) == 24
    assert all(a.person != b.person for a, b in pairs)


def _faces(folder: Path) -> Path:
    folder.mkdir()
    for path in (COLLINS, HOPPER):
        image = cv2.imread(str(path))
        assert image is not None
        cv2.imwrite(str(folder / f"{path.stem.replace('_', '')}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 98])
    return folder


def test_an_evaluation_from_folder_to_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    asked = ["evaluate", str(_faces(tmp_path / "faces")), "-o", str(out), "--pairs", "9", "--only", "stills,turning", "--quick"]
    assert main(asked) == 0
    parts = json.loads((out / "figures.json").read_text())["parts"]
    assert set(parts) == {"stills", "turning"}
    still = parts["stills"]["figures"]
    assert parts["stills"]["details"]["pairs"] == 2
    assert still["pixels changed outside"] == {"value": 0.0, "unit": "", "bar": "at most 0", "reached": True}
    assert 0.1 < still["distance to the source"]["value"] < 0.7
    printed = capsys.readouterr().out
    assert "distance to the source" in printed
    assert "reached" in printed
    page = (out / "report.html").read_text()
    assert page.count("data:image/jpeg;base64,") >= 4
    assert "<svg" in page
    assert "http" not in re.sub("base64,[A-Za-z0-9+/=]+", "", page)
    assert "<script" not in page
    clips = sorted((out / "clips").iterdir())
    assert len(clips) == 2
    assert all(f"clips/{clip.name}" in page and clip.stat().st_size > 10_000 for clip in clips)


def test_everyday_pairs_are_measured_and_laid_out_for_the_eye(tmp_path: Path) -> None:
    faces, out = tmp_path / "faces", tmp_path / "out"
    (faces / "everyday").mkdir(parents=True)
    pictures = [cv2.imread(str(path)) for path in (COLLINS, HOPPER)]
    for number, picture in zip(("101", "103", "102", "105"), pictures * 2, strict=True):
        assert picture is not None
        cv2.imwrite(str(faces / "everyday" / f"{number}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 98])
    blank = np.full((200, 200, 3), 90, np.uint8)
    cv2.imwrite(str(faces / "everyday" / "104.jpg"), blank)
    assert main(["evaluate", str(faces), "-o", str(out), "--only", "everyday", "--quick", "--sheet"]) == 0
    part = json.loads((out / "figures.json").read_text())["parts"]["everyday"]
    assert part["details"]["pairs"] == 4, "two of the working people, two of the closing ones"
    groups = part["details"]["groups"]
    assert groups["working"]["pairs"] == groups["closing"]["pairs"] == 2
    assert groups["photos with one"]["pairs"] == 2, "Hopper's, with glasses"
    assert part["figures"]["pairs whose photo was refused"]["value"] == 0
    (page,) = sorted((out / "sheet").iterdir())
    sheet = cv2.imread(str(page))
    assert sheet is not None
    assert sheet.shape == (800, 1200, 3), "two pairs, 400 pixels a tile"
    assert cv2.absdiff(sheet[:400, 400:800], sheet[:400, 800:]).mean() > 3, "the result is not the target"


def test_studio_portraits_and_everyday_pictures_are_measured_apart() -> None:
    face = portrait(COLLINS)
    people = tuple(
        Portrait(f"{group}/{name}.jpg", f"{group}/{name}", face.image, face.landmarks, face.descriptor)
        for group in ("london", "everyday")
        for name in ("001", "004", "006")
    )
    lab = Lab(Settings(), Store(), models(), recogniser(), people)
    assert {person.group for person in lab.studio} == {"london"}
    assert [person.name for person in people if person.is_closing and person.is_everyday] == ["everyday/006.jpg"]
    alone = Lab(Settings(), Store(), models(), recogniser(), people[2:])
    assert alone.studio == people[2:], "one studio portrait makes no pair"


@pytest.mark.parametrize("folder", ["missing", "empty"])
def test_folders_that_cannot_be_evaluated(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["evaluate", str(tmp_path / folder), "-o", str(tmp_path / "out")]) == 2


@cache
def _lab() -> Lab:
    people = tuple(
        Portrait(f"examples/{path.name}", f"examples/{path.stem}", face.image, face.landmarks, face.descriptor)
        for path, face in ((path, portrait(path)) for path in (COLLINS, HOPPER))
    )
    return Lab(Settings(), Store(), models(), recogniser(), people, quick=True)


def test_a_pair_is_measured_on_the_picture_that_comes_out() -> None:
    target, source = _lab().people
    result, image = stills.evaluate_pair(_lab(), source, target, stills.gallery(_lab().people))
    assert result.outside_changed == 0
    assert (image != target.image).any()
    assert result.to_source < result.to_target
    assert result.retrieved
    assert result.retrieved_by_another is None
    assert result.landmark_percent < 3
    assert 0.9 < result.seam < 2


def test_the_bench_swaps_one_face_in_every_frame() -> None:
    figures = bench.bench_stream(portrait(HOPPER).image, portrait(COLLINS).image, Settings(), Store(), 5)
    assert figures["frames"] == figures["faces_swapped"] == 5
    assert figures["ms_median"] <= figures["ms_p95"] <= figures["ms_max"]


def test_the_doctor_finds_a_missing_model(tmp_path: Path) -> None:
    assert all(finding.fine for finding in examine(Store()))
    shutil.copy(Store().path("yunet"), tmp_path)
    findings = {finding.name: finding for finding in examine(Store(tmp_path)) if finding.topic == "model"}
    assert findings["yunet"].fine
    assert not findings["face_mesh_478"].fine
    assert "is not there" in findings["face_mesh_478"].state


def test_a_picture_is_computed_at_its_own_size() -> None:
    assert Settings().resolution < factory.PICTURE_RESOLUTION
