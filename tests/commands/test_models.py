"""`mien models` from the command line: lists, and models pulled from an https server or imported."""

import functools
import hashlib
import http.server
import io
import json
import shutil
import ssl
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from mien.commands.findings import examine
from mien.commands.main import main
from mien.commands.models_pull import pull_models
from mien.commands.models_verify import check_models
from mien.errors import MienError, UsageError
from mien.models.library import inventory
from mien.models.library.download import MIRROR_VARIABLE
from mien.models.library.store import ModelEntry, Store
from mien.studio.server.certificate import own_certificate
from mien.system.folders import MODELS_VARIABLE
from tests.support.standins import install, make_small

ID = "crossface_made"
FILE = f"{ID}.onnx"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a converter of a few bytes that opens and fits its family."""
    path = tmp_path_factory.mktemp("served") / FILE
    make_small("crossface", path)
    return path


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    monkeypatch.setenv(MODELS_VARIABLE, str(folder))
    return folder


@pytest.fixture
def known(model: Path, installed: Path, monkeypatch: pytest.MonkeyPatch) -> ModelEntry:
    """Add a row for the model to the catalogue."""
    content = model.read_bytes()
    entry = ModelEntry(
        id=ID, role="converter", family="crossface", file=FILE, bundled=False, bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(), licence="A-Licence-1.0", terms="Only on Sundays.", credit="Nobody",
        origin="made for a test", feed="an embedding",
    )  # fmt: skip
    original = Store.__init__

    def with_entry(self: Store, folder: Path | None = None, installed: Path | None = None) -> None:
        original(self, folder, installed)
        self._entries[ID] = entry

    monkeypatch.setattr(Store, "__init__", with_entry)
    return entry


@pytest.fixture
def mirror(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the address of a local server with a trusted certificate."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

        def log_error(self, *arguments: object) -> None:
            pass

    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    certificate, key = own_certificate(tmp_path, ())
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    handler = functools.partial(Quiet, directory=str(model.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"https://localhost:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def _put(entry: ModelEntry, model: Path, installed: Path) -> Path:
    installed.mkdir(exist_ok=True)
    return Path(shutil.copy(model, installed / entry.file))


def test_the_list_shows_what_is_here_and_says_that_there_is_more(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    others = sum(not entry.bundled for entry in Store().entries())
    assert main(["models"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("embedded") == len(Store().entries()) - others
    assert f"{others} more can be installed" in shown
    assert "hyperswap" not in shown
    assert main(["models", "list"]) == 0
    assert capsys.readouterr().out == shown


def test_all_of_a_role(installed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    assert main(["models", "--all", "--role", "segmenter"]) == 0
    shown = capsys.readouterr().out
    assert "xseg_1" in shown
    assert "not installed (pull)" in shown
    assert "yunet" not in shown
    assert main(["models", "list", "--all", "--role", "segmenter"]) == 0
    assert capsys.readouterr().out == shown
    assert main(["models", "--role", "painter"]) == 2
    assert "swapper" in capsys.readouterr().err


def test_programs_get_all_that_is_known(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for order in (["models", "--all", "--json"], ["models", "list", "--all", "--json"]):
        assert main(order) == 0
        rows = {row["id"]: row for row in json.loads(capsys.readouterr().out)}
        assert len(rows) == len(Store().entries())
        assert (rows["yunet"]["state"], rows["yunet"]["way"]) == ("embedded", "")
        assert (rows["ghost_1_256"]["state"], rows["ghost_1_256"]["way"]) == ("not installed", "import --trust")
        assert rows["xseg_1"]["path"] == str(installed / "xseg_1.onnx")


def test_info_tells_licence_origin_and_what_else_is_needed(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "info", "ghost_1_256"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    entry = Store().entry("ghost_1_256")
    for words in (entry.terms, entry.origin, "not published", "w600k_r50 or arcface_w600k_r50 and crossface_ghost"):
        assert words in told
    assert main(["models", "info", "xseg_1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["family"] == "xseg"
    assert main(["models", "info", "nobody"]) != 0
    assert "nobody" in capsys.readouterr().err


def test_a_model_comes_from_a_mirror(
    known: ModelEntry, mirror: str, installed: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "pull", ID, "--accept-licence", "--mirror", mirror]) == 0
    told = capsys.readouterr()
    assert told.out.strip() == str(installed / FILE)
    assert "A-Licence-1.0" in told.err
    assert "Only on Sundays." in told.err
    assert "made for a test" in told.err
    assert (installed / FILE).read_bytes() == model.read_bytes()
    assert main(["models", "verify", ID]) == 0
    assert f"ok {ID}" in capsys.readouterr().out
    assert main(["models"]) == 0
    assert "installed" in next(line for line in capsys.readouterr().out.splitlines() if ID in line)


def test_the_environment_may_name_the_mirror(
    known: ModelEntry, mirror: str, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MIRROR_VARIABLE, mirror)
    assert main(["models", "pull", ID, "--accept-licence"]) == 0
    assert (installed / FILE).is_file()


def test_a_certificate_that_nobody_trusts(
    known: ModelEntry, mirror: str, installed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    assert main(["models", "pull", ID, "--accept-licence", "--mirror", mirror]) == 7
    told = capsys.readouterr().err
    assert "certificate is not trusted" in told
    assert "mien models import" in told


@pytest.mark.parametrize(
    ("order", "code", "said"),
    [
        (["pull", ID], 2, "--accept-licence"),
        (["pull", ID, "--accept-licence"], 7, "no address of its own"),
        (["pull", ID, "--accept-licence", "--mirror", "http://mirror.example"], 2, "not an https address"),
        (["pull", "ghost_1_256", "--accept-licence"], 7, "no sha256 is published"),
        (["pull", "w600k_r50", "--accept-licence"], 7, "buffalo_l"),
        (["pull", "yunet", "--accept-licence"], 7, "ships with mien"),
    ],
)
def test_what_is_not_pulled(
    known: ModelEntry, mirror: str, installed: Path, order: list[str], code: int, said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    if "--accept-licence" not in order:
        order = [*order, "--mirror", mirror]
    assert main(["models", *order]) == code
    told = capsys.readouterr()
    assert said in told.err
    assert not told.out
    assert not installed.exists()


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 2), ("", 2)])
def test_a_terminal_is_asked(
    known: ModelEntry, mirror: str, installed: Path, answer: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal(f"{answer}\n"))
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert main(["models", "pull", ID, "--mirror", mirror]) == code
    assert (installed / FILE).is_file() == (code == 0)


def test_all_licences_are_agreed_to_before_the_first_byte(known: ModelEntry, mirror: str, installed: Path) -> None:
    asked: list[str] = []

    def agree(entry: ModelEntry) -> bool:
        asked.append(entry.id)
        return entry.id == ID

    with pytest.raises(UsageError, match="not accepted"):
        pull_models([ID, ID, "xseg_1"], Store(), agree, Console(stderr=True), mirror)
    assert asked == [ID, "xseg_1"]
    assert not installed.exists()


def test_a_cut_file_shows_in_list_doctor_and_verify(
    known: ModelEntry, model: Path, installed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _put(known, model, installed)
    path.write_bytes(path.read_bytes()[:-5])
    assert main(["models"]) == 7
    assert "damaged" in capsys.readouterr().out
    (finding,) = [each for each in examine(Store()) if each.name == ID]
    assert not finding.fine
    assert main(["models", "verify", ID]) == 7
    assert "bytes, not" in capsys.readouterr().out


def test_a_changed_byte_shows_in_verify_alone(
    known: ModelEntry, model: Path, installed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _put(known, model, installed)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    assert main(["models"]) == 0
    (finding,) = [each for each in examine(Store()) if each.name == ID]
    assert (finding.fine, finding.state) == (True, "installed, size as expected")
    capsys.readouterr()
    assert main(["models", "verify", "--json"]) == 7
    faults = {row["model_id"]: row["fault"] for row in json.loads(capsys.readouterr().out)}
    assert "sha256" in faults.pop(ID)
    assert not any(faults.values())


def test_a_model_of_another_family_does_not_pass(
    known: ModelEntry, model: Path, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _put(known, model, installed)
    object.__setattr__(known, "family", "xseg")
    (checked,) = check_models([ID], Store())
    assert "xseg" in checked.fault or "shape" in checked.fault


def test_doctor_reads_no_installed_model(
    known: ModelEntry, model: Path, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _put(known, model, installed)
    read: list[str] = []
    original = Store.read

    def noted(self: Store, model_id: str) -> bytes:
        read.append(model_id)
        return original(self, model_id)

    monkeypatch.setattr(Store, "read", noted)
    assert ID in {finding.name for finding in examine(Store())}
    assert read
    assert ID not in read


def test_what_is_missing_beside_a_model(known: ModelEntry, installed: Path) -> None:
    store = Store()
    entry = store.entry("simswap_256")
    assert inventory.missing_for(entry, store) == ("w600k_r50 or arcface_w600k_r50", "crossface_simswap")
    installed.mkdir()
    (installed / "arcface_w600k_r50.onnx").touch()
    assert inventory.missing_for(entry, store) == ("crossface_simswap",)
    assert not inventory.missing_for(known, store)


def test_an_unknown_name_is_an_error(installed: Path) -> None:
    with pytest.raises(MienError, match="nobody"):
        list(check_models(["nobody"], Store()))


def test_a_folder_is_taken_over_by_hash_and_removed_again(
    known: ModelEntry, model: Path, installed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "other tool"
    folder.mkdir()
    shutil.copy(model, folder / "renamed.onnx")
    assert main(["models", "import", str(folder)]) == 0
    told = capsys.readouterr()
    assert told.out.startswith(f"{ID}: ")
    assert "A-Licence-1.0: Only on Sundays." in told.err
    assert (installed / FILE).read_bytes() == model.read_bytes()
    assert main(["models", "import", str(folder)]) == 0
    assert "here already" in capsys.readouterr().out
    assert main(["models", "remove", ID]) == 0
    assert not (installed / FILE).exists()
    assert main(["models", "remove", ID]) == 7
    assert main(["models", "remove", "yunet"]) == 2


def test_a_standin_is_never_called_a_model(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    path = tmp_path / "ghost_1_256.onnx"
    make_small("ghost", path)
    assert main(["models", "import", str(path)]) == 7
    assert "--trust" in capsys.readouterr().err
    assert main(["models", "import", str(path), "--trust"]) == 7
    assert "--as" in capsys.readouterr().err
    assert main(["models", "import", str(path), "--trust", "--as", "ghost"]) == 0
    told = capsys.readouterr()
    assert inventory.STANDIN in told.err
    assert "w600k_r50 or arcface_w600k_r50" in told.err
    assert main(["models", "--all"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if "ghost_1_256" in line]
    assert sorted(inventory.STANDIN in row for row in rows) == [False, True]
    assert main(["models", "verify"]) == 0


def test_a_file_of_one_that_nobody_has_published_a_sha256_of_is_trusted_by_its_name(
    installed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    installed.mkdir()
    (installed / "crossface_ghost.onnx").write_bytes(b"laid there by hand")
    assert main(["models", "info", "crossface_ghost"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "not installed (import --trust)" in told
    assert "have not said that you trust it" in told
    assert inventory.missing_for(Store().entry("ghost_1_256"), Store())[-1] == "crossface_ghost"


def test_doctor_says_so_when_the_list_of_trusted_models_is_damaged(installed: Path) -> None:
    installed.mkdir()
    (installed / "trusted.json").write_text("{")
    (finding,) = [each for each in examine(Store()) if each.topic == "model"]
    assert not finding.fine
    assert "trusted.json" in finding.state
    assert main(["models"]) == 7


def test_a_model_that_no_engine_would_take_does_not_pass(
    tmp_path: Path, installed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its tensors fit the family; only the engine that uses it notices that its matrix is missing."""
    store = Store(installed=installed)
    install(store, "inswapper", emap="none")
    install(store, "arcface")
    assert main(["models", "verify"]) == 7
    said = capsys.readouterr()
    assert "standin_inswapper holds no matrix" in said.out + said.err
    assert main(["models", "verify", "standin_arcface"]) == 0


def test_a_swapper_without_its_recogniser_is_whole(installed: Path) -> None:
    install(Store(installed=installed), "hyperswap")
    assert main(["models", "verify", "standin_hyperswap"]) == 0
