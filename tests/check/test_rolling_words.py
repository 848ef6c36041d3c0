"""Rolling words: the list, pairs by role and minute, neighbour minutes, wrong clocks, three wrong pairs."""

import secrets
from pathlib import Path

import pytest

from mien.check.rolling_words import MINUTE_S, Secret, word
from mien.check.word_store import WordStore
from mien.commands.main import main
from mien.errors import UsageError

NOW_S = 1_796_000_000.0
SECRET = Secret(bytes(range(16)))


def test_there_are_2048_words_that_are_said_as_they_are_written() -> None:
    words = [word(number) for number in range(2048)]
    assert len(set(words)) == 2048
    assert all(4 <= len(each) <= 5 and each.isalpha() and each.isascii() for each in words)
    for number in (-1, 2048):
        with pytest.raises(ValueError, match="2048 words"):
            word(number)


def test_both_sides_see_the_same_pairs_and_each_role_another() -> None:
    minute = int(NOW_S // MINUTE_S)
    other = Secret.of_text(SECRET.text)
    assert other == SECRET
    assert SECRET.pair("asker", minute) == other.pair("asker", minute) != SECRET.pair("answerer", minute)
    assert SECRET.pair("asker", minute) != SECRET.pair("asker", minute + 1)
    # A fixed value, so that another implementation can be checked against it.
    assert SECRET.pair("asker", 29_933_333) == "troto dako"


@pytest.mark.parametrize(("away", "outcome"), [
    (0, "right"), (-1, "right"), (1, "right"), (2, "another time"), (-60, "another time"), (61, "wrong"),
])  # fmt: skip
def test_neighbour_minutes_are_accepted_and_other_times_named(away: int, outcome: str) -> None:
    said = SECRET.pair("answerer", int(NOW_S // MINUTE_S) + away)
    assert SECRET.check("answerer", f"  {said.upper()} ", NOW_S)[0] == outcome
    assert SECRET.check("asker", said, NOW_S)[0] == "wrong"


def test_a_clock_that_begins_at_the_epoch_is_no_error() -> None:
    assert SECRET.check("answerer", SECRET.pair("answerer", 0), 5.0) == ("right", 0)
    assert SECRET.check("answerer", SECRET.pair("answerer", 60), 5.0) == ("another time", 60)
    assert SECRET.check("answerer", "bada bada", 5.0)[0] == "wrong"


def test_wrong_pairs_are_refused() -> None:
    for _ in range(300):
        other = Secret(secrets.token_bytes(16)).pair("answerer", int(NOW_S // MINUTE_S))
        assert SECRET.check("answerer", other, NOW_S)[0] != "right"
    for said in ("", "bada", "größe würde", "bada bada bada", "\0"):
        assert SECRET.check("answerer", said, NOW_S)[0] == "wrong"


@pytest.mark.parametrize("text", ["", "mien-words-1:", "mien-words-1:AAAA", "ü" * 26, "https://example.org"])
def test_what_is_no_secret_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Secret.of_text(text)


def test_three_wrong_pairs_stop_the_words(tmp_path: Path) -> None:
    store = WordStore(tmp_path)
    store.keep("Anna", SECRET)
    right = SECRET.pair("answerer", int(NOW_S // MINUTE_S))
    assert store.check("Anna", "answerer", "bada bada", NOW_S)[2].left == 2
    assert store.check("Anna", "answerer", right, NOW_S)[2].left == 3
    for left in (2, 1, 0):
        assert store.check("Anna", "answerer", "bada bada", NOW_S)[2].left == left
    with pytest.raises(UsageError, match="have stopped"):
        store.check("Anna", "answerer", right, NOW_S)
    with pytest.raises(UsageError, match="have stopped"):
        store.running("Anna")
    assert main(["words", "show", "Anna", "--data", str(tmp_path)]) == 2


def test_a_secret_that_cannot_be_given_is_not_kept(tmp_path: Path) -> None:
    data = ["--data", str(tmp_path / "data")]
    assert main(["words", "new", "Anna", "--qr", str(tmp_path / "none" / "code.png"), *data]) == 5
    assert WordStore(tmp_path / "data").names() == []
    assert main(["words", "new", "Anna", "--qr", str(tmp_path / "code.png"), *data]) == 0


@pytest.mark.parametrize("name", ["../x", "", ".hidden", "a/b", "a" * 61, "a."])
def test_names_stay_in_their_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="invalid name"):
        WordStore(tmp_path).keep(name, SECRET)


@pytest.mark.parametrize("content", ["", "[]", '{"secret": "00", "wrong": 0}', '{"secret": 1, "wrong": 0}', "[" * 5000])
def test_damaged_files_are_named(tmp_path: Path, content: str) -> None:
    store = WordStore(tmp_path)
    store.keep("Anna", SECRET)
    (tmp_path / "words" / "Anna.json").write_text(content)
    with pytest.raises(UsageError, match="cannot be read"):
        store.open("Anna")


def test_a_secret_goes_from_one_machine_to_the_other_by_its_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine, theirs = ["--data", str(tmp_path / "mine")], ["--data", str(tmp_path / "theirs")]
    code = str(tmp_path / "code.png")
    assert main(["words", "new", "Bob", "--qr", code, *mine]) == 0
    assert main(["words", "add", "Anna", "--qr", code, *theirs]) == 0
    assert WordStore(tmp_path / "mine").open("Bob").secret == WordStore(tmp_path / "theirs").open("Anna").secret
    for secret in (tmp_path / "mine" / "words" / "Bob.json", Path(code)):
        assert secret.stat().st_mode & 0o077 == 0
    capsys.readouterr()
    assert main(["words", "show", "Bob", *mine]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert main(["words", "check", "Anna", *shown[1].split()[-2:], *theirs]) == 0
    assert main(["words", "check", "Anna", *shown[0].split()[-2:], "--asker", *theirs]) == 0
    assert main(["words", "check", "Anna", "bada", "bada", *theirs]) == 1
    assert "2 left before the words stop" in capsys.readouterr().out
    assert main(["words", *mine]) == 0
    assert capsys.readouterr().out == "Bob\n"
    assert main(["words", "forget", "Bob", *mine]) == 0
    assert main(["words", "show", "Bob", *mine]) == 2
    assert main(["words", "check", "Anna", "one", *theirs]) == 2
    assert main(["words", "show", *mine]) == 2
    assert main(["words", "add", "Eve", "--qr", str(tmp_path / "none.png"), *mine]) == 4
