"""The folds of a smile show as far as the target smiles, beside the mouth alone, and a calm photo has none."""

from dataclasses import replace

import numpy as np

from mien.assembly import factory
from mien.face import landmark_sets
from mien.face.mean_face import face_model, neutral
from mien.settings import Settings
from mien.swap.engines.mesh.engine import MeshEngine
from mien.swap.engines.mesh.smile_folds import FoldTextures, fold_textures, smiles
from mien.swap.engines.mesh.texture import Texture
from mien.swap.source.hard_light import mouth_width, smile_folds
from mien.types import Floats, Landmarks, SourceFace
from tests.support.portraits import COLLINS, models, portrait

_CALM, _FOLDED = 200, 100
_SMILE = portrait(COLLINS).landmarks.points
_REST = neutral(_SMILE) * np.float32(300) + np.float32(400)


def _source(points: Floats) -> SourceFace:
    source = factory.open_source(portrait(COLLINS).image, models())
    return replace(source, landmarks=Landmarks(points, 1.0))


def _folds(size: int = 256) -> tuple[FoldTextures, Texture]:
    texture = Texture(np.full((size, size, 4), _CALM, np.uint8), face_model().uv * size)
    return fold_textures(_source(_SMILE), [texture], np.full((512, 512, 4), _FOLDED, np.uint8)), texture


def _between(share: float) -> Floats:
    smile = (_SMILE - _SMILE[4]) / np.linalg.norm(_SMILE[33] - _SMILE[263])
    rest = (_REST - _REST[4]) / np.linalg.norm(_REST[33] - _REST[263])
    return np.asarray((rest + (smile - rest) * share) * 300 + 400, np.float32)


def test_a_smile_like_the_photos_shows_them_whole() -> None:
    folds, texture = _folds()
    assert folds.share(_SMILE) == 1
    mixed = folds.mixed(texture.image, 0, _SMILE)
    wanted = _CALM + (_FOLDED - _CALM) * smile_folds()
    assert np.abs(mixed[:, :, 1] - wanted).max() < 1.5
    assert (mixed[:, :, 3] == _CALM).all(), "the opacity stays"


def test_a_calm_face_shows_none() -> None:
    folds, texture = _folds()
    assert folds.mixed(texture.image, 0, _REST) is texture.image
    assert (texture.image == _CALM).all()


def test_they_come_in_smoothly() -> None:
    folds, _ = _folds()
    shares = [folds.share(_between(share)) for share in np.linspace(0, 1, 21)]
    assert shares[0] == 0
    assert shares[-1] == 1
    assert (np.diff(shares) >= -1e-6).all()
    assert np.diff(shares).max() < 0.12


def test_a_photo_with_a_narrow_mouth_has_none() -> None:
    assert smiles(_source(_SMILE))
    assert mouth_width(_REST) < 0.6
    engine = MeshEngine(Settings())
    assert engine.prepare(_source(_SMILE)).folds is not None
    corners = landmark_sets.OUTER_LIPS[0], landmark_sets.OUTER_LIPS[10]
    narrow = _SMILE.copy()
    middle = narrow[list(corners)].mean(0)
    lips = [*landmark_sets.OUTER_LIPS, *landmark_sets.INNER_LIPS]
    narrow[lips, 0] = middle[0] + 0.7 * (narrow[lips, 0] - middle[0])
    assert engine.prepare(_source(narrow)).folds is None
