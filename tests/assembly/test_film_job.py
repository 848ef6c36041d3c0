"""A film in parts: one process, one that was killed and went on, and parts made apart give the same bytes before the seal."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from mien.assembly import film_making, film_plan
from mien.assembly.film_job import FilmJob, join_parts, make_parts, open_job, plan_film, run_parts
from mien.batch.job import Progress
from mien.errors import Cancelled, MienError, ModelMismatch, NoFaceFound, NotYet, OutputError, UnreadableMedia, UsageError
from mien.media.files.moving import Kind
from mien.media.files.output_file import OutputFile, output_error
from mien.media.files.part_file import PartFileWriter, StoredPacket
from mien.media.files.video_reader import VideoReader
from mien.settings import Settings
from mien.swap import parts
from tests.support.clips import Clip, look, make
from tests.support.deadline import wait_until
from tests.support.film_jobs import CONSENT, MARK, Unsealing, folder_of, packets_of, state_of, swap_of
from tests.support.places import ROOT
from tests.support.portraits import COLLINS, HOPPER
from tests.support.short_films import PARTS, RATE, SHOTS, short_film, short_parts

__all__ = ["short_parts"]
pytestmark = pytest.mark.usefixtures("short_parts")


def _planned(tmp_path: Path, kind: str = "everyone", name: str = "job") -> FilmJob:
    film = tmp_path / "film.mp4"
    return plan_film(swap_of(film if film.exists() else short_film(film), kind), tmp_path / "out.mp4", tmp_path / name)


def _joined(job: FilmJob, tmp_path: Path) -> Unsealing:
    notary = Unsealing()
    join_parts(job, notary.notary, OutputFile(tmp_path / "out.mp4", overwrite=True))
    return notary


def _other_process(call: str, folder: Path) -> "subprocess.Popen[str]":
    code = (
        "import sys; from pathlib import Path; from mien.assembly.film_job import make_parts, open_job; "
        f"job = open_job(Path(sys.argv[1])); {call}"
    )
    return subprocess.Popen([sys.executable, "-c", code, str(folder)], cwd=ROOT, stderr=subprocess.PIPE, text=True)


def _in_another_process(call: str, folder: Path) -> str:
    process = _other_process(call, folder)
    _, said = process.communicate()
    return said if process.returncode else ""


@pytest.mark.parametrize("kind", [pytest.param("everyone", marks=pytest.mark.long), "mapped"])
def test_every_way_gives_the_same_bytes(kind: str, tmp_path: Path) -> None:
    job = _planned(tmp_path, kind)
    assert [part.fresh for part in job.plan.parts] == [True, False, True, True]
    assert job.plan.frames == sum(round(length_s * RATE) for _, length_s in SHOTS)

    alone = Unsealing()
    swap = replace(swap_of(tmp_path / "film.mp4", kind), notary=alone.notary)
    with swap.open_reader(tmp_path / "alone.mp4") as reader:
        result = swap.swap_moving(reader, OutputFile(tmp_path / "alone.mp4", overwrite=False))

    steps: list[Progress] = []
    whole = Unsealing()
    done, warnings = run_parts(
        folder_of(_planned(tmp_path, kind, "whole")),
        whole.notary,
        OutputFile(tmp_path / "a.mp4", overwrite=False),
        steps.append,
    )
    assert warnings == ("sealed",)
    assert [step.frames for step in steps] == list(range(1, job.plan.frames + 1))
    assert (done.frames, done.faces_swapped, done.worn) == (result.frames, result.faces_swapped, result.worn)
    assert not (tmp_path / "whole").exists(), "parts show faces: they go with the join"

    # Fresh parts in any order, and one that goes on within a shot in a process of its own.
    for number in (4, 1, 3):
        make_parts(job, number, number)
    assert _in_another_process("make_parts(job, 2, 2)", folder_of(job)) == ""
    assert job.missing() == ()
    apart = _joined(job, tmp_path)
    assert alone.content == whole.content == apart.content
    assert alone.fingerprints == whole.fingerprints == apart.fingerprints
    assert apart.mark_ids == [MARK]
    seen = look(tmp_path / "out.mp4")
    assert seen.times == look(tmp_path / "film.mp4").times
    assert seen.payloads["audio0"] == look(tmp_path / "film.mp4").payloads["audio0"]


@pytest.mark.posix
def test_a_killed_run_goes_on_and_gives_the_same_bytes(tmp_path: Path) -> None:
    whole = Unsealing()
    run_parts(folder_of(_planned(tmp_path, name="whole")), whole.notary, OutputFile(tmp_path / "a.mp4", overwrite=False))
    job = _planned(tmp_path)
    process = _other_process("make_parts(job, 1, 4)", folder_of(job))
    wait_until(lambda: process.poll() is not None or job.record(1) is not None, "the first part")
    assert process.poll() is None, "the run was too short to be killed in its midst"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert 1 not in job.missing()
    assert job.missing()
    # The lease and the temporary file of the killed run are in nobody's way.
    again = Unsealing()
    steps: list[Progress] = []
    run_parts(folder_of(job), again.notary, OutputFile(tmp_path / "out.mp4", overwrite=False), steps.append)
    assert steps[0].frames > job.plan.parts[0].frames
    assert again.content == whole.content
    assert again.fingerprints == whole.fingerprints
    assert not folder_of(job).exists()


def test_a_part_within_a_shot_waits_for_the_one_before(tmp_path: Path) -> None:
    job = _planned(tmp_path)
    with pytest.raises(NotYet, match="part 2 goes on within a shot"):
        make_parts(job, 2, 2)
    with pytest.raises(UsageError, match="parts 1 to 4"):
        make_parts(job, 5, 5)
    make_parts(job, 3, 3)
    with pytest.raises(NotYet, match="part 1 and 2 more are not made yet"):
        _joined(job, tmp_path)
    before = packets_of(job, 3).stat().st_mtime_ns
    make_parts(job, 3, 3)
    assert packets_of(job, 3).stat().st_mtime_ns == before, "a part that is made is kept"


def test_of_two_who_make_a_part_the_first_result_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(film_making, "TUNING", film_making.MakingTuning(look_period_s=0.0))
    job = _planned(tmp_path)
    other = open_job(Path(shutil.copytree(folder_of(job), tmp_path / "other")))
    make_parts(other, 1, 1)
    record = json.loads((folder_of(other) / "part-0001.json").read_bytes())
    seen: list[int] = []

    def hand_in_elsewhere(step: Progress) -> None:
        seen.append(step.frames)
        if step.frames == 6:
            for path in (packets_of(other, 1), state_of(other, 1)):
                shutil.copy(path, folder_of(job))
            (folder_of(job) / "part-0001.json").write_text(json.dumps({**record, "host": "elsewhere"}))

    with job.folder.lease(1), job.folder.lease(2):
        with pytest.raises(NotYet, match="part-0001 is being made"):
            make_parts(job, 1, 2)
        make_parts(job, 1, 2, hand_in_elsewhere, second=True)
    first = job.plan.parts[0].frames
    assert seen == [*range(1, 7), *range(first + 1, first + job.plan.parts[1].frames + 1)], "it goes on behind that part"
    found = job.record(1)
    assert found is not None
    assert found.host == "elsewhere"
    assert job.missing() == (3, 4)
    assert not list(folder_of(job).glob(".*"))
    make_parts(other, 2, 2)
    assert packets_of(job, 2).read_bytes() == packets_of(other, 2).read_bytes()


def test_a_stop_keeps_finished_parts_and_nothing_else(tmp_path: Path) -> None:
    job, stop = _planned(tmp_path), Event()

    def report(step: Progress) -> None:
        if step.frames == job.plan.parts[0].frames + 6:
            stop.set()

    with pytest.raises(Cancelled):
        make_parts(job, 1, 4, report, stop)
    names = {path.name for path in folder_of(job).iterdir()}
    assert names <= {"plan.json", "cast.state", "part-0001.json", packets_of(job, 1).name, state_of(job, 1).name}
    assert job.missing() in {(2, 3, 4), (1, 2, 3, 4)}


def test_a_full_disk_ends_a_part_and_the_parts_before_it_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = _planned(tmp_path)
    write, room = PartFileWriter.write, [job.plan.parts[0].frames + 3]

    def write_some(self: PartFileWriter, packets: Iterable[StoredPacket]) -> None:
        found = list(packets)
        room[0] -= len(found)
        if room[0] < 0:
            raise output_error(OSError(errno.ENOSPC, "No space left on device"), folder_of(job))
        write(self, found)

    monkeypatch.setattr(PartFileWriter, "write", write_some)
    with pytest.raises(OutputError, match="No space") as raised:
        make_parts(job, 1, 4)
    assert "free some space" in raised.value.remedy
    assert job.missing() == (2, 3, 4)
    assert not list(folder_of(job).glob(".*")), "nothing half made is left"
    monkeypatch.undo()
    monkeypatch.setattr(parts, "TUNING", PARTS)
    make_parts(job, 2, 2)


def test_the_folder_is_private_and_holds_no_photo(tmp_path: Path) -> None:
    job = _planned(tmp_path)
    if os.name != "nt":
        assert folder_of(job).stat().st_mode & 0o777 == 0o700
        assert all(path.stat().st_mode & 0o077 == 0 for path in folder_of(job).iterdir())
    with pytest.raises(UsageError, match="exists already"):
        _planned(tmp_path)


def test_what_cannot_be_made_in_parts_says_so_at_once(tmp_path: Path) -> None:
    film = short_film(tmp_path / "film.mp4", ((COLLINS, 0.5),))
    for swap, words in (
        (replace(swap_of(film), kind=Kind.PICTURE), "only videos"),
        (swap_of(film, settings=Settings(encoder="hardware")), "hardware"),
    ):
        with pytest.raises(UsageError, match=words):
            plan_film(swap, tmp_path / "out.mp4", tmp_path / "job")
    assert not (tmp_path / "job").exists()
    assert len(plan_film(swap_of(film), tmp_path / "out.avi", tmp_path / "job").plan.parts) == 1


def test_a_film_that_is_gone_or_has_changed_is_refused(tmp_path: Path) -> None:
    job = _planned(tmp_path)
    film = tmp_path / "film.mp4"
    film.rename(tmp_path / "away.mp4")
    with pytest.raises(UsageError, match="not there any more"):
        make_parts(job, 1, 1)
    short_film(film, ((HOPPER, 3.0),))
    with pytest.raises(UsageError, match="has changed since"):
        make_parts(job, 1, 1)
    with pytest.raises((UsageError, NotYet)):
        _joined(job, tmp_path)


def test_other_pictures_of_the_same_film_are_refused(tmp_path: Path) -> None:
    """A library that decodes other pixels than where the film was planned would make a seam."""
    job = _planned(tmp_path)
    first, last = job.plan.parts[0], job.plan.parts[3]
    for number, part in (
        (1, replace(first, digest="0" * 64)),
        (1, replace(first, first="0" * 64)),
        (4, replace(last, frames=3)),
    ):
        parts = list(job.plan.parts)
        parts[number - 1] = part
        other = replace(job, plan=replace(job.plan, parts=tuple(parts)))
        with pytest.raises(UsageError, match=f"other pictures in part {number}"):
            make_parts(other, number, number)
        assert other.record(number) is None


def test_a_film_that_cannot_be_read_from_its_midst_is_read_from_its_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some files have key frames after which other pictures are decoded than in one go."""
    job = _planned(tmp_path)
    make_parts(job, 3, 3)
    whole = packets_of(job, 3).read_bytes()
    (folder_of(job) / "part-0003.json").unlink()
    skip_to, skipped = VideoReader.skip_to, []

    def skip_wrongly(self: VideoReader, pts: int) -> None:
        skipped.append(pts)
        skip_to(self, pts)
        self.read()

    monkeypatch.setattr(VideoReader, "skip_to", skip_wrongly)
    make_parts(job, 3, 3)
    assert skipped == [job.plan.parts[2].pts]
    assert packets_of(job, 3).read_bytes() == whole


