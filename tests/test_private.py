"""Privacy of the data folder against other users of the machine."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from mien.models.library.lock import locked
from mien.provenance.signing.installation import open_signer
from mien.studio.server.certificate import fingerprint, own_certificate
from mien.studio.session.database import StudioDatabase
from mien.studio.session.folder import session_folder
from mien.system.database import Database
from mien.system.folders import make_private

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows keeps a person's folders private by other means")


def _open_to_others(folder: Path) -> list[Path]:
    return [path for path in (folder, *folder.rglob("*")) if path.is_dir() and stat.S_IMODE(path.stat().st_mode) & 0o077]


@pytest.fixture(autouse=True)
def _ordinary_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.parametrize("first", ["models", "presets", "certificate", "identity", "ledger"])
def test_the_data_folder_is_private_whatever_makes_it(tmp_path: Path, first: str) -> None:
    data = tmp_path / "share" / "mien"
    match first:
        case "models":
            with locked(data / "models"):
                pass
        case "presets":
            with StudioDatabase(data).opened():
                pass
        case "certificate":
            own_certificate(data / "tls", ())
        case "identity":
            open_signer(data / "identity")
        case "ledger":
            with Database(data).opened():
                pass
    assert _open_to_others(tmp_path / "share") == []


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    make_private(shared / "mien" / "models")
    assert _open_to_others(tmp_path / "shared") == [shared], "a folder of the person's own"


def test_a_tls_key_that_others_could_read_is_replaced(tmp_path: Path) -> None:
    certificate, key = own_certificate(tmp_path / "tls", ())
    before = fingerprint(certificate)
    key.chmod(0o640)
    assert own_certificate(tmp_path / "tls", ()) == (certificate, key)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert fingerprint(certificate) != before


def test_uploads_of_a_session_are_private() -> None:
    with session_folder() as uploads:
        assert stat.S_IMODE(uploads.stat().st_mode) == 0o700
