"""The recipe of the stand-ins on made pictures."""

import random
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.face.mean_face import face_model
from mien.lab.training.stand_ins import canvas, mix, recipe
from mien.lab.training.stand_ins.backdrop import GREY, cut_free
from mien.lab.training.stand_ins.contributors import Contributor, Known
from mien.lab.training.stand_ins.draw import Draw, Draws
from mien.types import Floats, Image


def _people(count: int) -> list[Contributor]:
    random = np.random.default_rng(3)
    blank = np.zeros((2, 2, 4), np.uint8)
    descriptors = random.normal(0, 0.1, (count, 128)).astype(np.float32)
    ages = random.uniform(20, 60, count)
    return [Contributor(f"london/{i:03}", blank, face_model().shape, descriptors[i], float(ages[i])) for i in range(count)]


def test_everybody_of_a_draw_gives_a_little_of_one_thing() -> None:
    draws, again, other = Draws(_people(48), 11), Draws(_people(48), 11), Draws(_people(48), 12)
    seen: set[int] = set()
    for _ in range(50):
        draw, same = draws.next(), again.next()
        assert len(set(draw.everybody)) == 24
        seen.update(draw.everybody)
        for shares in (draw.skin_shares, draw.shape_shares):
            assert len(shares) >= 10
            assert shares.sum() == pytest.approx(1.0, abs=1e-5)
            assert shares.min() > 0.03
            assert shares.max() <= 0.2
        assert (same.everybody, list(same.skin_shares)) == (draw.everybody, list(draw.skin_shares))
        assert other.next().everybody != draw.everybody
    assert len(seen) == 48


def _portrait(light: float) -> Image:
    """Return a dark disk with a light hole before a grey backdrop that is brighter on one side."""
    y, x = np.mgrid[0:400, 0:400].astype(np.float32)
    picture = np.repeat((light * (180 + 0.1 * x))[:, :, None], 3, axis=2)
    picture[np.hypot(x - 200, y - 220) < 120] = light * np.array([60.0, 80.0, 120.0])
    picture[np.hypot(x - 200, y - 220) < 30] = light * 200.0
    return np.asarray(picture, np.uint8)


def test_a_backdrop_gives_light_and_outline() -> None:
    bright, dark = cut_free(_portrait(1.0)), cut_free(_portrait(0.6))
    y, x = np.mgrid[0:400, 0:400]
    distance = np.hypot(x - 200, y - 220)
    for cut in (bright, dark):
        assert cut[:, :, 3][distance < 110].min() == 255, "a light hole inside the head belongs to it"
        assert cut[:, :, 3][distance > 130].max() == 0
        # Behind the outline the head's colours go on.
        assert np.abs(cut[:, :, :3][(distance > 122) & (distance < 130)].astype(int) - cut[220, 290, :3]).max() < 16
    ring = (distance > 60) & (distance < 100)
    assert np.abs(bright[ring][:, :3].astype(int) - dark[ring][:, :3]).max() <= 4, "exposure is evened out"


def _noise(seed: int) -> Image:
    random = np.random.default_rng(seed)
    skin = np.clip(random.normal(130, 12, (128, 128, 3)), 0, 255)
    return np.ascontiguousarray(np.dstack([skin, np.full((128, 128), 255)]), np.uint8)


def test_a_mixture_has_the_detail_of_its_makers() -> None:
    makers = [mix.bands_of(_noise(seed)).packed() for seed in range(12)]
    shares = np.full(12, 1 / 12, np.float32)
    plain, restored = (
        mix.pictured(mix.mixed(makers, shares, restore=restore), mix.mixed(makers, shares, restore=False), 1.0)
        for restore in (False, True)
    )
    detail = [float(picture[16:-16, 16:-16].std()) for picture in (_noise(0)[:, :, :3], plain, restored)]
    assert detail[1] < 0.4 * detail[0]
    assert 0.8 * detail[0] < detail[2] < 1.2 * detail[0]


def test_a_mole_of_one_person_is_not_seen() -> None:
    pictures = [_noise(seed) for seed in range(12)]
    cv2.circle(pictures[4], (64, 64), 2, (20, 20, 20, 255), cv2.FILLED)
    makers = [mix.bands_of(picture).packed() for picture in pictures]
    shares = np.full(12, 1 / 12, np.float32)
    whole = mix.pictured(mix.mixed(makers, shares, restore=True), mix.mixed(makers, shares, restore=False), 1.0)
    assert whole[62:67, 62:67].mean() > whole.mean() - 2 * whole.std()


