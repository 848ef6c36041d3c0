"""A setting that does nothing is told, and no other."""

from dataclasses import replace

import pytest

from mien.assembly.factory import open_source
from mien.assembly.idle_settings import idle_notes
from mien.settings import Settings
from mien.types import SourceFace
from tests.support.portraits import COLLINS, HOPPER, models, portrait


def _source(*, glasses: bool) -> SourceFace:
    source = open_source(portrait(HOPPER if glasses else COLLINS).image, models())
    assert any(fault.name == "glasses" for fault in source.faults) == glasses
    return source


@pytest.mark.parametrize(
    ("settings", "glasses", "told"),
    [
        (Settings(), False, []),
        (Settings(source_glasses="on"), True, []),
        (Settings(source_glasses="on"), False, ["source_glasses = on"]),
        (Settings(source_glasses="on", engine="inswapper_128"), True, ["source_glasses = on"]),
        (Settings(glasses="off", beard="source"), False, []),
        (Settings(glasses="off", beard="source", parser="off"), False, ["glasses = off", "beard = source"]),
        (Settings(glasses="off", occlusion="off"), False, ["glasses = off"]),
        (Settings(beard="target", segmenter="xseg_1"), False, ["beard = target"]),
        (Settings(gaze="camera"), False, ["gaze = camera"]),
        (Settings(gaze="camera", eyes="source"), False, []),
        (Settings(enhance_blend=0.5, fidelity=0.2), False, ["enhance_blend = 0.5", "fidelity = 0.2"]),
        (Settings(enhance_blend=0.5, enhancer="gfpgan"), False, []),
    ],
)
def test_what_does_nothing_is_told(settings: Settings, glasses: bool, told: list[str]) -> None:
    notes = idle_notes(settings, (_source(glasses=glasses),))
    assert [note.split(" does nothing: ")[0] for note in notes] == told


def test_one_photo_with_glasses_of_several_is_enough() -> None:
    bare = _source(glasses=False)
    assert idle_notes(Settings(source_glasses="on"), (bare, _source(glasses=True))) == ()
    assert idle_notes(Settings(source_glasses="on"), (bare, replace(bare)))
