"""The preview: which picture a page gets beside the labelled one."""

import asyncio
import time
from fractions import Fraction

import cv2
import numpy as np
import pytest

from mien.provenance.label import Labeller
from mien.provenance.mark.pattern import Marker
from mien.settings import Settings
from mien.studio.session import plain_picture
from mien.studio.session import preview as module
from mien.studio.session.preview import HEADER, IN_FLIGHT, HubSink, Originals, PreviewHub, Viewer
from mien.types import Frame, Image, LabelledFrame

_SIZE = 240, 320


def _plain(level: int) -> Image:
    return np.full((*_SIZE, 3), level, np.uint8)


def _labelled(pts: int) -> LabelledFrame:
    return Labeller(Settings(), Marker(0)).label(Frame(_plain(40), 0, pts, Fraction(1, 1_000_000)))


def _level(message: bytes) -> int | None:
    """Return the grey of the second picture of a message; None without one."""
    _, _, _, after, before = HEADER.unpack_from(message)
    if not before:
        return None
    picture = cv2.imdecode(np.frombuffer(message[HEADER.size + after :], np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return round(float(picture.mean()))


async def _received(hub: PreviewHub, *, before: bool, classes: bool) -> int | None:
    viewer = Viewer(asyncio.get_running_loop())
    viewer.before, viewer.classes = before, classes
    hub.join(viewer)
    assert (hub.wants_before, hub.wants_classes) == (before, classes)
    HubSink(hub).write(_labelled(7))
    message = await viewer.next()
    hub.leave(viewer)
    return _level(message)


def test_a_page_gets_the_picture_as_it_was_or_with_the_classes_or_none() -> None:
    hub = PreviewHub()
    hub.note_originals(7, Originals(_plain(100), _plain(200)))
    assert asyncio.run(_received(hub, before=False, classes=False)) is None
    assert asyncio.run(_received(hub, before=True, classes=False)) == 100
    assert asyncio.run(_received(hub, before=False, classes=True)) == 200
    assert asyncio.run(_received(hub, before=True, classes=True)) == 200


def test_pictures_of_another_frame_are_not_shown() -> None:
    hub = PreviewHub()
    hub.note_originals(6, Originals(_plain(100), _plain(200)))
    assert asyncio.run(_received(hub, before=True, classes=True)) is None


def test_a_frame_without_originals_forgets_those_before() -> None:
    hub = PreviewHub()
    hub.note_originals(7, Originals(_plain(100)))
    hub.note_originals(8, Originals())
    assert asyncio.run(_received(hub, before=True, classes=False)) is None


def test_a_page_that_never_acknowledges_gets_frames_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def is_ready() -> bool:
        viewer = Viewer(asyncio.get_running_loop())
        for _ in range(IN_FLIGHT):
            assert viewer.ready
            viewer.offer(0.0, b"after", b"")
        return viewer.ready

    assert asyncio.run(is_ready()) is False
    monkeypatch.setattr(module, "_ACKNOWLEDGED_WITHIN_S", 0.0)
    assert asyncio.run(is_ready()) is True


def _picture_for(width: int, *, plain: bool) -> bytes:
    async def received() -> bytes:
        hub, viewer = PreviewHub(), Viewer(asyncio.get_running_loop())
        viewer.width, viewer.plain = width, plain
        hub.join(viewer)
        HubSink(hub).write(_labelled(7))
        return await viewer.next()

    message = asyncio.run(received())
    return message[HEADER.size : HEADER.size + HEADER.unpack_from(message)[3]]


def test_a_page_of_this_machine_gets_plain_pictures() -> None:
    assert plain_picture.size_of(_picture_for(320, plain=True)) == (320, 240)


def test_a_page_of_another_machine_gets_no_more_pixels_than_it_asked_for() -> None:
    picture = cv2.imdecode(np.frombuffer(_picture_for(248, plain=False), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (186, 248, 3)
    assert plain_picture.size_of(_picture_for(248, plain=True)) == (320, 240), "bytes cost less than scaling here"


@pytest.mark.parametrize("acknowledges", [True, False], ids=["late", "never"])
def test_a_way_that_takes_more_than_two_seconds_gets_jpeg(monkeypatch: pytest.MonkeyPatch, acknowledges: bool) -> None:
    now_s = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)

    async def takes_plain() -> list[bool]:
        nonlocal now_s
        viewer, seen = Viewer(asyncio.get_running_loop()), []
        viewer.plain = True
        for sequence in range(1, 12):
            seen.append(viewer.takes_plain)
            assert viewer.ready
            viewer.offer(0.0, b"after", b"")
            now_s += 2.5
            if acknowledges:
                # Of the frame before, which the offer has given up.
                viewer.acknowledged(sequence - 1)
        return [*seen, viewer.takes_plain]

    assert asyncio.run(takes_plain()) == [True] * 11 + [False]


def test_a_slow_way_gets_jpeg_and_one_slow_picture_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)

    def acknowledge_after(viewer: Viewer, seconds: float) -> None:
        nonlocal now_s
        viewer.offer(0.0, b"after", b"")
        now_s += seconds
        viewer.acknowledged(max(viewer._pending))

    async def takes_plain() -> list[bool]:
        viewer = Viewer(asyncio.get_running_loop())
        viewer.plain = True
        seen = []
        for seconds, times in ((0.5, 9), (0.05, 9), (0.5, 9), (0.5, 1)):
            for _ in range(times):
                acknowledge_after(viewer, seconds)
            seen.append(viewer.takes_plain)
        return seen

    assert asyncio.run(takes_plain()) == [True, True, True, False]


def _sent(*levels: int, pause_s: float, before: bool = False, wishing: bool = False) -> int:
    """Count the messages to a page that acknowledges frames of these greys, with a pause after each."""
    now_s = 100.0

    async def count() -> int:
        nonlocal now_s
        hub, viewer = PreviewHub(), Viewer(asyncio.get_running_loop())
        viewer.before = before
        hub.join(viewer)
        sink, messages = HubSink(hub), 0
        for pts, level in enumerate(levels):
            hub.note_originals(pts, Originals(_plain(level)))
            frame = Frame(_plain(level), 0, pts, Fraction(1, 1_000_000))
            sink.write(Labeller(Settings(), Marker(0)).label(frame))
            await asyncio.sleep(0)
            messages += viewer._messages.qsize()
            while not viewer._messages.empty():
                viewer.acknowledged(HEADER.unpack_from(await viewer.next())[0])
            if wishing:
                viewer.wished()
            now_s += pause_s
        return messages

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: now_s)
        return asyncio.run(count())


def test_a_picture_that_stays_the_same_is_sent_once_a_second() -> None:
    assert _sent(*[40] * 11, pause_s=0.125) == 2
    assert _sent(*[40] * 4, pause_s=1.0) == 4


def test_another_picture_is_sent_at_once() -> None:
    assert _sent(40, 90, 90, 40, pause_s=0.1) == 3


def test_the_same_picture_is_sent_at_once_after_a_wish_and_beside_the_one_before() -> None:
    assert _sent(*[40] * 4, pause_s=0.1, wishing=True) == 4
    assert _sent(*[40] * 4, pause_s=0.1, before=True) == 4
