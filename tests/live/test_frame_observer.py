"""Observed frames: what a later snapshot hides, and tracks that are numbered afresh."""

from dataclasses import replace

import numpy as np
import pytest

from mien.live.content import LiveContent
from mien.live.frame_observer import FrameObserver, ObservedFrame
from mien.live.frame_swapper import FrameSwapper, Shown
from mien.live.frame_tracker import TrackedFrame
from mien.live.marking import LiveMark
from mien.live.snapshot import Snapshot
from mien.settings import Settings
from mien.swap.cast import Cast, Member, everyone
from mien.swap.people.identities import Wanted
from mien.swap.people.template import template_of_photo
from mien.swap.persona import Retouch
from mien.swap.stream_memory import StreamMemory
from mien.testing import FakeClassifier, FakeEngine, FakeRecogniser, fake_persona
from mien.types import LIVE_TIME_BASE, Frame, TrackedFace
from tests.support.live_loop import GREEN, Inline, detection, landmarks, person, shows_red, snapshot

OPENED = 60
"""Frames after which a picture in which nobody wears a face is surely open."""
WEARS = fake_persona(FakeEngine(GREEN))


class Script:
    """Observes and swaps the same face, frame by frame."""

    def __init__(self) -> None:
        memory = StreamMemory(live=True)
        self._observer = FrameObserver(memory)
        self._swapper = FrameSwapper(LiveContent(FakeClassifier(), Inline()), LiveMark(Inline(), lambda each: None), memory)
        self._count = 0

    def observed(self, holds: Snapshot, numbering: int = 0) -> ObservedFrame:
        self._count += 1
        frame = Frame(person(), self._count, 33_333 * self._count, LIVE_TIME_BASE)
        tracked = TrackedFrame(
            frame, (TrackedFace(1, landmarks(), 1),), [detection()], [detection()], 0, numbering=numbering
        )  # fmt: skip
        return self._observer.observe(tracked, holds)

    def shown(self, holds: Snapshot, current: Snapshot | None = None) -> Shown:
        return self._swapper.swap(self.observed(holds).held_to(current or holds))


def leaving(**changes: object) -> Snapshot:
    """A snapshot in which the face that is seen is surely nobody who wears anything, and is left."""
    far = FakeRecogniser().describe(person(), landmarks()) + np.float32(0.5)
    member = Member(Wanted("me", (template_of_photo(far),)), WEARS)
    return Snapshot(Settings(), replace(Cast(Retouch(), None, "all", "leave", (member,), FakeRecogniser()), **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("holds", [Snapshot(Settings(on_lost="pass")), leaving()], ids=["pass", "leave"])
@pytest.mark.parametrize("current", [Snapshot(Settings()), snapshot(), leaving(others="cover")], ids=["none", "all", "cover"])
def test_a_face_that_was_seen_on_purpose_is_hidden_as_soon_as_another_snapshot_holds(
    holds: Snapshot, current: Snapshot
) -> None:  # fmt: skip
    script = Script()
    before = [script.shown(holds) for _ in range(OPENED)][-1]
    assert shows_red(before.labelled.frame.image)
    after = script.shown(holds, current)
    assert after.what in {"covered", "veiled"}
    assert not shows_red(after.labelled.frame.image)


def test_a_setting_that_hides_nothing_changes_nothing_of_a_frame_that_was_observed() -> None:
    script, holds = Script(), leaving()
    assert holds.cast is not None
    for _ in range(OPENED):
        script.shown(holds)
    same = Snapshot(Settings(opacity=0.5), replace(holds.cast, retouch=Retouch()))
    assert script.shown(holds, same).what == "clear"


def test_a_worn_face_stays_worn_while_it_is_exchanged() -> None:
    script = Script()
    for _ in range(5):
        script.shown(snapshot())
    assert script.shown(snapshot(), Snapshot(Settings(), everyone(fake_persona(FakeEngine((200, 0, 0)))))).what == "swapped"


def test_who_is_recognised_is_nobody_yet_when_tracks_are_numbered_afresh() -> None:
    script, holds = Script(), leaving()
    for _ in range(5):
        found = script.observed(holds)
    assert found.parts.may_be_seen(1)
    identities = script._observer._casting.identities
    script.observed(holds, numbering=1)
    assert script._observer._casting.identities is not identities
