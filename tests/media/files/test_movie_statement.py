"""The statement in MP4 and MOV: where other programs look for it, once, and the film plays as before."""

import shutil
from pathlib import Path

import av
import numpy as np
import pytest

from mien.errors import OutputError
from mien.media.files.movie_statement import state_in_movie
from mien.media.files.statement import DIGITAL_SOURCE_TYPE, EDITED
from mien.provenance.report.declared import declarations
from mien.provenance.report.parts import parts_of
from tests.support.signed import pixels_of, same_pixels, write_media

FRAGMENTS = {"movflags": "frag_keyframe+empty_moov"}


def source_types(path: Path) -> list[str]:
    return [each.value for each in declarations(path, *parts_of(path)) if each.name == "DigitalSourceType"]


@pytest.mark.parametrize(
    ("name", "options"), [("a.mp4", {}), ("a.mov", {}), ("a.mp4", FRAGMENTS), ("a.mp4", {"movflags": "faststart"})]
)
def test_a_film_states_its_source_type_once(tmp_path: Path, name: str, options: dict[str, str]) -> None:
    path = write_media(tmp_path / name, options=options)
    before = pixels_of(path)
    for _ in range(2):
        state_in_movie(path, "mesh")
    assert source_types(path) == [DIGITAL_SOURCE_TYPE]
    assert same_pixels(before, pixels_of(path))


def test_covers_are_stated_as_a_persons_edit(tmp_path: Path) -> None:
    path = write_media(tmp_path / "a.mp4")
    state_in_movie(path, "cover solid")
    assert source_types(path) == [EDITED]


def test_the_index_of_fragments_stays_last(tmp_path: Path) -> None:
    path = write_media(tmp_path / "a.mp4", options=FRAGMENTS)
    assert parts_of(path)[1][-1].name == "mfra"
    state_in_movie(path, "mesh")
    last = [part.name for part in parts_of(path)[1] if not part.path][-2:]
    assert last == ["uuid", "mfra"]
    with av.open(str(path)) as film:
        film.seek(0)
        assert np.asarray(next(film.decode(video=0)).to_ndarray(format="bgr24")).size


@pytest.mark.parametrize("name", ["a.mkv", "a.jpg", "a.png"])
def test_other_files_stay_as_they_are(tmp_path: Path, name: str) -> None:
    path = write_media(tmp_path / name)
    before = path.read_bytes()
    state_in_movie(path, "mesh")
    assert path.read_bytes() == before


def test_a_cut_film_is_an_error_and_stays_as_it_is(tmp_path: Path) -> None:
    path = write_media(tmp_path / "a.mp4")
    content = path.read_bytes()[:-10]
    path.write_bytes(content)
    with pytest.raises(OutputError):
        state_in_movie(path, "mesh")
    assert path.read_bytes() == content
    shutil.rmtree(tmp_path)
