"""The measures: zero for equal pictures, the known amount for a known change."""

import json
import math
from fractions import Fraction

import cv2
import numpy as np
import pytest

from mien.errors import UsageError
from mien.face.mean_face import face_model
from mien.lab.evaluate import measures, occlusion, parts, report, stills
from mien.lab.evaluate.figures import Figure, Plot, Section, Sheet, as_json, mean
from mien.lab.evaluate.plots import svg
from mien.lab.evaluate.scenes import Shot
from mien.lab.evaluate.turning import frames_to_return
from mien.types import Floats, Frame, FrameResult, Image, Landmarks, TrackedFace
from tests.support.portraits import COLLINS, HOPPER, portrait


def _turned(points: Floats, pitch: float, yaw: float, roll: float) -> Floats:
    x, y, z = np.radians([pitch, yaw, roll])
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return np.asarray(points @ (about_z @ about_y @ about_x).T, np.float32)


@pytest.mark.parametrize("angles", [(5.0, 0.0, 0.0), (0.0, -20.0, 0.0), (0.0, 0.0, 12.0), (3.0, 8.0, -4.0)])
def test_pose_axes_are_the_angles(angles: tuple[float, float, float]) -> None:
    shape = face_model().shape
    assert measures.pose_axes(_turned(shape, *angles), shape) == pytest.approx(angles, abs=0.01)


def test_pose_and_size_are_no_expression_but_an_open_mouth_is() -> None:
    shape = face_model().shape
    assert measures.expression_error(50 * _turned(shape, 5, 20, 3), shape) == pytest.approx(0, abs=0.01)
    opened = shape.copy()
    opened[[14, 17, 84, 314, 87, 317, 181, 405], 1] += 0.1
    assert measures.expression_error(opened, shape) > 3
    change = measures.expressions(opened)["mouth open"] - measures.expressions(shape)["mouth open"]
    assert change == pytest.approx(0.1, abs=0.02)


def test_the_way_to_the_sources_proportions() -> None:
    source, target = portrait(COLLINS).landmarks.points, portrait(HOPPER).landmarks.points
    for result, share in ((target, 0), (source, 1)):
        ways, lengths = stills.shape_ways(result, target, source)
        assert sum(ways) / sum(lengths) == pytest.approx(share, abs=1e-6)


def test_gaze_is_where_the_irises_are() -> None:
    points = portrait(COLLINS).landmarks.points
    moved = points.copy()
    moved[[468, 473], 0] += 0.04 * float(np.linalg.norm(points[33, :2] - points[263, :2]))
    assert measures.gaze_error(moved, points) == pytest.approx(4, abs=0.01)
    assert measures.gaze_error(points + 7, points) == pytest.approx(0, abs=1e-3)


def test_a_seam_is_seen() -> None:
    face = portrait(HOPPER)
    points = face.landmarks.points
    image = np.asarray(cv2.GaussianBlur(face.image, (0, 0), 8), np.uint8)
    assert measures.seam(image, points, image, points) == pytest.approx((1, 1), abs=1e-6)
    assert measures.seam_step(image, points, image, points) == 0
    inside = measures.face_mask(points, image.shape, 0.06)
    stepped = np.where(inside[:, :, None] > 0, cv2.add(image, np.full(image.shape, 25, np.uint8)), image).astype(np.uint8)
    whole, worst = measures.seam(stepped, points, image, points)
    assert whole > 1.5
    assert worst >= whole
    assert measures.seam_step(stepped, points, image, points) == pytest.approx(25, abs=2)
    brighter = np.asarray(cv2.add(image, np.full(image.shape, 4, np.uint8)), np.uint8)
    assert measures.seam(brighter, points, image, points)[0] == pytest.approx(1, abs=0.05), "an even change is no seam"
    assert measures.seam_step(brighter, points, image, points) == pytest.approx(0, abs=0.1)


def test_coarse_luminance_sees_nothing_from_outside() -> None:
    face = portrait(COLLINS)
    mask = measures.face_mask(face.landmarks.points, face.image.shape, 0.1)
    other = np.where(mask[:, :, None] > 0, face.image, 0).astype(np.uint8)
    a, b = (measures.coarse_luminance(picture, mask, 20) for picture in (face.image, other))
    assert np.allclose(a, b, atol=1e-3)
    assert measures.correlation(a, 3 * b + 7) == pytest.approx(1)
    assert measures.correlation(a, -b) == pytest.approx(-1)


