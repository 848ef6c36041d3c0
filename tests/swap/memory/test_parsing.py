"""The parser over time: what it sees stays in front, live from the second look on, and never too much of it."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from mien.errors import ModelError
from mien.face.mean_face import texture_points
from mien.face.texels import SIDE, facing, texel_map
from mien.models.format.parsing import BEFORE_THE_FACE, FaceClass
from mien.settings import Settings
from mien.swap.memory.parsing import TUNING, Parsing
from mien.swap.persona import Persona, Retouch
from mien.swap.stages.own_beard import own_beard
from mien.swap.stream_memory import StreamMemory
from mien.testing import FakeParser
from mien.types import Array, Floats, Frame, Image, TrackedFace
from tests.support.portraits import COLLINS, portrait

_BLUE = 220, 60, 20


class Failing(FakeParser):
    """Fails until it has been asked `failures` times."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self._failures = failures

    def parse(self, crops: Sequence[Image]) -> list[Array]:
        self._failures -= 1
        if self._failures >= 0:
            raise ModelError("the network failed", "on purpose")
        return super().parse(crops)


def _frame(image: Image, index: int = 0) -> Frame:
    return Frame(image, index, index, Fraction(1, 30))


def _face() -> tuple[Image, TrackedFace]:
    seen = portrait(COLLINS)
    return seen.image.copy(), TrackedFace(1, seen.landmarks, 1)


def _with_disc(radius: float = 0.14, place: int = 50) -> tuple[Image, TrackedFace]:
    """Return the portrait with a blue disc at a landmark, its radius in face widths."""
    image, face = _face()
    points = face.landmarks.points
    x, y = (int(value) for value in points[place, :2])
    cv2.circle(image, (x, y), int(radius * np.ptp(points[:, 0])), _BLUE, -1)
    return image, face


def _hidden(texture: Array, face: TrackedFace) -> float:
    judged = (facing(face.landmarks.points) > 0) & texel_map().inside
    return float((texture[judged] > 127).mean())


def test_what_lies_before_a_face_is_found_at_once_in_a_file() -> None:
    image, face = _with_disc()
    look = Parsing().update(_frame(image), (face,), FakeParser())[1]
    assert 0.03 < _hidden(look.occluder, face) < 0.15
    assert look.parsed.shares.shape == (len(FaceClass), FakeParser.side, FakeParser.side)
    assert (look.parsed.shares[FaceClass.THING] > 127).any()


def test_live_it_takes_two_looks_that_agree() -> None:
    (image, face), (bare, _) = _with_disc(), _face()
    parsing = Parsing(live=True)
    shares = []
    for index, picture in enumerate((image, image, image, bare, bare, bare, bare)):
        shares.append(_hidden(parsing.update(_frame(picture, index), (face,), FakeParser())[1].occluder, face))
    assert shares[0] == 0
    assert shares[1] > 0.03, "something new is looked at again in the next frame"
    assert shares[-1] == 0


def test_live_a_single_false_look_opens_nothing() -> None:
    (image, face), (bare, _) = _with_disc(), _face()
    parsing, parser = Parsing(live=True), FakeParser()
    for index in range(12):
        looks = parsing.update(_frame(image if index == 4 else bare, index), (face,), parser)
        assert _hidden(looks[1].occluder, face) == 0


@pytest.mark.parametrize(("live", "most"), [(False, TUNING.max_share), (True, TUNING.max_share_live)])
def test_a_face_that_is_covered_almost_wholly_stays_worn(live: bool, most: float) -> None:
    parsing, parser = Parsing(live=live), FakeParser()
    for radius, covered in ((0.2, True), (0.9, False)):
        image, face = _with_disc(radius, 4)
        for index in range(4):
            looks = parsing.update(_frame(image, index), (face,), parser)
        share = _hidden(looks[1].occluder, face)
        assert (share > 0.05) == covered
        assert share <= most


def test_an_occluder_moves_with_the_face_between_two_looks() -> None:
    image, face = _with_disc()
    parsing, parser = Parsing(), FakeParser()
    first = parsing.update(_frame(image), (face,), parser)[1]
    moved: Floats = face.landmarks.points + np.array([9, 4, 0], np.float32)
    shifted = replace(face, landmarks=replace(face.landmarks, points=moved))
    second = parsing.update(_frame(np.roll(image, (4, 9), (0, 1)), 1), (shifted,), parser)[1]
    assert parser.calls == 1
    assert np.array_equal(first.occluder, second.occluder)


