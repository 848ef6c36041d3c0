"""Tracked frames: a failure closes the picture as another input does."""

from mien.live.frame_tracker import FrameTracker, TrackedFrame
from mien.settings import Settings
from mien.types import LIVE_TIME_BASE, Frame
from tests.support.live_loop import parts, person


def test_another_input_and_a_failure_begin_another_scene_and_new_parts_other_numbers() -> None:
    settings = Settings()
    tracker = FrameTracker(parts, settings, 0)

    def tracked(holds: Settings = settings, generation: int = 0) -> TrackedFrame:
        return tracker.track(Frame(person(), 0, 0, LIVE_TIME_BASE), holds, generation, wants_before=False, wants_classes=False)

    first, second = tracked(), tracked()
    assert (second.scene, second.numbering) == (first.scene, first.numbering)
    tracker.renew()
    after = tracked()
    assert after.scene != first.scene
    assert after.numbering != first.numbering
    changed = tracked(Settings(smoothing=2.0))
    assert changed.scene == after.scene, "a setting closes nothing"
    assert changed.numbering != after.numbering
    another = tracked(Settings(smoothing=2.0), 1)
    assert (another.generation, another.numbering) == (1, changed.numbering)
    assert another.scene != changed.scene
