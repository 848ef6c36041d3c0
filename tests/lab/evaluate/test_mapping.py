"""Mapped people in clips that follow each other: how a frame is counted, and what the film is made of."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.lab.evaluate import mapping
from mien.lab.evaluate.lab import Lab
from mien.lab.evaluate.portraits import Portrait
from mien.models.library.store import Store
from mien.settings import Settings
from tests.support.places import EXAMPLES
from tests.support.portraits import COLLINS, HOPPER, models, portrait, recogniser


@pytest.mark.parametrize(
    ("faces", "worn", "expected"),
    [
        (True, {"a"}, {"frames": 1, "faces": 1, "right": 1}),
        (True, {"b"}, {"frames": 1, "faces": 1, "switched": 1}),
        (True, {"a", "b"}, {"frames": 1, "faces": 1, "right": 1, "switched": 1}),
        (True, set(), {"frames": 1, "faces": 1, "bare": 1}),
        (False, set(), {"frames": 1}),
    ],
)
def test_a_frame_is_worn_right_switched_or_bare(faces: bool, worn: set[str], expected: dict[str, int]) -> None:
    assert +mapping.judged(faces, worn, "a") == Counter(expected)


@pytest.mark.parametrize("shape", [(512, 512), (300, 400), (480, 640), (1280, 720)])
def test_a_picture_is_never_stretched(shape: tuple[int, int]) -> None:
    picture = np.zeros((*shape, 3), np.uint8)
    height, width = shape
    picture[height // 2 - height // 8 : height // 2 + height // 8, width // 2 - height // 8 : width // 2 + height // 8] = 255
    fitted = mapping.fitted(picture)
    assert fitted.shape == (*mapping.SIZE_WH[::-1], 3)
    rows, columns = (np.flatnonzero(fitted[:, :, 1].max(axis) > 127) for axis in (1, 0))
    assert len(rows) == pytest.approx(len(columns), abs=2)


def _known(file: Path, name: str) -> Portrait:
    found = portrait(file)
    return Portrait(name, name, found.image, found.landmarks, found.descriptor)


def test_the_person_of_a_clip_wears_their_face_in_every_frame(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").symlink_to(EXAMPLES / "clip.mp4")
    people = (_known(COLLINS, "london/collins"), _known(HOPPER, "london/hopper"))
    lab = Lab(replace(Settings(), parser="off"), Store(), models(), recogniser(), people, clips=tmp_path, quick=True)
    monkeypatch.setattr(mapping, "MINUTES", 32 / 60 / mapping.RATE_HZ * 4)
    steps: list[None] = []
    section = mapping.measure(lab, lambda: steps.append(None))
    figures = {figure.name: figure.value for figure in section.figures}
    assert figures["people"] == 1
    assert figures["frames worn by another person"] == 0
    assert figures["frames worn right"] == 100
    assert section.details["frames"] == {"frames": 32, "faces": 32, "right": 32, "switched": 0, "bare": 0}
    assert steps


def test_without_clips_nothing_is_claimed(tmp_path: Path) -> None:
    lab = Lab(Settings(), Store(), models(), recogniser(), (), clips=tmp_path)
    (figure,) = mapping.measure(lab, lambda: None).figures
    assert figure.reached is False