def test_a_hand_that_the_networks_of_hands_found_stays_in_front() -> None:
    image, face = _face()
    hand = np.zeros((128, 128), np.uint8)
    hand[80:100, 40:80] = 255
    looks = Parsing().update(_frame(image), (face,), FakeParser(), {1: hand})
    assert (looks[1].occluder[84:96, 48:72] > 200).all()


def test_errors_pass_through_and_nothing_is_remembered_of_that_frame() -> None:
    image, face = _with_disc()
    parsing, parser = Parsing(), Failing(1)
    with pytest.raises(ModelError, match="the network failed"):
        parsing.update(_frame(image), (face,), parser)
    assert parsing.seen == {}
    assert _hidden(parsing.update(_frame(image, 1), (face,), parser)[1].occluder, face) > 0.03


def test_without_a_parser_nothing_is_known() -> None:
    image, face = _with_disc()
    parsing = Parsing()
    parsing.update(_frame(image), (face,), FakeParser())
    assert parsing.update(_frame(image, 1), (face,), None) == {}
    assert parsing.seen == {}


@pytest.mark.parametrize(
    ("settings", "live", "kept"),
    [
        (Settings(), False, True), (Settings(), True, True), (Settings(occlusion="off"), True, False),
        (Settings(occlusion="on"), True, True),
    ],
)  # fmt: skip
def test_the_parser_works_in_files_and_live_unless_nothing_is_to_be_kept(settings: Settings, live: bool, kept: bool) -> None:
    image, face = _with_disc()
    memory = StreamMemory(live=live)
    for index in range(4):
        (seen,) = memory.observe(_frame(image, index), (face,), Retouch(parser=FakeParser()), settings)
    assert seen.known is not None
    assert (seen.known.parsed is not None) == kept
    assert (seen.known.occluder is not None and _hidden(seen.known.occluder, face) > 0.03) == kept


class _Panes(FakeParser):
    """A parser that takes everything blue for the rims of glasses, or for dark panes."""

    def __init__(self, kind: FaceClass) -> None:
        super().__init__()
        self._kind = kind

    def _parsed(self, crop: Image) -> Array:
        shares = super()._parsed(crop)
        shares[[self._kind, FaceClass.THING]] = shares[[FaceClass.THING, self._kind]]
        return shares


@pytest.mark.parametrize(
    ("settings", "others", "off"),
    [
        (Settings(), True, False), (Settings(glasses="off"), False, True), (Settings(source_glasses="on"), True, True),
        (Settings(source_glasses="on"), False, False),
    ],
)  # fmt: skip
def test_clear_glasses_that_come_off_are_not_kept_in_front_and_dark_ones_are(
    settings: Settings, others: bool, off: bool
) -> None:
    image, face = _with_disc()
    persona = Persona(None, None, None, None, Retouch(), glasses=others)  # type: ignore[arg-type]
    for kind, kept in ((FaceClass.RIM, not off), (FaceClass.SHADE, True)):
        memory = StreamMemory()
        worn = {face.track_id: persona}
        (seen,) = memory.observe(_frame(image), (face,), Retouch(parser=_Panes(kind)), settings, worn)
        assert seen.known is not None
        assert seen.known.parsed is not None
        assert seen.known.parsed.dark == (kind == FaceClass.SHADE)
        assert (seen.known.occluder is not None and _hidden(seen.known.occluder, face) > 0.03) == kept


def test_a_beard_and_clear_lenses_are_part_of_the_face() -> None:
    assert not {FaceClass.BEARD, FaceClass.LENS, FaceClass.SKIN, FaceClass.BACKGROUND} & set(BEFORE_THE_FACE)


