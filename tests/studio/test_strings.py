"""The words of the page: every language has every key, with the same values in it, and words for every error of the server."""

import re
from collections.abc import Iterator

import pytest

import mien.studio.server.app  # noqa: F401 - defines the errors of the studio
from mien.errors import MienError
from mien.studio.server.static_files import STATIC
from tests.support.page_words import LANGUAGES, words
from tests.support.places import ROOT

OTHERS = [language for language in LANGUAGES if language != "en"]
_GRAMMAR = re.compile(r"choice_(?!glasses|source_glasses|parser|occlusion|interlaced)\w+_")
"""Choices of one setting alone, whose words some languages need because of the gender of its name."""
_NOT_OF_A_PAGE = {"lost-job", "part-failed"}
"""Errors of the command line alone."""


def errors(kind: type[MienError] = MienError) -> Iterator[str]:
    yield (
        kind("").code
        if kind is MienError
        else "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in kind.__name__).lstrip("-")
    )
    for each in kind.__subclasses__():
        if each.__module__.startswith("mien.") and not each.__name__.startswith("_"):
            yield from errors(each)


def sources() -> str:
    return "\n".join(path.read_text("utf-8") for path in (ROOT / "src" / "mien").rglob("*.py"))


def keys_in_code() -> set[str]:
    return set(re.findall(r'key="([a-z-]+)"', sources()))


def notes_in_code() -> set[str]:
    """Keys of notes: of those that are made, of reasons in a table, and of the faults of a photo."""
    code = sources()
    made = re.findall(r'\b(?:Note\.of|_note|_told)\(\s*"([a-z-]+)"', code)
    reasons = re.findall(r'^    "((?:idle|sound)-[a-z]+)": "', code, re.MULTILINE)
    faults = re.findall(r'\b(?:_fault|PhotoFault)\(\s*"([a-z]+)"', code)
    return {*made, *reasons, *(f"photo-{each}" for each in faults)}


@pytest.mark.parametrize("language", OTHERS)
def test_a_language_has_every_key(language: str) -> None:
    expected = set(words("en")) | {key for key in words("de") if not _GRAMMAR.match(key)}
    assert expected - set(words(language)) == set()
    assert set(words(language)) - set(words("en")) - set(words("de")) == set(), "keys that nothing uses"


@pytest.mark.parametrize("language", OTHERS)
def test_a_text_holds_the_values_of_the_english_one(language: str) -> None:
    for key, text in words(language).items():
        reference = words("en").get(key, words("de").get(key, text))
        assert set(re.findall(r"\{(\w+)\}", text)) == set(re.findall(r"\{(\w+)\}", reference)), (language, key)
        assert text.strip() == text, (language, key)


@pytest.mark.parametrize("language", OTHERS)
def test_every_error_of_the_server_has_words(language: str) -> None:
    missing = {code for code in {*errors(), *keys_in_code()} - _NOT_OF_A_PAGE if f"trouble_{code}" not in words(language)}
    assert missing == set()


@pytest.mark.parametrize("language", OTHERS)
def test_every_note_has_words(language: str) -> None:
    told = notes_in_code()
    assert {"hdr", "idle-parser", "sound-unheld", "photo-turned", "photo-rotated", "stand-in-model"} <= told
    assert {key for key in told if f"note_{key}" not in words(language)} == set()


def test_the_page_offers_every_language() -> None:
    page = (STATIC / "strings.js").read_text("utf-8")
    offered = re.search(r"const LANGUAGES = \{(.*?)\};", page, re.DOTALL)
    assert offered is not None
    assert sorted(re.findall(r"\b(\w+): '", offered[1])) == LANGUAGES