def test_parts_of_another_plan_and_changed_ones_are_refused(tmp_path: Path) -> None:
    job, other = _planned(tmp_path), _planned(tmp_path, "mapped", "other")
    make_parts(job, 1, 4)
    packets = packets_of(job, 2)
    content = packets.read_bytes()
    for changed in (content[:-1], content[:-40] + b"x" + content[-39:]):
        packets.write_bytes(changed)
        with pytest.raises(UnreadableMedia, match=r"damaged|has changed"):
            _joined(job, tmp_path)
    packets.write_bytes(content)
    (folder_of(other) / "part-0001.json").write_bytes((folder_of(job) / "part-0001.json").read_bytes())
    with pytest.raises(UsageError, match="another plan"):
        other.missing()
    (folder_of(job) / "part-0002.json").write_text("{}")
    with pytest.raises(UsageError, match="damaged"):
        job.missing()
    assert not (tmp_path / "out.mp4").exists()
    (folder_of(job) / "part-0002.json").unlink()
    state = state_of(job, 1)
    state.write_bytes(state.read_bytes()[:-1] + b"x")
    with pytest.raises(UnreadableMedia, match="has changed since"):
        make_parts(job, 2, 2)


def test_plans_of_another_version_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    job = _planned(tmp_path)
    path = folder_of(job) / "plan.json"
    whole = json.loads(path.read_bytes())
    for changed, words in (
        ({**whole, "mien": "9.9"}, "made by mien 9.9"),
        ({**whole, "version": 2}, "cannot be used"),
        ({**whole, "parts": []}, "not in order"),
        ({**whole, "settings": {"strange": 1}}, "unknown setting"),
        ({key: each for key, each in whole.items() if key != "film"}, "damaged"),
    ):
        path.write_text(json.dumps(changed))
        with pytest.raises(UsageError, match=words):
            open_job(folder_of(job))
    with pytest.raises(UsageError, match="cannot be read"):
        open_job(tmp_path / "none")
    (folder_of(job) / "cast.state").write_bytes(b"other")
    with pytest.raises(UsageError, match="has changed since the film was planned"):
        make_parts(job, 1, 1)


