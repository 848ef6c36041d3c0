"""Fast ways of computing against slow ones, and what follows when they differ."""

import errno
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from mien.assembly import machine_check
from mien.assembly.machine_check import Comparison, compare_kernels, compare_networks
from mien.commands import findings, preparation
from mien.commands.main import main
from mien.models.library.store import Store
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


@pytest.mark.parametrize(("off", "fine"), [(0, True), (1, True), (9, False)])
def test_wrong_kernels_are_found(off: int, fine: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    frames: Image = np.full((1, 8, 8, 3), 100, np.uint8)
    code = "import sys, numpy; numpy.save(sys.argv[1], numpy.full((1, 8, 8, 3), 100, numpy.uint8))"
    monkeypatch.setattr(machine_check, "python_module", lambda _, file: [sys.executable, "-P", "-c", code, file])
    spoilt = frames.copy()
    spoilt[0, 0, 0, 0] += off
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
        "options = kernels.kernel_part(add).targetoptions\n"
        "print(numba.core.registry.cpu_target.target_context.codegen().magic_tuple()[1:], options['fastmath'])"
    )
    settings = {**environment(), "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-P", "-c", code], env=settings, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "('generic', '') False"


@pytest.mark.parametrize("content", ["", "garbage", "[]", '{"kernels": false}', '{"processor": "another", "kernels": false}'])
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
