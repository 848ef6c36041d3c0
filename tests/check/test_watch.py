"""Watch: looks in time, a mark from the first seconds on, own pictures refused, changes of size, sources that end."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from mien.check.notes import Subject, Tally, described, rows_of
from mien.check.rolling_mark import RollingMark
from mien.check.sentences import SENTENCES
from mien.check.watch import Look, Watch
from mien.contracts import FrameSource
from mien.errors import SourceLost, UsageError
from mien.provenance.report.file_report import ReportRow
from mien.testing import SyntheticCamera
from mien.types import Image
from tests.support.judging import JUDGING
from tests.support.marked import ID, clip_frames, marked, resized


@pytest.fixture(scope="module")
def shown() -> list[Image]:
    return [resized(marked(frame), 640, 360) for frame in clip_frames(0, 20)]


def looks_at(watch: Watch, source: FrameSource, later_s: float = 0.0) -> Iterator[Look]:
    """Yield the looks at a source that has been entered, whose pictures come so much later."""
    while (frame := source.read()) is not None:
        look = watch.see(replace(frame, pts=frame.pts + round(later_s / frame.time_base)))
        if look is not None:
            yield look
    look = watch.rest()
    if look is not None:
        yield look


def looked(
    images: list[Image], frames: int, is_own: Callable[[int], bool] = lambda number: False, lost_at: int | None = None
) -> list[Look]:
    with SyntheticCamera(images=images, frames=frames, lost_at=lost_at) as camera:
        return list(looks_at(Watch(is_own), camera))


def rows(tally: Tally, lost: str = "") -> dict[str, ReportRow]:
    subject = Subject("camera 0", (640, 360), datetime(2026, 1, 1, tzinfo=UTC), True, lost)
    found = rows_of(subject, tally)
    assert described(subject, found, tally)["source"] == "camera 0"
    return {row.subject: row for row in found}


def test_a_marked_call_is_told_with_its_number(shown: list[Image]) -> None:
    looks = looked(shown, 75)
    assert [round(each.at_s) for each in looks] == [1, 2, 2]
    assert all(each.mark is not None and each.mark.mark_id == ID for each in looks)
    tally = Tally()
    for each in looks:
        tally.add(each)
    assert tally.now() == f"carries mien's mark, number {ID:06x}, seen in 3 of the last 3 s"
    row = rows(tally)["Mark"]
    assert row.seen == "seen"
    assert f"{ID:06x}" in row.sentences[0]


def test_an_unmarked_call_and_a_black_one_say_nothing(shown: list[Image]) -> None:
    plain = [resized(frame, 640, 360) for frame in clip_frames(0, 4)]
    for images, word in ((plain, "not seen"), ([np.zeros((360, 640, 3), np.uint8)], "cannot tell")):
        tally = Tally()
        for each in looked(images, 40):
            tally.add(each)
        assert rows(tally)["Mark"].seen == word
        assert rows(tally)["Label"].seen == "not seen"
        assert ("says nothing" if word == "not seen" else "no features") in tally.now()


def test_the_first_search_is_told(shown: list[Image]) -> None:
    for images, searched in ((shown, [True, True]), ([resized(frame, 640, 360) for frame in clip_frames(0, 4)], [False, True])):
        watch = Watch(lambda number: False)
        with SyntheticCamera(images=images, frames=62, rate=Fraction(20)) as camera:
            assert [watch.is_searched for _ in looks_at(watch, camera)][:2] == searched


def test_a_source_of_one_picture_has_one_look(shown: list[Image]) -> None:
    (only,) = looked(shown, 1)
    assert (only.at_s, only.flat) == (0, False)


def test_a_picture_of_this_installation_is_refused(shown: list[Image]) -> None:
    with pytest.raises(UsageError, match="no mirror"):
        looked(shown, 75, is_own=lambda number: number == ID)


def test_a_source_that_is_lost_raises_after_its_looks(shown: list[Image]) -> None:
    with SyntheticCamera(images=shown, lost_at=40) as camera:
        looks = looks_at(Watch(lambda number: False), camera)
        assert next(looks).mark is not None
        with pytest.raises(SourceLost):
            next(looks)
    tally = Tally()
    assert "ended early: gone" in " ".join(rows(tally, "gone")["Source"].sentences)


def test_another_size_begins_the_sums_again(shown: list[Image]) -> None:
    watch = Watch(lambda number: False)
    for later_s, images in ((0.0, shown), (2.0, [resized(image, 480, 270) for image in shown])):
        with SyntheticCamera(images=images, frames=40) as camera:
            looks = list(looks_at(watch, camera, later_s))
        assert looks[-1].mark is not None
        assert watch.size_wh == (images[0].shape[1], images[0].shape[0])


def test_a_search_runs_in_a_worker_and_is_taken_when_it_is_done(shown: list[Image]) -> None:
    desktop = np.full((480, 800, 3), (90, 70, 50), np.uint8)
    images = []
    for image in shown:
        laid = desktop.copy()
        laid[50:410, 91:731] = image
        images.append(laid)
    with ThreadPoolExecutor(1) as pool, SyntheticCamera(images=images, frames=900) as camera:
        watch = Watch(lambda number: False, searcher=pool)
        found = next((each for each in looks_at(watch, camera) if each.mark is not None), None) or watch.last_look(60.0)
    assert found is not None
    assert found.mark is not None
    assert found.mark.mark_id == ID


def test_searches_of_a_long_recording_grow_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[int] = []

    def locate(rolling: RollingMark, greys: list[Image]) -> None:
        searched.append(rolling.frames)

    monkeypatch.setattr(RollingMark, "locate", locate)
    with SyntheticCamera(320, 180, rate=Fraction(1), frames=150) as camera:
        assert len(list(looks_at(Watch(lambda number: False), camera))) == 149
    pauses = [b - a for a, b in pairwise(searched)]
    assert pauses[0] <= 4
    assert pauses == sorted(pauses)
    assert 20 < pauses[-1] <= 31


def test_a_search_that_is_under_way_at_the_end_is_waited_for(shown: list[Image]) -> None:
    desktop = np.full((480, 800, 3), (90, 70, 50), np.uint8)
    desktop[50:410, 91:731] = shown[0]
    with ThreadPoolExecutor(1) as pool:
        watch = Watch(lambda number: False, searcher=pool)
        assert watch.last_look(0.0) is None
        with SyntheticCamera(images=[desktop], frames=31) as camera:
            looks = list(looks_at(watch, camera))
        last = watch.last_look(60.0)
    found = [each.mark.mark_id for each in (*looks, *([last] if last else [])) if each.mark is not None]
    assert found == [ID]


def test_no_sentence_judges() -> None:
    for words in SENTENCES.values():
        assert not JUDGING.findall(words.lower()), words
