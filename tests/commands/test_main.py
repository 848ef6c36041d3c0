"""The command line: every bad input gives one clear line, the right exit code, and leaves nothing behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.commands.main import main
from tests.support.clips import repeated
from tests.support.places import EXAMPLES
from tests.support.portraits import COLLINS, HOPPER

CLIP = EXAMPLES / "clip.mp4"


def _left_in(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def _swap(*arguments: object) -> int:
    return main(["swap", *(str(argument) for argument in arguments), "--consent", "public-domain", "--quiet"])


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """Return a folder for inputs, so that files left beside the output are noticed."""
    folder = tmp_path / "inputs"
    folder.mkdir()
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder / "result.png"


def test_a_picture_is_swapped(out: Path) -> None:
    assert _swap(COLLINS, HOPPER, "-o", out) == 0
    assert _left_in(out.parent) == {out.name}
    result, target = cv2.imread(str(out)), cv2.imread(str(HOPPER))
    assert result is not None
    assert target is not None
    assert result.shape == target.shape
    assert b"altered by mien" in out.read_bytes()


@pytest.mark.parametrize(
    "name", ["with space.png", 'it\'s "quoted".png', "käse-顔-лицо.png", "-dash.png", "a%20b&c;d.png", "concat:x.png"]
)
def test_names_that_shells_and_libraries_trip_over(tmp_path: Path, name: str) -> None:
    target = tmp_path / f"in {name}"
    shutil.copy(HOPPER, target)
    out = tmp_path / name
    assert _swap(COLLINS, target, "-o", out) == 0
    assert out.stat().st_size > 0


def test_a_video_with_an_odd_name(tmp_path: Path) -> None:
    target, out = tmp_path / 'it\'s a "clip" – ü.mp4', tmp_path / "out 'ü'.mp4"
    shutil.copy(CLIP, target)
    assert _swap(COLLINS, target, "-o", out, "--end", "0.2") == 0
    assert out.stat().st_size > 0


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("missing", None),
        ("empty", b""),
        ("text", b"This is not a picture at all, only words." * 50),
        ("half a jpeg", HOPPER.read_bytes()[:20_000]),
        ("half a video", CLIP.read_bytes()[:40_000]),
        ("noise", bytes(np.random.default_rng(0).integers(0, 256, 9999, np.uint8))),
        ("playlist", b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n"),
        ("concat script", b"ffconcat version 1.0\nfile '/etc/passwd'\n"),
    ],
)
def test_targets_that_cannot_be_read(
    inputs: Path, out: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes | None
) -> None:
    target = inputs / name
    if content is not None:
        target.write_bytes(content)
    output = out.with_suffix(".jpg" if "jpeg" in name else ".mp4")
    assert _swap(COLLINS, target, "-o", output) == 4
    said = capsys.readouterr().err
    assert said.startswith("mien: ")
    assert str(target) in said.replace("\n", "")
    assert _left_in(out.parent) == set()


@pytest.mark.parametrize("what", ["photo", "target"])
def test_a_folder_instead_of_a_file(tmp_path: Path, out: Path, what: str) -> None:
    photo, target = (tmp_path, HOPPER) if what == "photo" else (COLLINS, tmp_path)
    assert _swap(photo, target, "-o", out) == 4


def test_a_wrongly_named_picture_is_recognised(inputs: Path, out: Path) -> None:
    target = inputs / "really_a_jpeg.png"
    shutil.copy(HOPPER, target)
    assert _swap(COLLINS, target, "-o", out) == 0


def test_a_wrongly_named_video_is_recognised(inputs: Path, out: Path) -> None:
    target = inputs / "really_a_video.jpg"
    shutil.copy(CLIP, target)
    assert _swap(COLLINS, target, "-o", out.with_suffix(".mp4"), "--end", "0.1") == 0


@pytest.mark.parametrize("link", [False, True])
def test_the_output_is_an_input(inputs: Path, link: bool) -> None:
    target = inputs / "target.jpg"
    shutil.copy(HOPPER, target)
    before = target.read_bytes()
    out = inputs / "same.jpg"
    if link:
        os.link(target, out)
    assert _swap(COLLINS, target, "-o", out if link else target, "--overwrite") == 2
    assert target.read_bytes() == before


def test_an_existing_output_is_not_replaced_unasked(out: Path) -> None:
    out.write_bytes(b"precious")
    assert _swap(COLLINS, HOPPER, "-o", out) == 5
    assert out.read_bytes() == b"precious"
    assert _swap(COLLINS, HOPPER, "-o", out, "--overwrite") == 0
    assert out.read_bytes() != b"precious"


@pytest.mark.parametrize(
    ("place", "code"), [("missing/folder/out.png", 5), ("out.xyz", 2), ("out", 2), (f"{'n' * 300}.png", 5)]
)
def test_outputs_that_cannot_be(tmp_path: Path, place: str, code: int) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    assert _swap(COLLINS, HOPPER, "-o", folder / place) == code
    assert _left_in(folder) == set()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    assert _swap(COLLINS, HOPPER, "-o", folder / "out.png") == 5


@pytest.mark.posix
@pytest.mark.parametrize("suffix", [".png", ".mp4"])
def test_no_space(tmp_path: Path, suffix: str) -> None:
    """A limit on the file size simulates a full disk: the same call fails with the same error."""
    target = HOPPER if suffix == ".png" else CLIP
    out = tmp_path / "out"
    out.mkdir()
    command = [
        sys.executable,
        "-m",
        "mien.commands.main",
        "swap",
        "--consent",
        "public-domain",
        str(COLLINS),
        str(target),
        "-o",
        str(out / f"o{suffix}"),
        "--quiet",
        "--data",
        str(tmp_path / "data"),
    ]
    code = (
        "import resource,signal,subprocess,sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (90000, 90000))\n"
        "from mien.commands.main import main\n"
        f"sys.exit(main({command[3:]!r}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 5, done.stderr
    assert "cannot write" in done.stderr
    assert _left_in(out) == set()


def test_a_video_without_a_face(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import av

    target, out = tmp_path / "sea.mp4", tmp_path / "out.mp4"
    draw = np.random.default_rng(0)
    with av.open(str(target), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for _ in range(5):
            picture = draw.integers(0, 255, (120, 160, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    assert _swap(COLLINS, target, "-o", out) == 6
    assert "no face was found" in capsys.readouterr().err
    assert not out.exists()


def test_a_picture_without_a_face(tmp_path: Path, out: Path) -> None:
    target = tmp_path / "sea.png"
    cv2.imwrite(str(target), np.zeros((100, 100, 3), np.uint8))
    assert _swap(COLLINS, target, "-o", out) == 6
    assert _left_in(out.parent) == set()


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (["--opacity", "2"], 2),
        (["--opacity", "much"], 2),
        (["--badge-corner", "middle"], 2),
        (["--start", "1"], 2),
        (["--config", "/nowhere.toml"], 2),
        (["--max-pixels", "5000"], 4),
        (["--max-bytes", "2000"], 4),
        (["--source-face", "7"], 2),
    ],
)
def test_invalid_requests(out: Path, flags: list[str], code: int) -> None:
    assert _swap(COLLINS, HOPPER, "-o", out, *flags) == code
    assert _left_in(out.parent) == set()


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (["--start", "3", "--end", "2"], 2),
        (["--start", "90"], 2),
        (["--start", "x"], 2),
        (["--codec", "vp9", "-o", "X.avi"], 2),
        (["--codec", "h264", "-o", "X.webm"], 2),
    ],
)
def test_invalid_video_requests(tmp_path: Path, flags: list[str], code: int) -> None:
    flags = [str(tmp_path / flag) if flag.startswith("X.") else flag for flag in flags]
    where = [] if "-o" in flags else ["-o", str(tmp_path / "out.mp4")]
    assert _swap(COLLINS, CLIP, *where, *flags) == code
    assert _left_in(tmp_path) == set()


def test_a_codec_that_the_container_cannot_hold_is_refused_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _swap(COLLINS, CLIP, "-o", tmp_path / "out.webm", "--codec", "h264") == 2
    assert ".mkv" in capsys.readouterr().err
    assert _left_in(tmp_path) == set()


def test_settings_file_and_flags(tmp_path: Path, out: Path) -> None:
    config = tmp_path / "mien.toml"
    config.write_text('[face]\nopacity = 0.0\n\n[label]\nbadge_corner = "top-left"\n')
    assert _swap(COLLINS, HOPPER, "-o", out, "--config", config) == 0
    result, target = (cv2.imread(str(path)) for path in (out, HOPPER))
    assert result is not None
    assert target is not None
    # The mark, which is everywhere, changes a value by a few levels only.
    changed = np.argwhere((cv2.absdiff(result, target) > 5).any(axis=2))
    assert changed.max(0)[0] < 120
    assert changed.max(0)[1] < 120


@pytest.mark.parametrize("target", [HOPPER, CLIP])
def test_dry_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str], target: Path) -> None:
    assert _swap(COLLINS, target, "-o", tmp_path / f"out{target.suffix}", "--dry-run") == 0
    assert "would swap" in capsys.readouterr().err
    assert _left_in(tmp_path) == set()


def test_a_further_photo_must_show_the_same_person(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    also = _swap(COLLINS, HOPPER, "-o", tmp_path / "out.png", "--dry-run", "--also", COLLINS)
    stranger = _swap(COLLINS, HOPPER, "-o", tmp_path / "out.png", "--dry-run", "--also", HOPPER)
    assert (also, stranger) == (0, 3)
    assert f"{HOPPER}: the photo shows another person" in capsys.readouterr().err
    assert _left_in(tmp_path) == set()


def test_several_faces_in_the_photo(tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    group, numbered = tmp_path / "group.png", tmp_path / "numbered.png"
    left, right = (cv2.imread(str(path)) for path in (COLLINS, HOPPER))
    assert left is not None
    assert right is not None
    cv2.imwrite(str(group), np.hstack([left, right[:512]]))
    assert _swap(group, HOPPER, "-o", out, "--number-faces", numbered) == 3
    assert "--source-face" in capsys.readouterr().err
    assert numbered.exists()
    assert _swap(group, HOPPER, "-o", out, "--source-face", "1") == 0


@pytest.mark.posix
@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_leaves_nothing(tmp_path: Path, lasting_clip: Path, signal_number: signal.Signals) -> None:
    long_clip, folder = tmp_path / "long.mkv", tmp_path / "out"
    folder.mkdir()
    repeated(lasting_clip, long_clip, 12)
    command = [sys.executable, "-m", "mien.commands.main", "swap", str(COLLINS), str(long_clip), "-o", str(folder / "out.mp4")]
    command += ["--consent", "public-domain"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not _left_in(folder) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(signal_number)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130, said
    assert "nothing was written" in said
    assert "Traceback" not in said
    assert _left_in(folder) == set()


@pytest.mark.parametrize("command", ["doctor", "models", "settings"])
def test_reports_for_people_and_programs(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 3
    assert main([command, "--json"]) == 0
    assert isinstance(json.loads(capsys.readouterr().out), list)


def test_all_models_are_listed_in_80_columns_without_breaking_a_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["models", "--all"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    words = " ".join(lines).split()
    for word in ("inswapper_128_fp16_deeplivecam", "non-commercial", "BSD-2-Clause", "ResearchRAIL", "installed", "--trust)"):
        assert word in words


def test_a_damaged_model_is_refused(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from mien.models.library import store

    weights = Path(store.__file__).parent.parent / "weights"
    shutil.copytree(weights, tmp_path / "weights")
    damaged = tmp_path / "weights" / "face_mesh_478.onnx"
    content = bytearray(damaged.read_bytes())
    content[1000] ^= 1
    damaged.write_bytes(bytes(content))
    original = store.Store.__init__
    monkeypatch.setattr(store.Store, "__init__", lambda self, folder=None: original(self, tmp_path / "weights"))
    assert _swap(COLLINS, HOPPER, "-o", out) == 7
    assert "sha256" in capsys.readouterr().err
    assert main(["models"]) == 7
    assert main(["doctor"]) == 1


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    for flag in ("--version", "--help"):
        with pytest.raises(SystemExit) as ended:
            main([flag])
        assert ended.value.code == 0
    assert "exit codes" in capsys.readouterr().out
