"""A stream that goes on elsewhere: the same bits as one that was never interrupted."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from mien.assembly import factory
from mien.assembly.cast_plan import CastPlan
from mien.errors import UsageError
from mien.media.files.video_reader import VideoReader
from mien.settings import Settings
from mien.swap.cast import Cast
from mien.swap.parts import Border
from mien.swap.people.identities import Wanted
from mien.swap.people.template import template_of_photo
from mien.swap.persona import Retouch
from mien.swap.pipeline import Pipeline, SeenFrame
from mien.types import Frame, SourceFace
from tests.support.enhancing import Painter, sharper
from tests.support.portraits import CLIP, COLLINS, HOPPER, models, portrait, read
from tests.support.two_people import two_people

SECRET, ABOUT = 5, {"plan": "abc", "part": 1}
Stored = tuple[bytes, bytes]


@cache
def _source(path: Path) -> SourceFace:
    return factory.open_source(read(path), models())


def _frames(path: Path, first: int = 0, last: int = 10**6) -> Iterator[Frame]:
    with VideoReader(path, max_pixels=10**8, max_bytes=10**9) as reader:
        for number in range(last):
            frame = reader.read()
            if frame is None:
                return
            if number >= first:
                yield frame


def _with_border(frames: Iterator[Frame], border: Border) -> Iterator[Frame | Border]:
    for frame in frames:
        if frame.pts == border.pts:
            yield border
        yield frame


def _hash(frame: Frame) -> str:
    return hashlib.sha256(frame.image.tobytes()).hexdigest()


def _whole(pipeline: Pipeline, items: Iterator[Frame | Border], begin: int) -> tuple[dict[int, str], Stored]:
    """Return the swapped frames of a stream by their times, from `begin` on, and what was known at the border."""
    found: dict[int, str] = {}
    tracking = drawing = b""
    for item in pipeline.track_parts(items):
        if isinstance(item, SeenFrame):
            found[item.frame.pts] = _hash(pipeline.swap(item).frame)
        else:
            tracking, drawing = pipeline.tracking_bytes(ABOUT), pipeline.drawing_bytes(ABOUT)
    return {pts: each for pts, each in found.items() if pts >= begin}, (tracking, drawing)


def _rest(pipeline: Pipeline, frames: Iterator[Frame], stored: Stored) -> dict[int, str]:
    pipeline.resume(*stored, ABOUT)
    return {seen.frame.pts: _hash(pipeline.swap(seen).frame) for seen in pipeline.track_all(frames)}


def _pts(path: Path, number: int) -> int:
    return next(_frames(path, number, number + 1)).pts


def _painted() -> Cast:
    """A cast whose faces are finished by an enhancer that looks at every third frame."""
    cast = factory.open_cast(_source(HOPPER), Settings(), models())
    assert cast.everyone is not None
    retouch = replace(cast.retouch, enhancer=Painter(sharper))
    return Cast(retouch, replace(cast.everyone, retouch=retouch))


@pytest.mark.parametrize("settings", [Settings(), Settings(occlusion="on", enhance_every=3, beard="source")])
def test_a_stream_that_goes_on_elsewhere_gives_the_same_bits(settings: Settings) -> None:
    first = 21
    border = Border(2, _pts(CLIP, first), fresh=False)
    worn = _source(HOPPER) if settings == Settings() else _painted()
    whole, stored = _whole(
        factory.open_pipeline(settings, models(), worn), _with_border(_frames(CLIP, 0, first + 24), border), border.pts
    )
    # A cast is an input: who goes on opens the same once more.
    again = worn if isinstance(worn, SourceFace) else _painted()
    rest = _rest(factory.open_pipeline(settings, models(), again), _frames(CLIP, first, first + 24), stored)
    assert len(rest) == 24
    assert rest == whole
    assert len(stored[0]) < 1_000_000


def _mapped(others: str) -> CastPlan:
    """Two people, of whom one wears a face; everybody else is blurred."""
    person = Wanted("Eileen", (template_of_photo(portrait(COLLINS).descriptor),))
    return CastPlan(others="blur" if others == "blur" else "leave", members=((person, _source(HOPPER)),))


def _opened(plan: CastPlan) -> Pipeline:
    return factory.open_pipeline(Settings(), models(), plan, secret=SECRET)


@pytest.mark.parametrize("others", ["blur", "leave"])
@pytest.mark.parametrize("first", [5, 20])
def test_a_stream_with_people_goes_on_elsewhere(others: str, first: int, tmp_path: Path) -> None:
    """Half a second of frames was tracked ahead at the border: their faces are known, their pictures are read again."""
    film = two_people(HOPPER, COLLINS, tmp_path / "two.mp4")
    border = Border(2, _pts(film, first), fresh=False)
    plan = _mapped(others)
    pipeline = _opened(plan)
    whole, stored = _whole(pipeline, _with_border(_frames(film), border), border.pts)
    assert pipeline.worn_frames["Eileen"] > 20
    assert _rest(_opened(plan), _frames(film, first), stored) == whole


def test_after_a_fresh_border_nothing_is_known(tmp_path: Path) -> None:
    film = two_people(HOPPER, COLLINS, tmp_path / "two.mp4")
    border = Border(2, _pts(film, 18), fresh=True)
    pipeline = _opened(_mapped("blur"))
    found: dict[int, str] = {}
    for item in pipeline.track_parts(_with_border(_frames(film), border)):
        if isinstance(item, Border):
            pipeline.begin_drawing()
        else:
            found[item.frame.pts] = _hash(pipeline.swap(item).frame)
    alone = _opened(_mapped("blur"))
    fresh = {seen.frame.pts: _hash(alone.swap(seen).frame) for seen in alone.track_all(_frames(film, 18))}
    assert {pts: each for pts, each in found.items() if pts >= border.pts} == fresh


def test_another_film_another_part_and_damaged_bytes_are_refused(tmp_path: Path) -> None:
    film = two_people(HOPPER, COLLINS, tmp_path / "two.mp4")
    border = Border(2, _pts(film, 5), fresh=False)
    plan = _mapped("leave")
    _, stored = _whole(_opened(plan), _with_border(_frames(film, 0, 14), border), border.pts)
    with pytest.raises(UsageError, match="has changed"):
        _rest(_opened(plan), _frames(film, 6), stored)
    with pytest.raises(UsageError, match="has changed"):
        _rest(_opened(plan), _frames(film, 5, 7), stored)
    with pytest.raises(ValueError, match="something else"):
        _opened(plan).resume(*stored, {"plan": "abc", "part": 2})
    with pytest.raises(ValueError, match=r"damaged|cut short"):
        _opened(plan).resume(stored[0][:-1], stored[1], ABOUT)


def test_without_networks_beside_the_engine_nothing_else_is_needed() -> None:
    """Stored state names the cast, which may have been opened again before it goes on."""
    cast = factory.open_cast(_source(HOPPER), Settings(), models())
    assert cast.everyone is not None
    bare = Cast(Retouch(), replace(cast.everyone, retouch=Retouch()))
    border = Border(2, _pts(CLIP, 4), fresh=False)
    whole, stored = _whole(
        factory.open_pipeline(Settings(), models(), bare), _with_border(_frames(CLIP, 0, 8), border), border.pts
    )
    assert _rest(factory.open_pipeline(Settings(), models(), bare), _frames(CLIP, 4, 8), stored) == whole