@pytest.mark.parametrize(("kept", "given_back"), [("thing", "nothing"), ("nothing", "nothing"), ("thing", "left half")])
def test_occlusion_counts_what_is_kept_and_what_is_given_back(kept: str, given_back: str) -> None:
    face = portrait(HOPPER)
    points = face.landmarks.points
    clean = np.full_like(face.image, 120)
    swap = np.full_like(face.image, 160)
    alpha = np.zeros(clean.shape[:2], np.float32)
    x, y = points[4, :2].astype(int)
    alpha[y - 20 : y + 20, x - 20 : x + 20] = 1
    target = clean.copy()
    target[alpha > 0] = (40, 200, 40)
    image = swap.copy()
    if kept == "thing":
        image[alpha > 0] = (40, 200, 40)
    if given_back == "left half":
        image[:, :x][alpha[:, :x] == 0] = 120
    worn = (TrackedFace(1, Landmarks(points, 1.0), 1),)
    result = FrameResult(Frame(image, 0, 0, Fraction(1)), worn, worn)
    tally = occlusion.count(Shot(target, points, clean=clean, alpha=alpha), result, swap)
    assert tally.covered == 1600
    assert tally.kept_percent == tally.showing_kept_percent == (100 if kept == "thing" else 0)
    assert tally.given_back_percent == pytest.approx(50 if given_back == "left half" else 0, abs=12)
    lost = occlusion.count(Shot(target, points, clean=clean, alpha=alpha), FrameResult(result.frame, worn, ()), swap)
    assert (lost.covered, lost.free, lost.frames, lost.swapped) == (0, 0, 1, 0)


@pytest.mark.parametrize(
    ("worn", "frames"),
    [("111111111", 0), ("111000111", 0), ("111000011", 1), ("111000000", 3)],
    ids=["never lost", "back at once", "a frame late", "never back"],
)
def test_frames_until_a_face_is_worn_again(worn: str, frames: int) -> None:
    yaws = [0.0, 20, 40, 60, 80, 60.5, 60, 20, 0]
    assert frames_to_return([mark == "1" for mark in worn], yaws) == frames


def test_figures_know_whether_they_reach_their_bar() -> None:
    assert Figure("a", 1, at_most=2).verdict == "reached"
    assert Figure("a", 1, at_least=2).verdict == "MISSED"
    assert Figure("a", math.nan, at_least=2).verdict == "NOT MEASURED"
    assert Figure("a", 1).verdict == ""
    assert math.isnan(mean([]))


def test_the_report_holds_everything_and_needs_nothing() -> None:
    plot = Plot("a <plot>", "frame", "px", {"one": [0.0, math.nan, 2.0], "two": [1.0]})
    section = Section(
        "light", "Light", (Figure("f", 1.5, "px", at_most=1), Figure("g", math.nan)), {"x": [np.float32(1), math.nan]},
        (Sheet("a sheet", np.zeros((8, 8, 3), np.uint8)),), (plot,), notes=("NOT MEASURED: <this>",),
    )  # fmt: skip
    seen = []

    def jpeg(image: Image) -> bytes:
        seen.append(image.shape)
        return b"jpeg"

    page = report.page("Title", ["a fact"], [section], jpeg)
    assert seen == [(8, 8, 3)]
    assert "0 of 1 goals are reached" in page
    assert "MISSED" in page
    assert "&lt;this&gt;" in page
    assert "<script" not in page
    assert page.count("<svg") == 1
    assert svg(plot).count("M") >= 3, "a gap starts a new line"
    assert svg(Plot("empty", "", "", {"one": []})) == ""
    assert json.loads(json.dumps(as_json([section])))["light"]["details"]["x"] == [1.0, None]


def test_parts_are_chosen_by_name() -> None:
    assert parts.LONG == ("mapping",)
    assert parts.chosen(None) == tuple(name for name in parts.NAMES if name != "mapping")
    assert parts.chosen("mapping") == ("mapping",)
    assert parts.chosen("speed, stills") == ("stills", "speed")
    with pytest.raises(UsageError, match="unknown part 'beauty'"):
        parts.chosen("stills,beauty")