def test_the_difference_from_the_mean_grows_and_what_few_cover_is_backdrop() -> None:
    flat = [np.full((64, 64, 4), (level, level, level, 255), np.uint8) for level in (100, 150)]
    flat[1][:, :32, 3] = 0
    makers = [mix.bands_of(picture) for picture in flat]
    mean = mix.mixed(makers, np.full(2, 0.5, np.float32), restore=False)
    own = mix.mixed(makers, np.array([0.7, 0.3], np.float32), restore=False)
    single, double = (int(mix.pictured(own, mean, strength)[32, 60, 0]) for strength in (1.0, 2.0))
    middle = int(mix.pictured(mean, mean, 1.0)[32, 60, 0])
    assert double - middle == pytest.approx(2 * (single - middle), abs=3)
    assert single < middle
    alone = mix.mixed(makers, np.array([0.3, 0.7], np.float32), restore=False)
    assert mix.pictured(alone, mean, 1.0)[32, 4].tolist() == [GREY] * 3


def test_a_warp_moves_landmarks_to_their_places() -> None:
    usual = canvas.placed(face_model().shape)
    wide = canvas.placed(np.asarray(face_model().shape * [1.1, 1.0, 1.0], np.float32))
    picture = np.zeros((canvas.SIZE_WH[1], canvas.SIZE_WH[0], 3), np.uint8)
    for point in (33, 263, 152, 61):
        cv2.circle(picture, tuple(usual[point, :2].round().astype(int).tolist()), 4, (255, 255, 255), cv2.FILLED)
    moved = canvas.warped(picture, usual, wide)
    for point in (33, 263, 152, 61):
        x, y = wide[point, :2].round().astype(int)
        assert moved[y, x].min() > 200


def _candidate(*place: float, hashed: int | None = None) -> recipe.Candidate:
    hashed = random.Random(str(place)).getrandbits(255) if hashed is None else hashed
    descriptor = np.zeros(128, np.float32)
    descriptor[: len(place)] = place
    nothing = Draw((), np.zeros(0, np.float32), (), np.zeros(0, np.float32))
    return recipe.Candidate(nothing, b"", descriptor, 30.0, 0.6, 0.6, hashed)


def test_the_chosen_are_far_from_each_other() -> None:
    near, far, farther = _candidate(0.0, 0.1), _candidate(0.0, 0.7), _candidate(0.0, -0.9)
    chosen = recipe.unlike([_candidate(0.0, 0.0), near, far, farther], 4)
    assert {each.descriptor[1] for each in chosen} == {np.float32(0.7), np.float32(-0.9), np.float32(0.0)}
    assert len(recipe.unlike([near, far, farther], 2)) == 2
    assert recipe.unlike([], 3) == []


def test_no_two_of_the_chosen_share_a_consent() -> None:
    one, twin = _candidate(0.0, 0.0, hashed=0), _candidate(0.0, 0.9, hashed=0b111)
    other = _candidate(0.0, -0.7)
    assert [each.hashed for each in recipe.unlike([one, twin, other], 3)] == [twin.hashed, other.hashed]


def test_a_known_face_names_its_person() -> None:
    descriptor: Floats = np.zeros(128, np.float32)
    assert Known("london/012_smiling", descriptor).person == "london/012"
    assert Known("omi/017", descriptor).person == "omi/017"


@pytest.mark.parametrize(("least", "age", "why"), [(9.0, 22.0, "from london/"), (0.0, 90.0, "years old")])
def test_a_candidate_is_rejected_for_a_likeness_or_its_age(
    monkeypatch: pytest.MonkeyPatch, examples: Path, least: float, age: float, why: str
) -> None:
    from mien.assembly import factory
    from mien.models.library.store import Store
    from mien.settings import Settings

    monkeypatch.setattr(recipe, "TUNING", replace(recipe.TUNING, least_distance=least, least_age=age))
    known = (Known("london/002_neutral", np.zeros(128, np.float32)),)
    judge = recipe.Judge(factory.open_models(Settings(), Store()), factory.open_recogniser(Store()), known)
    draw = Draws(_people(30), 1).next()
    picture = np.asarray(cv2.imread(str(examples / "eileen_collins.png")), np.uint8)
    verdict = judge.judged(draw, ["london/002"], picture)
    assert isinstance(verdict, str)
    assert why in verdict
    monkeypatch.setattr(recipe, "TUNING", replace(recipe.TUNING, least_distance=0.0, least_age=0.0))
    kept = judge.judged(draw, ["london/002"], picture)
    assert isinstance(kept, recipe.Candidate)
    assert kept.contributor == kept.nearest
