"""The image: what it is built from is there, it installs by hashes, and it does not run as root."""

import os
import subprocess
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # comes with the documentation's tools

from tests.support.places import ROOT

_ENGINE = "MIEN_CONTAINER_ENGINE"


def _instructions() -> list[tuple[str, str]]:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def _admitted() -> set[str]:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines, "everything that is not named must stay outside"
    return {line[1:] for line in lines if line.startswith("!")}


def test_what_is_copied_is_there_and_admitted() -> None:
    copied = [rest.split()[:-1] for word, rest in _instructions() if word == "COPY" and "--from" not in rest]
    names = {name for each in copied for name in each}
    assert names == _admitted()
    assert all((ROOT / name).exists() for name in names)


def test_nothing_runs_as_root_in_the_image() -> None:
    words = _instructions()
    last_from = max(number for number, (word, _) in enumerate(words) if word == "FROM")
    users = [number for number, (word, _) in enumerate(words) if word == "USER"]
    assert users
    assert words[users[-1]][1] == "mien"
    assert last_from < users[-1] < [word for word, _ in words].index("ENTRYPOINT")


def test_the_user_of_the_image_may_read_the_kernels_that_root_compiles_at_the_installation() -> None:
    words = _instructions()
    compiled = next(number for number, (word, rest) in enumerate(words) if word == "RUN" and "--no-build-isolation" in rest)
    opened = next(number for number, (word, rest) in enumerate(words) if word == "RUN" and rest == "chmod -R go+rX-w /opt/mien")
    copied = next(number for number, (word, rest) in enumerate(words) if word == "COPY" and "--from=build" in rest)
    assert compiled < opened < copied


def test_packages_are_installed_by_their_hashes_and_none_is_built() -> None:
    installs = [rest for word, rest in _instructions() if word == "RUN" and "pip install" in rest]
    locked = [rest for rest in installs if "--require-hashes" in rest and "--only-binary :all:" in rest]
    own = [rest for rest in installs if "--no-deps --no-build-isolation" in rest]
    assert len(locked) == len(own) == 1
    assert len(installs) == 2


def test_the_base_is_named_by_its_date_or_digest() -> None:
    (base,) = [rest for word, rest in _instructions() if word == "ARG"]
    assert base.startswith("BASE=")
    assert "@sha256:" in base or any(part.isdecimal() and len(part) == 8 for part in base.split("-"))


def test_services_have_no_rights_and_no_door_to_the_network() -> None:
    services: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service["read_only"] is True, name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name


@pytest.mark.slow
@pytest.mark.skipif(_ENGINE not in os.environ, reason=f"{_ENGINE} names no container engine: the image is not built")
def test_the_image_is_built_and_works() -> None:
    subprocess.run([ROOT / "scripts" / "container"], check=True)