class _Bearded(FakeParser):
    """Sees a beard of one level on the lower half of the crop, once for each level."""

    def __init__(self, levels: Sequence[int]) -> None:
        super().__init__()
        self._levels = list(levels)

    def parse(self, crops: Sequence[Image]) -> list[Array]:
        found = super().parse(crops)
        for shares in found:
            shares[FaceClass.BEARD, shares.shape[1] * 2 // 3 :] = self._levels[0]
        self._levels = self._levels[1:] or self._levels
        return found


def test_a_beard_is_the_mean_of_all_looks() -> None:
    image, face = _face()
    memory, parser = Parsing(), _Bearded([200, 0])
    first = memory.update(_frame(image), (face,), parser)[1].parsed.beard
    assert first is not None
    assert int(first.max()) == 200
    later = [memory.update(_frame(image, index), (face,), parser)[1].parsed.beard for index in range(1, 5)]
    x, y = texture_points(SIDE)[199].round().astype(int)
    levels = [0 if each is None else int(each[y, x]) for each in later]
    assert levels == sorted(levels, reverse=True)
    assert 100 < levels[-1] < 180, "it fades from look to look"


def test_live_a_single_look_shows_no_beard_of_the_wearer() -> None:
    image, face = _face()
    memory, parser = Parsing(live=True), _Bearded([200, 0])
    first = memory.update(_frame(image), (face,), parser)[1].parsed
    assert first.beard is not None
    assert int(first.beard.max()) < 40
    assert own_beard(first) is None
    steady, known = _Bearded([200]), Parsing(live=True)
    shown = [own_beard(known.update(_frame(image, index), (face,), steady)[1].parsed) is not None for index in range(40)]
    assert not any(shown[:6])
    assert shown[-1], "a beard that stays is kept in the end"


def test_a_beard_under_a_hand_is_not_forgotten() -> None:
    image, face = _face()
    memory, parser = Parsing(), _Bearded([200, 0])
    chin = cv2.inRange(np.indices((SIDE, SIDE))[0].astype(np.uint8), 70, 127)
    memory.update(_frame(image), (face,), parser)
    for index in range(1, 30):
        look = memory.update(_frame(image, index), (face,), parser, {1: np.asarray(chin, np.uint8)})[1]
    x, y = texture_points(SIDE)[199].round().astype(int)
    assert look.parsed.beard is not None
    assert int(look.parsed.beard[y, x]) == 200


def test_a_face_without_a_beard_has_none() -> None:
    image, face = _face()
    assert Parsing().update(_frame(image), (face,), FakeParser())[1].parsed.beard is None


class _Glasses(FakeParser):
    """Sees a pane over each half of the crop's middle: classes of the left and the right one."""

    def __init__(self, left: FaceClass, right: FaceClass) -> None:
        super().__init__()
        self._panes = left, right

    def parse(self, crops: Sequence[Image]) -> list[Array]:
        found = super().parse(crops)
        for shares in found:
            side = shares.shape[1]
            for kind, columns in zip(
                self._panes, (slice(side // 6, side // 2 - 6), slice(side // 2 + 6, side * 5 // 6)), strict=True
            ):
                shares[:, side * 2 // 5 : side // 2, columns] = 0
                shares[kind, side * 2 // 5 : side // 2, columns] = 255
        return found


@pytest.mark.parametrize(
    ("left", "right", "kept"),
    [
        (FaceClass.SHADE, FaceClass.SHADE, True),
        (FaceClass.SHADE, FaceClass.LENS, True),
        (FaceClass.LENS, FaceClass.LENS, False),
    ],
)
def test_both_panes_of_glasses_stay_or_none(left: FaceClass, right: FaceClass, kept: bool) -> None:
    image, face = _face()
    occluder = Parsing().update(_frame(image), (face,), _Glasses(left, right))[1].occluder
    half = occluder.shape[1] // 2
    assert [bool((part > 127).any()) for part in (occluder[:, :half], occluder[:, half:])] == [kept, kept]


def test_a_reflection_on_one_pane_hides_no_eye() -> None:
    image, face = _face()
    memory = Parsing()
    for index in range(7):
        memory.update(_frame(image, index), (face,), _Glasses(FaceClass.LENS, FaceClass.LENS))
    look = memory.update(_frame(image, 7), (face,), _Glasses(FaceClass.LENS, FaceClass.SHADE))[1]
    look = memory.update(_frame(image, 8), (face,), _Glasses(FaceClass.LENS, FaceClass.SHADE))[1]
    assert 0 < look.dark < 0.3
    assert not look.occluder.any()


def test_a_face_behind_another_is_looked_at_in_every_frame_and_uncovered_at_once() -> None:
    behind = {1: frozenset({2})}
    (covered, face), (bare, _) = _with_disc(), _face()
    shares = {}
    for name, known in (("alone", {}), ("behind", behind)):
        parsing, parser = Parsing(), FakeParser()
        parsing.update(_frame(covered), (face,), parser, {}, known)
        shares[name] = [
            float(parsing.update(_frame(bare, index), (face,), parser, {}, known)[1].occluder.max()) for index in (1, 2)
        ]
        shares[name].append(parser.calls)
    assert shares["behind"] == [0, 0, 3]
    assert max(shares["alone"][:2]) > 50
