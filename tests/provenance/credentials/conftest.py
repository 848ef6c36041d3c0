"""Fixtures of the tests of credentials."""

from pathlib import Path

import pytest

from mien.provenance.signing.installation import open_signer
from mien.provenance.signing.signer import Signer
from tests.support.signed import signed_files


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return open_signer(tmp_path_factory.mktemp("signer"))


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> Path:
    """Folder with out.jpg, out.mp4 and so on, signed."""
    folder = tmp_path_factory.mktemp("signed")
    signed_files(folder, signer)
    return folder
