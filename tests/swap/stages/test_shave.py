"""A short beard is shaved to the skin that was there; what is no beard, or not to be shaved, stays as it is."""

from dataclasses import replace

import numpy as np
import pytest

from mien.assembly import factory
from mien.face.texels import SIDE
from mien.imaging.colour import LUMA
from mien.lab.evaluate import measures
from mien.settings import Settings
from mien.swap.persona import Persona, Retouch, open_persona
from mien.swap.pipeline import shaves_beard
from mien.swap.stages.own_beard import NOTHING, own_beard
from mien.swap.stages.own_beard import TUNING as OWN_BEARD
from mien.swap.stages.shave import TUNING, Shaving, belief
from mien.types import Array, Image, Landmarks, TrackedFace
from tests.support.beards import beard_texture, bearded, wearer
from tests.support.portraits import COLLINS, models, portrait

BARE = portrait(COLLINS).image
POINTS = portrait(COLLINS).landmarks.points
SOME = 50
"""A level that the parser gives a short beard."""


def _shaved(image: Image, face: TrackedFace, *, full: bool = True, strength: float = 1.0) -> Image:
    picture = image.copy()
    Shaving().shave(picture, (face,), {face.track_id: strength}, full=full)
    return picture


def _left(picture: Image, hairy: Image) -> float:
    """Return the share of a beard's difference to the bare face that is left, where it is dark."""
    beard = (hairy.astype(np.float32) - BARE) @ LUMA
    area: Array = (beard < -16) & (measures.face_mask(POINTS, BARE.shape, -0.08) > 0)
    return float(np.abs((picture.astype(np.float32) - BARE) @ LUMA)[area].mean() / np.abs(beard[area]).mean())


@pytest.mark.parametrize("kind", ["stubble", "short"])
def test_a_short_beard_is_shaved_to_the_true_skin(kind: str) -> None:
    assert _left(_shaved(bearded(kind), wearer(SOME)), bearded(kind)) < 0.5


def test_a_full_beard_is_shaved_by_choice() -> None:
    face = wearer(200)
    assert (_shaved(bearded("full"), face, full=False) == bearded("full")).all()
    assert _left(_shaved(bearded("full"), face), bearded("full")) < 0.5


def test_a_bare_face_is_not_touched() -> None:
    for face in (wearer(0), wearer(3), replace(wearer(SOME), known=None)):
        assert (_shaved(BARE, face) == BARE).all()
    assert (_shaved(bearded("short"), wearer(SOME), strength=0.0) == bearded("short")).all()


def test_nothing_but_the_beard_changes() -> None:
    before, after = bearded("short"), _shaved(bearded("short"), wearer(SOME))
    changed = (before != after).any(axis=2)
    unit = float(np.linalg.norm(POINTS[33] - POINTS[263]))
    rows, columns = np.nonzero(changed)
    assert rows.min() > POINTS[6, 1], "the eyes stay"
    assert rows.max() < POINTS[152, 1] + 0.65 * unit
    assert columns.min() > POINTS[:, 0].min() - 0.3 * unit
    assert columns.max() < POINTS[:, 0].max() + 0.3 * unit
    assert 0.01 < changed.mean() < 0.35


