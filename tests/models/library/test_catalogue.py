"""The catalogue: every row is complete and unlike all others, and MODELS.md is made of it."""

import re
import tomllib
from importlib import resources
from urllib.parse import urlsplit

import pytest
from scripts import models_page

from mien.models.format.families import families
from mien.models.library.inventory import needed_by, way_to
from mien.models.library.store import ModelEntry, Store

ENTRIES = Store().entries()
OTHERS = [entry for entry in ENTRIES if not entry.bundled]
HOSTS = {"github.com", "huggingface.co"}


def _id(entry: ModelEntry) -> str:
    return entry.id


@pytest.mark.parametrize("entry", OTHERS, ids=_id)
def test_a_row_is_complete(entry: ModelEntry) -> None:
    family = families()[entry.family]
    assert family.role == entry.role
    assert all((entry.licence, entry.terms, entry.credit, entry.origin, entry.feed))
    assert entry.terms.endswith(".")
    assert re.fullmatch(r"[a-z0-9_.-]{3,60}", entry.id)
    assert re.fullmatch(r"[a-z0-9_.-]+\.onnx", entry.file)
    assert re.fullmatch(r"([0-9a-f]{64})?", entry.sha256)
    assert entry.bytes >= 0
    assert not entry.standin


@pytest.mark.parametrize("entry", OTHERS, ids=_id)
def test_addresses_are_https_and_only_of_files_that_can_be_checked(entry: ModelEntry) -> None:
    for url in entry.urls:
        parts = urlsplit(url)
        assert (parts.scheme, parts.query, parts.fragment) == ("https", "", "")
        assert parts.hostname in HOSTS
        assert parts.path.endswith(".onnx")
    assert len(set(entry.urls)) == len(entry.urls)
    assert entry.sha256 or not entry.urls
    assert way_to(entry) in {"pull", "import", "import --trust"}


@pytest.mark.parametrize("what", ["id", "file", "sha256"])
def test_no_two_rows_are_alike(what: str) -> None:
    values = [value for entry in ENTRIES if (value := getattr(entry, what))]
    assert len(set(values)) == len(values)


def test_every_family_has_a_row_and_no_person_has_a_model() -> None:
    assert {entry.family for entry in OTHERS} == set(families()) - {"dfm"}
    assert not [entry for entry in ENTRIES if entry.file.endswith(".dfm")]


def test_what_a_model_works_with_is_in_the_catalogue() -> None:
    known = {entry.id: entry.role for entry in ENTRIES}
    for entry in OTHERS:
        for group in needed_by(entry):
            assert {known[name] for name in group} <= {"recogniser", "converter"}


def test_rows_say_nothing_that_is_not_known() -> None:
    text = (resources.files("mien.models") / "catalogue.toml").read_text("utf-8")
    fields = set(ModelEntry.__dataclass_fields__) - {"id"}
    for name, row in tomllib.loads(text).items():
        assert set(row) <= fields, name


def test_models_md_is_made_of_the_catalogue() -> None:
    assert models_page.PAGE.read_text("utf-8") == models_page.page(ENTRIES), "run .venv/bin/python scripts/models_page.py"


def test_the_page_names_every_model_with_licence_and_terms() -> None:
    page = models_page.page(ENTRIES)
    for entry in OTHERS:
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{entry.id}` |") and entry.terms in line]
        assert entry.licence in row