def test_a_machine_with_another_model_is_refused(tmp_path: Path) -> None:
    job = _planned(tmp_path)
    other = replace(job, plan=replace(job.plan, models={**job.plan.models, "yunet": "0" * 64}))
    with pytest.raises(ModelMismatch, match="yunet"):
        make_parts(other, 1, 1)
    missing = replace(job, plan=replace(job.plan, settings=Settings(enhancer="gfpgan_1.4")))
    with pytest.raises(MienError) as error:
        make_parts(missing, 1, 1)
    assert error.value.exit_code == 7


def test_the_join_asks_for_the_consent_of_this_machine(tmp_path: Path) -> None:
    film = short_film(tmp_path / "film.mp4", ((COLLINS, 0.5),))
    job = plan_film(swap_of(film), tmp_path / "out.mp4", tmp_path / "job")
    make_parts(job, 1, 1)
    notary = Unsealing()
    for found in (None, replace(CONSENT, id="99999999")):
        notary.consents.found = found
        with pytest.raises(UsageError, match="consent"):
            join_parts(job, notary.notary, OutputFile(tmp_path / "out.mp4", overwrite=False))
    with pytest.raises(UsageError, match=r"planned as a \.mp4"):
        join_parts(job, notary.notary, OutputFile(tmp_path / "out.mkv", overwrite=False))
    assert not (tmp_path / "out.mp4").exists()
    assert job.missing() == ()


def test_a_film_without_a_face_is_an_error(tmp_path: Path) -> None:
    film = make(tmp_path / "film.mp4", Clip(frames=20))
    job = plan_film(swap_of(film), tmp_path / "out.mp4", tmp_path / "job")
    with pytest.raises(NoFaceFound):
        run_parts(folder_of(job), Unsealing().notary, OutputFile(tmp_path / "out.mp4", overwrite=False))
    assert not (tmp_path / "out.mp4").exists()


def test_limits_of_the_plan_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = _planned(tmp_path)
    monkeypatch.setattr(film_plan, "LIMITS", replace(film_plan.LIMITS, plan_bytes=10))
    with pytest.raises(UsageError, match="larger than"):
        open_job(folder_of(job))
    assert PARTS.least_s < PARTS.most_s
