"""The table of settings: the bounds of every row, and values from files and flags."""

from pathlib import Path

import pytest

from mien.errors import UsageError
from mien.settings import MOST_TOML_BYTES, Setting, Settings, from_mapping, read_file, read_toml, table

ROWS = list(table())
NUMBERS = [row for row in ROWS if isinstance(row.default, (int, float)) and not isinstance(row.default, bool)]


def _name(row: Setting) -> str:
    return row.name


@pytest.mark.parametrize("row", ROWS, ids=_name)
def test_every_row_is_complete_and_takes_its_own_default(row: Setting) -> None:
    assert row.help
    assert row.group
    assert row.check(row.default) == row.default
    assert row.check(str(row.default)) == row.default
    assert row.flag == f"--{row.name.replace('_', '-')}"


@pytest.mark.parametrize("row", NUMBERS, ids=_name)
def test_bounds_of_numbers(row: Setting) -> None:
    kind = type(row.default)
    for bound, beyond in ((row.low, -1), (row.high, 1)):
        if bound is None:
            continue
        assert row.check(bound) == bound
        step = max(1, abs(bound)) * 0.01 if kind is float else 1
        with pytest.raises(UsageError, match="out of bounds"):
            row.check(kind(bound + beyond * step))
    wrong: list[object] = ["many", "", "nan", None, [], True, float("inf"), float("nan")]
    for value in wrong:
        with pytest.raises(UsageError, match=row.name):
            row.check(value)


@pytest.mark.parametrize("row", [row for row in ROWS if row.choices], ids=_name)
def test_words_are_from_the_list(row: Setting) -> None:
    assert all(row.check(word) == word for word in row.choices)
    for value in ("other", "", 3):
        with pytest.raises(UsageError):
            row.check(value)


@pytest.mark.parametrize(("value", "expected"), [(2.0, 2), ("3", 3), (4, 4)])
def test_whole_numbers(value: object, expected: int) -> None:
    row = next(row for row in ROWS if row.name == "faces")
    assert row.check(value) == expected
    with pytest.raises(UsageError, match="whole"):
        row.check(2.5)


@pytest.mark.parametrize(("word", "expected"), [("on", True), ("Yes", True), ("false", False), ("0", False), (True, True)])
def test_switches(word: object, expected: bool) -> None:
    row = Setting("x", False, "help", "group")
    assert row.check(word) is expected
    with pytest.raises(UsageError, match="neither on nor off"):
        row.check("perhaps")


def test_settings_check_themselves_however_they_are_made() -> None:
    with pytest.raises(UsageError):
        Settings(opacity=3.0)
    with pytest.raises(UsageError, match="'colour'"):
        from_mapping({"colour": "red"})
    assert from_mapping({"opacity": "0.25"}) == Settings(opacity=0.25)


def test_a_file_with_and_without_groups(tmp_path: Path) -> None:
    path = tmp_path / "mien.toml"
    path.write_text('opacity = 0.5\n[label]\nbadge_corner = "top-left"\n', "utf-8")
    assert from_mapping(read_file(path)) == Settings(opacity=0.5, badge_corner="top-left")


@pytest.mark.parametrize("content", [b"opacity 0.5", b"\xff\xfe\x00", b"[face\n"])
def test_files_that_are_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mien.toml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="TOML"):
        read_file(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        read_file(tmp_path / "none.toml")


def test_a_toml_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text('name = "ä"\n[group]\nnumber = 7\n', "utf-8")
    assert read_toml(path) == {"name": "ä", "group": {"number": 7}}


@pytest.mark.parametrize(
    "content",
    [b"\xff", b"name =", b"a = " + b"[" * 100_000, b"a = " + b"9" * 10_000, b"#" * (MOST_TOML_BYTES + 1)],
    ids=["no text", "cut short", "deep", "a number of 10,000 digits", "large"],
)
def test_what_cannot_be_read_is_a_value_error(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"\w"):
        read_toml(path)


@pytest.mark.posix
def test_a_file_without_an_end_is_too_large() -> None:
    with pytest.raises(ValueError, match="larger than 1 MiB"):
        read_toml(Path("/dev/zero"))
