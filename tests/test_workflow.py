"""The workflow for GitHub Actions: all systems and Pythons, pinned actions, and nothing published without a tag."""

import re
import tomllib

from tests.support.places import ROOT

TEXT = (ROOT / ".github" / "workflows" / "tests.yml").read_text("utf-8")


def _job(name: str) -> str:
    """Return the text of one job."""
    found = re.search(rf"^  {name}:\n((?:    .*\n|\n)+)", TEXT, re.MULTILINE)
    assert found, name
    return found[1]


def test_the_tests_run_on_every_system_and_python() -> None:
    matrix = _job("test")
    for system in ("ubuntu", "macos", "windows"):
        assert re.search(rf"os: \[.*\b{system}-[\d.]+", matrix), system
    least = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["requires-python"].removeprefix(">=")
    assert f'python: ["{least}", "3.12", "3.13", "3.14"]' in matrix


def test_every_action_is_pinned_to_a_release() -> None:
    used = re.findall(r"uses: (\S+)", TEXT)
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w./-]+@v\d+\.\d+\.\d+", action)] == []


def test_only_a_pushed_tag_publishes_and_only_that_job_may_sign_in() -> None:
    publish = _job("publish")
    assert "if: github.event_name == 'push' && startsWith(github.ref, 'refs/tags/v')" in publish
    assert re.search(r"needs: \[test, check, audit, build, wheel\]", publish)
    assert "id-token: write" in publish
    assert TEXT.count("id-token") == 1
    assert re.search(r"^permissions:\n  contents: read\n", TEXT, re.MULTILINE)
    assert "secrets." not in TEXT


def test_the_wheel_runs_without_a_checkout() -> None:
    wheel = _job("wheel")
    assert "actions/checkout" not in wheel
    for command in ("mien demo", "mien doctor", "python -m mien verify", "uv tool run", "pipx run"):
        assert command in wheel


def test_plain_values_hold_nothing_that_yaml_would_read_otherwise() -> None:
    """`run: pip install :all: x` is a mapping to YAML, and the whole file is refused."""
    plain = re.findall(r"^ *(?:- )?[\w-]+: (?![\"'|\[{&*>])(.+?)(?: +#.*)?$", TEXT, re.MULTILINE)
    assert len(plain) > 50
    assert [value for value in plain if ": " in value or value.endswith(":") or " #" in value] == []
