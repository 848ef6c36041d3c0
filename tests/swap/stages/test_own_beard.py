"""A full beard of the wearer stays whole, where the photo shows none."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from mien.assembly import factory
from mien.face.texels import SIDE
from mien.models.format.parsing import FaceClass
from mien.settings import Settings
from mien.swap.persona import Persona, Retouch, open_persona
from mien.swap.pipeline import keeps_beard
from mien.swap.stages.occluders import cut_occluders
from mien.swap.stages.own_beard import BeardLook, behind_own_beard, own_beard, shows_beard, staying
from mien.types import FacePatch, Frame, KnownFace, Mask, ParsedFace, SourceFace, TrackedFace
from tests.support.beards import beard_texture, bearded
from tests.support.portraits import COLLINS, models, portrait


def _parsed(beard: Mask | None) -> ParsedFace:
    return ParsedFace(np.zeros((len(FaceClass), 96, 96), np.uint8), np.zeros((478, 2), np.float32), beard)


def _source(level: int) -> SourceFace:
    source = factory.open_source(portrait(COLLINS).image, models())
    assert source.classes is not None
    classes = source.classes.copy()
    classes[FaceClass.BEARD] = beard_texture(level)
    return replace(source, classes=classes)


def test_a_beard_stays_and_a_trace_of_stubble_does_not() -> None:
    full = own_beard(_parsed(beard_texture(200)))
    assert full is not None
    assert full[beard_texture(1) > 0].min() > 250
    assert full[beard_texture(1) == 0].max() == 0
    assert own_beard(_parsed(beard_texture(40))) is None
    assert own_beard(_parsed(None)) is None
    assert own_beard(None) is None


def test_it_comes_and_goes_softly() -> None:
    levels = [
        0 if (found := own_beard(_parsed(beard_texture(level)))) is None else int(found.max()) for level in range(30, 160)
    ]
    assert levels == sorted(levels)
    assert 0 in levels
    assert max(levels) > 190
    assert max(np.diff(levels)) < 60


@pytest.mark.parametrize(
    ("beard", "level", "kept"),
    [
        ("auto", 0, True),
        ("auto", 200, False),
        ("source", 0, False),
        ("source", 200, False),
        ("target", 0, True),
        ("target", 200, True),
    ],
)
def test_whose_beard_shows(beard: str, level: int, kept: bool) -> None:
    settings, source = Settings(beard=beard), _source(level)
    persona = open_persona(factory.open_engine(settings, models().sessions), source)
    assert keeps_beard(settings, persona) is kept


def test_an_engine_that_draws_beards_keeps_none_by_itself() -> None:
    class _Network:
        name, wants_reshape = "network", False

    persona = Persona(_Network(), _source(0), None, None, Retouch())  # type: ignore[arg-type]
    assert not keeps_beard(Settings(), persona)
    assert keeps_beard(Settings(beard="target"), persona)


def test_colours_that_agree_make_a_short_beard_stay() -> None:
    little = _parsed(beard_texture(18))
    assert staying(little) == 0
    assert staying(little, BeardLook(signs=0.5)) > 0.9
    assert staying(little, BeardLook(visible=0.1)) == 0
    more = _parsed(beard_texture(36))
    assert staying(more) == 0
    assert staying(more, BeardLook(visible=0.1)) > 0.9
    assert staying(more, BeardLook(visible=0.02)) == 0
    seen = beard_texture(200)
    kept = own_beard(little, BeardLook(seen, 0.5))
    assert kept is not None
    assert kept.max() > 180
    assert own_beard(little, BeardLook(seen, 0.1)) is None
    bare = TrackedFace(1, portrait(COLLINS).landmarks, 1)
    assert behind_own_beard(bare) is bare


def test_of_a_full_beard_the_parser_is_believed() -> None:
    full = _parsed(np.asarray(beard_texture(255) * (np.arange(SIDE) < SIDE // 2), np.uint8))
    half, whole = own_beard(full), own_beard(full, BeardLook(beard_texture(255), 0.6, 0.1))
    assert half is not None
    assert whole is not None
    short = _parsed(np.asarray(beard_texture(60) * (np.arange(SIDE) < SIDE // 2), np.uint8))
    other = own_beard(short, BeardLook(beard_texture(255), 0.6, 0.1))
    assert other is not None
    right = np.s_[:, SIDE // 2 + 4 :]
    assert half[right].max() == 0
    assert whole[right].max() < 0.6 * other[right].max()


def test_a_short_beard_of_the_photo_needs_two_witnesses() -> None:
    bare = _source(36)
    assert not shows_beard(bare)
    assert shows_beard(replace(bare, image=bearded("full"), landmarks=portrait(COLLINS).landmarks))


def test_a_photo_that_was_not_parsed_may_show_a_beard() -> None:
    assert shows_beard(replace(_source(0), classes=None))


def test_the_patch_is_cut_along_the_beard() -> None:
    landmarks = portrait(COLLINS).landmarks
    image = portrait(COLLINS).image.copy()
    known = KnownFace(landmarks.points, np.zeros((SIDE, SIDE), np.uint8), parsed=_parsed(beard_texture(220)))
    face = TrackedFace(1, landmarks, 1, known=known)
    height, width = image.shape[:2]
    patch = FacePatch(image, np.full((height, width), 255, np.uint8), np.array([[1.0, 0, 0], [0, 1, 0]]))
    frame = Frame(image, 0, 0, Fraction(1, 30))
    assert cut_occluders(frame, face, patch) is patch
    cut = cut_occluders(frame, behind_own_beard(face), patch)
    x, y = landmarks.points[199, :2].round().astype(int)
    assert cut.mask[y, x] < 40, "the chin is the wearer's"
    x, y = landmarks.points[151, :2].round().astype(int)
    assert cut.mask[y, x] == 255, "the forehead is not"
