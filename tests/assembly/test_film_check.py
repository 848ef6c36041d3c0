"""The join believes no record: what anybody can write into the folder of a film is checked against the pictures."""

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mien.assembly import factory
from mien.assembly.film_check import check_joined
from mien.assembly.film_job import FilmJob, join_parts, make_parts, open_job, plan_film
from mien.errors import ContentRefused, UnreadableMedia, UsageError
from mien.media.files.output_file import OutputFile
from mien.safety.content_check import FileContentCheck
from mien.settings import Settings
from mien.testing import FakeClassifier
from tests.support.film_jobs import Unsealing, folder_of, swap_of
from tests.support.portraits import COLLINS
from tests.support.short_films import RATE, short_film

HUGE = 10**400


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a film of one part, which is made."""
    folder = tmp_path_factory.mktemp("made")
    film = short_film(folder / "film.mp4", ((COLLINS, 0.5),))
    job = plan_film(swap_of(film), folder / "out.mp4", folder / "job")
    make_parts(job, 1, 1)
    return folder_of(job)


@pytest.fixture
def job(made: Path, tmp_path: Path) -> FilmJob:
    """Return a copy of it."""
    return open_job(Path(shutil.copytree(made, tmp_path / "job")))


def _change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **values}))


@pytest.mark.parametrize(
    "values",
    [
        {"counts": [1e400, 1, 1]},
        {"counts": [HUGE, 1, 1]},
        {"counts": [-6, -6, -6]},
        {"counts": [5, 5, 5]},
        {"counts": [6, 7, 7]},
        {"found": -1},
        {"worn": [["somebody", 7]]},
        {"fingerprints": [-1]},
        {"fingerprints": [1 << 63]},
        {"mark_ids": [-1]},
        {"mark_ids": [1 << 24]},
        {"scores": [[0.0, float("nan")]]},
        {"scores": [[float("inf"), 0.1]]},
        {"scores": [[0.0, -1.0]]},
    ],
    ids=lambda values: "-".join(f"{name}-{value}"[:30] for name, value in values.items()),
)
def test_records_that_cannot_be_are_damaged(values: dict[str, Any], job: FilmJob, tmp_path: Path) -> None:
    assert job.missing() == ()
    _change(folder_of(job) / "part-0001.json", **values)
    with pytest.raises(UsageError, match=r"part-0001\.json is damaged") as raised:
        join_parts(job, Unsealing().notary, OutputFile(tmp_path / "out.mp4", overwrite=False))
    assert "remove it" in raised.value.remedy
    assert len(str(raised.value).removeprefix(str(folder_of(job)))) < 160, "one line"


@pytest.mark.parametrize(
    "values",
    [
        {"start_s": float("nan")},
        {"start_s": -5},
        {"end_s": float("inf")},
        {"size": float("inf")},
        {"mark_id": "-5"},
        {"mark_id": "f" * 7},
        {"secret": "f" * 33},
    ],
    ids=str,
)
def test_plans_that_cannot_be_are_refused(values: dict[str, Any], job: FilmJob) -> None:
    _change(folder_of(job) / "plan.json", **values)
    with pytest.raises(UsageError, match="cannot be used"):
        open_job(folder_of(job))


def test_scores_that_were_edited_hide_nothing(job: FilmJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pictures are looked at again: they say what the record leaves out."""
    open_check: Callable[[Any], FileContentCheck] = lambda _: FileContentCheck(FakeClassifier(0.97))  # noqa: E731
    monkeypatch.setattr(factory, "open_content_check", open_check)
    for scores in ([], [[0.0, 0.01]]):
        _change(folder_of(job) / "part-0001.json", scores=scores)
        with pytest.raises(ContentRefused):
            join_parts(job, Unsealing().notary, OutputFile(tmp_path / "out.mp4", overwrite=False))
    assert not list(tmp_path.glob("*.mp4"))


def test_a_joined_film_has_as_many_pictures_as_were_planned(tmp_path: Path) -> None:
    film = short_film(tmp_path / "film.mp4", ((COLLINS, 0.5),))
    pictures = RATE // 2
    check_joined(film, film.name, pictures, Settings())
    with pytest.raises(UnreadableMedia, match=f"hold {pictures} pictures, and {pictures + 1} were planned"):
        check_joined(film, film.name, pictures + 1, Settings())


def test_a_folder_that_cannot_be_removed_is_named(job: FilmJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The film is there by then: that is no failure, but the folder shows faces."""
    unlink = Path.unlink

    def refuse(self: Path, missing_ok: bool = False) -> None:
        if self.parent == folder_of(job):
            raise OSError(errno.EROFS, "Read-only file system")
        unlink(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    _, warnings = join_parts(job, Unsealing().notary, OutputFile(tmp_path / "out.mp4", overwrite=False))
    assert any("job shows faces and cannot be removed (Read-only file system): remove it yourself" in each for each in warnings)
    assert (tmp_path / "out.mp4").exists()


def test_only_files_of_the_film_go_with_its_folder(job: FilmJob) -> None:
    folder = folder_of(job)
    kept = [folder / name for name in ("part-final.mp4", "part-0001.mp4", "notes.txt")]
    left = [folder / name for name in (".part-0003.22.part", ".cast.state.22.part", ".part-0001.lease.ab", "part-12345.state")]
    for path in (*kept, *left):
        path.write_bytes(b"")
    assert job.folder.remove() == ()
    assert sorted(folder.iterdir()) == sorted(kept)
