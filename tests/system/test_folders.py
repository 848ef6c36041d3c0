"""Where mien keeps things when the system does not know where this user's home is."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import platformdirs
import pytest

from mien.commands.findings import examine
from mien.commands.main import main
from mien.errors import ProvenanceError
from mien.imaging import kernels
from mien.models.library.store import Store
from mien.system import folders
from tests.support.portraits import COLLINS, HOPPER


@pytest.fixture
def homeless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without a home, in a current folder that is watched: what platformdirs and os.path answer then."""

    def unknown(*arguments: object, **options: object) -> str:
        raise RuntimeError("could not determine the home directory")

    for name in (folders.DATA_VARIABLE, folders.MODELS_VARIABLE, "HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(platformdirs, "user_data_dir", unknown)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_a_home_the_remedy_names_the_variable(homeless: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["swap", str(COLLINS), str(HOPPER), "-o", "out.png", "--consent", "public-domain"]) == 8
    said = capsys.readouterr().err
    assert "MIEN_DATA" in said
    assert "Traceback" not in said
    assert list(homeless.iterdir()) == []


def test_without_a_home_a_named_folder_is_enough(homeless: Path) -> None:
    arguments = ["swap", str(COLLINS), str(HOPPER), "-o", "out.png", "--consent", "public-domain", "--quiet"]
    assert main([*arguments, "--data", "data"]) == 0
    assert sorted(path.name for path in homeless.iterdir()) == ["data", "out.png"]


@pytest.mark.parametrize("command", ["swap", "verify", "consent", "certificate"])
def test_a_data_folder_behind_one_that_may_not_be_entered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """As `docker run --user 12345` has it with HOME=/root. The superuser may enter everything, so the refusal is made here."""
    data, real = tmp_path / "data", Path.stat

    def stat(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if path.is_relative_to(data):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, follow_symlinks=follow_symlinks)

    monkeypatch.setenv(folders.DATA_VARIABLE, str(data))
    monkeypatch.setattr(Path, "stat", stat)
    files = {"swap": [str(COLLINS), str(HOPPER), "-o", str(tmp_path / "o.png")], "verify": [str(HOPPER)]}.get(command, [])
    assert main([command, *files]) == 8
    said = capsys.readouterr().err
    assert "may not be entered" in said
    assert "MIEN_DATA" in said


def test_the_doctor_reports_a_missing_home(homeless: Path) -> None:
    (finding,) = [each for each in examine(Store()) if each.topic == "trust"]
    assert not finding.fine
    assert "MIEN_DATA" in finding.state


def test_a_relative_xdg_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(folders.DATA_VARIABLE)
    monkeypatch.setattr(platformdirs, "user_data_dir", lambda *_, **__: "share/mien")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProvenanceError, match="XDG"):
        folders.data_folder()


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="there the system always has a folder for caches")
@pytest.mark.parametrize(("named", "known"), [(None, False), ("", False), ("cache", False), ("/var/cache", True)])
def test_whether_there_is_a_cache_folder(
    homeless: Path, monkeypatch: pytest.MonkeyPatch, named: str | None, known: bool
) -> None:
    if named is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", named)
    assert folders.has_cache_folder() is known


def test_kernels_make_no_cache_in_the_current_folder(homeless: Path) -> None:
    def double(values: "list[int]") -> None:
        values[0] *= 2

    compiled = kernels.Kernel(double).compiled()
    assert compiled._cache.cache_path is None
    assert list(homeless.iterdir()) == []


def test_a_deleted_current_folder(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    code = "import os, sys; os.rmdir(os.getcwd()); from mien.commands.main import main; sys.exit(main(['models']))"
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=gone, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("mien: the current folder")
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(
    sys.platform == "win32" or shutil.which("setpriv") is None or os.geteuid() != 0, reason="needs root and setpriv"
)
def test_a_user_id_without_an_entry() -> None:
    drop = [
        "setpriv",
        "--reuid=12345",
        "--regid=12345",
        "--clear-groups",
        sys.executable,
        "-m",
        "mien.commands.main",
        "certificate",
    ]
    # A folder of pytest's own may be entered by its maker only.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        done = subprocess.run(drop, cwd=folder, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False)
        if done.returncode == 127:
            pytest.skip("NOT TESTED: another user cannot read this Python")
        assert done.returncode == 8, done.stderr
        assert "MIEN_DATA" in done.stderr
        assert list(Path(folder).iterdir()) == []
