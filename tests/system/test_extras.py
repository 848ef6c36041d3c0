"""Commands that install optional packages."""

import importlib.util
import sys
from importlib import metadata

import pytest

from mien.system.extras import install_command


def test_an_extra_is_installed_by_its_packages_with_this_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert install_command("camera") == f'"{sys.executable}" -m pip install "pyvirtualcam>=0.15"'


def test_an_environment_without_pip_is_filled_by_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert install_command("camera").startswith(f'uv pip install --python "{sys.executable}" "pyvirtualcam')


def test_other_extras_and_markers_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    required = [
        "numpy>=2",
        'keyring>=25; sys_platform == "win32"',
        'one [a,b] >=1.2; extra == "some"',
        "two==2; python_version > '3.11' and extra == 'some'",
        'three; extra == "something"',
    ]
    monkeypatch.setattr(metadata, "requires", lambda name: required)
    assert install_command("some").endswith('"one[a,b]>=1.2" "two==2"')