def test_a_hand_before_the_beard_stays_in_front() -> None:
    hand = np.zeros((SIDE, SIDE), np.uint8)
    hand[70:, : SIDE // 2 - 6] = 255
    image = bearded("short").copy()
    before, after = image, _shaved(image, wearer(SOME, hand))
    changed = (before != after).any(axis=2)
    for landmark, free in ((136, False), (214, False), (365, True), (434, True)):
        x, y = POINTS[landmark, :2].round().astype(int)
        assert changed[y - 2 : y + 3, x - 2 : x + 3].any() == free, landmark


def test_a_head_that_turns_keeps_its_beard_more_and_more() -> None:
    shares = [
        float(np.abs(_shaved(bearded("short"), wearer(SOME, yaw=yaw)).astype(int) - bearded("short")).mean())
        for yaw in (0, 28, -34, 45)
    ]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0
    assert shares[-1] == 0


def test_it_is_followed_between_two_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    original = __import__("mien.swap.stages.shave", fromlist=["beard_view"]).beard_view

    def counted(*args: object) -> object:
        looks.append(1)
        return original(*args)

    monkeypatch.setattr("mien.swap.stages.shave.beard_view", counted)
    shaving, results = Shaving(), []
    for index in range(TUNING.every_frames):
        shift = 2 * index
        image = np.roll(bearded("short"), shift, axis=1)
        moved = Landmarks((POINTS + np.array([shift, 0, 0], np.float32)).astype(np.float32), 1.0)
        shaving.shave(image, (replace(wearer(SOME), landmarks=moved),), {1: 1.0}, full=True)
        results.append(np.roll(image, -shift, axis=1))
    assert len(looks) == 1
    inner = (slice(None), slice(40, -40))
    difference = np.abs(results[-1][inner].astype(int) - results[0][inner])
    assert difference.mean() < 0.4
    assert np.percentile(difference, 99.5) < 12
    bent = POINTS.copy()
    bent[np.linalg.norm(bent[:, :2] - bent[152, :2], axis=1) < 80, 1] += 25
    shaving.shave(bearded("short").copy(), (replace(wearer(SOME), landmarks=Landmarks(bent, 1.0)),), {1: 1.0}, full=True)
    assert len(looks) == 2, "a jaw that opens is looked at again"
    shaving.reset()
    shaving.shave(bearded("short").copy(), (wearer(SOME),), {1: 1.0}, full=True)
    assert len(looks) == 3


def test_a_beard_that_is_missed_for_some_frames_is_still_shaved() -> None:
    shaving = Shaving()
    shaving.shave(bearded("short").copy(), (wearer(SOME),), {1: 1.0}, full=True)
    later = bearded("short").copy()
    shaving.shave(later, (wearer(1),), {1: 1.0}, full=True)
    assert _left(later, bearded("short")) < 0.5


def test_a_short_beard_of_which_the_colours_are_sure_stays() -> None:
    kept, little = bearded("short").copy(), wearer(22)
    shaving = Shaving()
    shaving.shave(kept, (little,), {1: 1.0}, full=False)
    assert shaving.look_of(little).signs > OWN_BEARD.agreed_signs[1]
    assert (kept == bearded("short")).all()
    assert little.known is not None
    texture = own_beard(little.known.parsed, shaving.look_of(little))
    assert texture is not None
    hairy = beard_texture(1) > 0
    assert texture[hairy].mean() > 4 * 22, "all of it, not only what the parser saw"
    assert texture[~hairy].mean() < 12, "only its margin around"


def test_what_is_known_of_a_beard_stays_while_the_head_is_turned() -> None:
    shaving, face = Shaving(), wearer(22)
    assert shaving.look_of(face) is NOTHING
    shaving.shave(bearded("short").copy(), (face,), {1: 0.0}, full=False)
    before = shaving.look_of(face)
    shaving.shave(bearded("short").copy(), (replace(face, yaw=60.0),), {1: 0.0}, full=False)
    assert shaving.look_of(face).signs == before.signs
    shaving.shave(bearded("short").copy(), (), {}, full=False)
    assert shaving.look_of(face) is NOTHING


def test_both_witnesses_have_to_see_it() -> None:
    parsed = wearer(0).known
    assert parsed is not None
    assert parsed.parsed is not None
    seen = [replace(parsed.parsed, beard=beard_texture(level)) for level in (0, 4, 14, 60)]
    assert belief(seen[0], 1.0) == belief(seen[1], 1.0) == 0
    assert belief(seen[2], 0.1) < 0.1
    assert belief(seen[2], 0.4) > 0.5
    assert belief(seen[3], 0.15) == 1
    assert belief(seen[3], 0.0) == 0
    assert belief(parsed.parsed, 1.0) == 0


@pytest.mark.parametrize(
    ("beard", "with_beard", "shaved"),
    [
        ("auto", False, True),
        ("auto", True, False),
        ("source", False, True),
        ("source", True, True),
        ("target", False, False),
    ],
)
def test_whose_beard_is_shaved(beard: str, with_beard: bool, shaved: bool) -> None:
    source = factory.open_source(BARE, models())
    assert source.classes is not None
    classes = source.classes.copy()
    classes[6] = beard_texture(200 if with_beard else 0)
    settings = Settings(beard=beard)
    persona = open_persona(factory.open_engine(settings, models().sessions), replace(source, classes=classes))
    assert shaves_beard(settings, persona) is shaved


def test_networks_draw_the_jaw_themselves() -> None:
    class _Network:
        name, wants_reshape = "network", False

    persona = Persona(_Network(), factory.open_source(BARE, models()), None, None, Retouch())  # type: ignore[arg-type]
    assert not shaves_beard(Settings(beard="source"), persona)


def test_a_head_that_hangs_keeps_its_beard() -> None:
    hanging = np.ascontiguousarray(bearded("short")[::-1, ::-1])
    height, width = hanging.shape[:2]
    points = POINTS.copy()
    points[:, :2] = np.array([width - 1, height - 1], np.float32) - points[:, :2]
    face = wearer(SOME)
    assert (_shaved(hanging, replace(face, landmarks=Landmarks(points, 1.0))) == hanging).all()


def test_shaving_fades_where_its_window_ends() -> None:
    changed = np.abs(_shaved(bearded("full"), wearer(200)).astype(int) - bearded("full")).max(axis=2)
    rows, columns = np.nonzero(changed > 0)
    for line in (changed[:, columns.min()], changed[:, columns.max()], changed[rows.max()]):
        assert line.max() < 40
