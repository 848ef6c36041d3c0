"""Fast ways of computing against slow ones, and what follows when they differ."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from mien.assembly import machine_check
from mien.assembly.machine_check import Comparison, check_once, compare_kernels, compare_networks, compare_with_reference
from mien.commands import findings, preparation
from mien.commands.main import main
from mien.errors import MienError
from mien.models.library.store import Store
from mien.models.networks.detectors.candidates import Candidates
from mien.models.networks.detectors.yunet_blocks import YuNetBlocks
from mien.models.networks.vectors import computes_blocks
from mien.models.runtime.onnx_session import OnnxSession
from mien.system.machine_record import FILE, MachineRecord, read_record, write_record
from mien.system.programs import environment
from mien.types import Array, Image


def test_the_networks_are_right_here() -> None:
    compared = compare_networks(Store())
    assert compared.fine, compared.words


def test_a_wrong_network_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_check, "NETWORKS", ("finish",))
    run = OnnxSession.run

    def spoilt(session: OnnxSession, inputs: Mapping[str, Array]) -> dict[str, Array]:
        outputs = run(session, inputs)
        return outputs if session._plain else {name: values * np.float32(1.01) for name, values in outputs.items()}

    monkeypatch.setattr(OnnxSession, "run", spoilt)
    assert not compare_networks(Store()).fine
    monkeypatch.setattr(OnnxSession, "run", lambda *_: {"output": np.array([np.nan], np.float32)})
    assert not compare_networks(Store()).fine
    monkeypatch.setattr(machine_check, "NETWORKS", ("finish", "hand_224"))
    # No number of the slow way, of the first network alone.
    values = iter((0.0, np.nan, 0.0, 0.0))
    monkeypatch.setattr(OnnxSession, "run", lambda *_: {"output": np.array([next(values)], np.float32)})
    assert not compare_networks(Store()).fine


@pytest.mark.skipif(not computes_blocks(), reason="NOT TESTED here: networks are not computed by kernels")
@pytest.mark.parametrize("spoilt", ["score", "box", "count"])
def test_a_detector_of_wrong_kernels_is_found(monkeypatch: pytest.MonkeyPatch, spoilt: str) -> None:
    monkeypatch.setattr(machine_check, "NETWORKS", ("yunet",))
    propose = YuNetBlocks.propose

    def wrong(blocks: YuNetBlocks, canvas: Image, min_score: float) -> Candidates:
        found = propose(blocks, canvas, min_score)
        (found.scores if spoilt == "score" else found.boxes_xyxy)[:] *= np.float32(1.01)
        return Candidates(found.boxes_xyxy[1:], found.points[1:], found.scores[1:]) if spoilt == "count" else found

    monkeypatch.setattr(YuNetBlocks, "propose", wrong)
    assert not compare_networks(Store()).fine


@pytest.mark.parametrize(
    ("off", "pixels", "fine"),
    [(0, 0, True), (1, 9216, False), (6, 30, True), (9, 1, True), (9, 10, True), (9, 11, False), (100, 400, False)],
)
def test_wrong_kernels_are_found(off: int, pixels: int, fine: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    frames: Image = np.full((1, 96, 96, 3), 100, np.uint8)
    code = "import sys, numpy; numpy.save(sys.argv[1], numpy.full((1, 96, 96, 3), 100, numpy.uint8))"
    monkeypatch.setattr(machine_check, "python_module", lambda _, file: [sys.executable, "-P", "-c", code, file])
    spoilt = frames.copy()
    spoilt.reshape(-1, 3)[:pixels] += np.uint8(off)
    assert compare_kernels(spoilt).fine is fine


def test_kernels_that_were_wrong_before_are_tried_again_and_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    asked: list[bool] = []

    def elsewhere(*, plain: bool) -> Image:
        asked.append(plain)
        return np.full((1, 8, 8, 3), 100 if plain else 120, np.uint8)

    monkeypatch.setattr("mien.imaging.kernels.FAST", False)
    monkeypatch.setattr(machine_check, "_swapped_elsewhere", elsewhere)
    monkeypatch.setattr(machine_check, "swapped_frames", lambda: elsewhere(plain=True))
    assert not compare_kernels().fine
    assert sorted(asked) == [False, True]


def test_the_reference_shows_what_is_drawn_here() -> None:
    compared = compare_with_reference()
    assert compared.fine, f"{compared.words}: if this is meant, write the reference again (CONTRIBUTING.md)"


class Comparing:
    """Comparisons with set results, and a note of which were asked for."""

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path) -> None:
        self.wrong: set[str] = set()
        self.asked: list[str] = []
        patch.setenv("NUMBA_CACHE_DIR", str(folder))
        patch.setattr(machine_check, "compare_networks", lambda _: self._result("networks"))
        patch.setattr(machine_check, "compare_with_reference", lambda: self._result("reference"))
        patch.setattr(machine_check, "compare_kernels", lambda: self._result("kernels"))

    def _result(self, name: str) -> Comparison:
        self.asked.append(name)
        return Comparison(name not in self.wrong, f"{name} said")


@pytest.fixture
def comparing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Comparing:
    return Comparing(monkeypatch, tmp_path / "kernels")


def test_a_machine_is_looked_at_once(comparing: Comparing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_once(Store())
    check_once(Store())
    assert comparing.asked == ["networks", "reference"]
    record = read_record(tmp_path / "kernels")
    assert record == MachineRecord(checked=True)
    row = json.loads((tmp_path / "kernels" / FILE).read_text())
    (tmp_path / "kernels" / FILE).write_text(json.dumps({**row, "software": "mien 0"}))
    check_once(Store())
    assert comparing.asked == ["networks", "reference"] * 2, "another version computes otherwise"
    monkeypatch.setattr("mien.imaging.kernels.FAST", False)
    (tmp_path / "kernels" / FILE).unlink()
    check_once(Store())
    assert len(comparing.asked) == 4, "the slow way needs no check"


def test_a_frame_unlike_the_reference_is_judged_by_slow_kernels(comparing: Comparing, tmp_path: Path) -> None:
    comparing.wrong = {"reference"}
    check_once(Store())
    assert comparing.asked == ["networks", "reference", "kernels"]
    assert read_record(tmp_path / "kernels") == MachineRecord(checked=True)


@pytest.mark.parametrize("wrong", ["kernels", "networks"])
def test_wrong_numbers_end_the_command_before_it_draws(
    comparing: Comparing, wrong: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    comparing.wrong = {"reference", wrong}
    assert main(["swap", "a.png", "b.png", "-o", str(tmp_path / "o.png")]) == 1
    said = capsys.readouterr().err
    assert f"{wrong} said" in said
    assert "run the same command again" in said
    assert read_record(tmp_path / "kernels") == MachineRecord(wrong != "kernels", wrong != "networks", checked=True)


def test_where_nothing_can_be_kept_each_start_looks(comparing: Comparing, tmp_path: Path) -> None:
    (tmp_path / "kernels").write_text("a file")
    for _ in range(2):
        check_once(Store())
    assert len(comparing.asked) == 4
    comparing.wrong = {"networks"}
    with pytest.raises(MienError) as raised:
        check_once(Store())
    assert "XDG_CACHE_HOME" in raised.value.remedy


@pytest.mark.parametrize(("kernels", "networks", "code"), [(True, True, 0), (False, True, 1), (True, False, 1)])
def test_the_result_is_kept(
    kernels: bool,
    networks: bool,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(preparation, "compare_kernels", lambda: Comparison(kernels, "words"))
    monkeypatch.setattr(preparation, "compare_networks", lambda _: Comparison(networks, "words"))
    assert main(["doctor", "--check"]) == code
    assert read_record(tmp_path) == MachineRecord(kernels, networks, checked=True)
    state = findings.fast_ways(read_record(tmp_path)).state
    assert ("wrong numbers" in state) is (code == 1)
    with OnnxSession("yunet", Store().read("yunet")) as session:
        assert session._plain is not networks


def test_kernels_that_were_wrong_are_compiled_without_what_this_processor_has(tmp_path: Path) -> None:
    write_record(tmp_path, MachineRecord(kernels=False))
    code = (
        "from mien.imaging import kernels; from mien.imaging.compiler import numba; import numpy as np\n"
        "def add(values):\n    values[0] += 1\n"
        "options = kernels.kernel_part(add).compiled().targetoptions\n"
        "print(numba.core.registry.cpu_target.target_context.codegen().magic_tuple()[1:], options['fastmath'])"
    )
    settings = {**environment(), "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-P", "-c", code], env=settings, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "('generic', '') False"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "garbage",
        "[]",
        pytest.param("[" * 100_000, id="deep"),
        '{"kernels": false}',
        '{"processor": "another", "kernels": false}',
    ],
)
def test_a_record_of_another_processor_or_a_damaged_one_counts_as_none(content: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(content)
    assert read_record(tmp_path) == MachineRecord()
    assert read_record(None) == MachineRecord()


def test_a_record_that_cannot_be_written_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_record(tmp_path, MachineRecord(kernels=False, checked=True))

    def full(path: Path, text: str, encoding: str) -> int:
        with path.open("w", encoding=encoding) as file:
            file.write(text[:5])
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="no space"):
        write_record(tmp_path, MachineRecord(checked=True))
    assert read_record(tmp_path) == MachineRecord(kernels=False, checked=True)
    assert [each.name for each in tmp_path.iterdir()] == [FILE]


def test_slow_kernels_that_do_not_run_are_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(machine_check, "python_module", lambda *_: [sys.executable, "-c", "raise SystemExit('no compiler')"])
    monkeypatch.setattr(preparation, "compare_networks", lambda _: Comparison(True, "words"))
    monkeypatch.setattr(machine_check, "swapped_frames", lambda: np.zeros((1, 8, 8, 3), np.uint8))
    assert main(["doctor", "--check"]) == 1
    assert "no compiler" in capsys.readouterr().err
    assert os.environ.get("MIEN_PLAIN_KERNELS") is None
