"""The content check: the rules on scripted scores, files, and no false alarm on faces. Nothing explicit is used anywhere."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from mien.assembly import factory
from mien.contracts import ContentClassifier
from mien.errors import ContentRefused
from mien.models.library.store import Store
from mien.safety.content_check import DEFAULT_TUNING, ContentWatch, FileContentCheck, is_due
from mien.testing import FakeClassifier
from mien.types import Frame, Image
from tests.support.portraits import COLLINS, HOPPER, read

HIT, CLEAN = 0.97, 0.02


def watch_of(scores: Iterable[float], start_s: float = 0.0, period_s: float = 1.0) -> ContentWatch:
    watch = ContentWatch()
    for number, score in enumerate(scores):
        watch.observe(score, start_s + number * period_s)
    return watch


def frames(seconds: float, rate: int = 30) -> Iterable[Frame]:
    for number in range(round(seconds * rate)):
        yield Frame(np.zeros((18, 32, 3), np.uint8), number, number, Fraction(1, rate))


def check_file(classifier: ContentClassifier, pictures: Iterable[Frame]) -> int:
    """Frames seen until the end; raises `ContentRefused`."""
    check, seen = FileContentCheck(classifier), 0
    for frame in pictures:
        check.see(frame)
        seen += 1
    check.finish()
    return seen


@pytest.mark.parametrize(
    ("scores", "refused"),
    [
        ([], False),
        ([CLEAN] * 100, False),
        ([HIT] * 2 + [CLEAN], False),
        ([HIT] * 3, True),
        ([HIT, CLEAN, CLEAN, CLEAN, HIT, CLEAN, CLEAN, CLEAN, CLEAN, CLEAN, HIT], True),
        ([HIT, CLEAN, CLEAN, CLEAN, HIT, CLEAN, CLEAN, CLEAN, CLEAN, CLEAN, CLEAN, HIT], False),
        ([DEFAULT_TUNING.hit_score] * 3, True),
        ([np.nextafter(DEFAULT_TUNING.hit_score, 0)] * 100, False),
        ([float("nan")] * 3, True),
    ],
)
def test_three_hits_in_ten_seconds_refuse(scores: list[float], refused: bool) -> None:
    assert watch_of(scores).refused is refused


def test_hits_that_come_rarely_never_refuse() -> None:
    assert not watch_of(([HIT] + [CLEAN] * 9) * 50).refused


def test_a_refusal_lasts_until_ten_checks_were_clean() -> None:
    assert watch_of([HIT] * 3 + [CLEAN] * 9).refused
    assert not watch_of([HIT] * 3 + [CLEAN] * 10).refused
    assert watch_of([HIT] * 3 + [CLEAN] * 9 + [HIT] + [CLEAN] * 9).refused
    assert not watch_of([HIT] * 3 + [CLEAN] * 10 + [HIT] * 2).refused
    assert watch_of([HIT] * 3 + [CLEAN] * 10 + [HIT] * 3).refused


def test_time_without_checks_is_no_clean_time() -> None:
    watch = watch_of([HIT] * 3)
    watch.observe(CLEAN, 3600.0)
    assert watch.refused


def test_a_check_is_due_once_a_second_and_after_a_jump_back() -> None:
    assert is_due(-5.0, None)
    assert [is_due(time_s, 10.0) for time_s in (10.0, 10.99, 11.0, 500.0, 9.9)] == [False, False, True, True, True]


@pytest.mark.parametrize(
    ("scores", "seconds", "refused"),
    [
        pytest.param([CLEAN], 0.03, False, id="a harmless still"),
        pytest.param([HIT], 0.03, True, id="a still"),
        pytest.param([HIT], 1.9, True, id="two hits in two seconds"),
        pytest.param([HIT, CLEAN], 1.9, False, id="one of two"),
        pytest.param([HIT], 2.9, True, id="three hits in three seconds"),
        pytest.param([HIT, HIT, CLEAN], 2.9, False, id="two of three"),
        pytest.param([CLEAN] * 20 + [HIT, CLEAN, HIT, CLEAN, HIT, CLEAN], 40, True, id="in the middle"),
        pytest.param([CLEAN] * 20 + [HIT, HIT, CLEAN], 40, False, id="two in the middle"),
    ],
)
def test_files(scores: list[float], seconds: float, refused: bool) -> None:
    if not refused:
        assert check_file(FakeClassifier(*scores), frames(seconds)) == len(list(frames(seconds)))
        return
    with pytest.raises(ContentRefused, match="nothing was written") as caught:
        check_file(FakeClassifier(*scores), frames(seconds))
    assert caught.value.remedy
    assert caught.value.exit_code == 9


def test_a_video_is_refused_a_second_after_the_third_hit_not_at_its_end() -> None:
    classifier = FakeClassifier(HIT)
    seen: list[float] = []

    def noted() -> Iterable[Frame]:
        for frame in frames(60):
            seen.append(frame.time_s)
            yield frame

    with pytest.raises(ContentRefused):
        check_file(classifier, noted())
    assert seen[-1] == pytest.approx(3.0)
    assert classifier.calls == 3


def test_a_part_that_ends_cleanly_does_not_make_up_for_its_third_hit() -> None:
    """In one run the film ends at that hit; parts that are joined are judged alike."""
    check = FileContentCheck(FakeClassifier())
    check.take([(0.0, HIT), (1.0, HIT)])
    with pytest.raises(ContentRefused):
        check.take([(2.0, HIT), *((3.0 + number, CLEAN) for number in range(10))])


def test_one_frame_a_second_is_looked_at() -> None:
    classifier = FakeClassifier()
    check_file(classifier, frames(60))
    assert classifier.calls == 60


def test_times_that_stand_still_or_run_back_end_in_a_verdict() -> None:
    def at(*ticks: int) -> list[Frame]:
        return [Frame(np.zeros((8, 8, 3), np.uint8), number, pts, Fraction(1)) for number, pts in enumerate(ticks)]

    with pytest.raises(ContentRefused):
        check_file(FakeClassifier(HIT), at(0, 0, 0, 0))
    with pytest.raises(ContentRefused):
        check_file(FakeClassifier(HIT), at(9, 8, 7))


def test_a_classifier_that_fails_fails_the_file() -> None:
    class Failing:
        def score(self, image: Image) -> float:
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        check_file(Failing(), frames(1))


@pytest.mark.parametrize("path", [COLLINS, HOPPER], ids=lambda path: path.stem)
def test_the_portraits_are_harmless(path: Path) -> None:
    classifier = factory.open_classifier(Store())
    assert classifier.score(read(path)) < 0.3
    check_file(classifier, [Frame(read(path), 0, 0, Fraction(1))])


@pytest.mark.slow
def test_there_is_no_false_alarm_on_real_faces_and_clips(media: Path) -> None:
    classifier = factory.open_classifier(Store())
    faces = sorted(media.glob("faces/*/*.jpg"))
    clips = sorted(path for path in media.glob("clips/*") if path.suffix in {".mp4", ".mkv"})
    assert faces
    assert clips
    for path in faces:
        check_file(classifier, [Frame(read(path), 0, 0, Fraction(1))])
    for path in clips:
        check_file(classifier, _decoded(path))


def _decoded(path: Path) -> Iterable[Frame]:
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if frame.pts is not None and frame.time_base is not None:
                yield Frame(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8), number, frame.pts, frame.time_base)


def test_the_score_hardly_depends_on_the_size_of_the_picture() -> None:
    classifier, image = factory.open_classifier(Store()), read(COLLINS)
    scores = []
    for side in (400, 700, 1100, 2100):
        resized = np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
        scores.append(classifier.score(resized))
    assert np.ptp(scores) < 0.05


@pytest.mark.parametrize("apart_s", [1.0, 6.0, 3600.0])
def test_three_hits_in_a_row_are_enough_however_far_apart(apart_s: float) -> None:
    watch = ContentWatch()
    for number in range(3):
        assert not watch.refused
        watch.observe(0.99, number * apart_s)
    assert watch.refused


def test_hits_far_apart_with_clean_checks_between_are_not() -> None:
    watch = ContentWatch()
    for number in range(12):
        watch.observe(0.99 if number % 2 else 0.1, number * 6.0)
    assert not watch.refused
