"""Files that a person already has become models only when they are known or trusted, whole, and harmless."""

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from mien.commands.main import main
from mien.errors import MienError, ModelDamaged, ModelError, ModelMismatch, ModelMissing, ModelRefused, UsageError
from mien.models.library import import_plan, importing
from mien.models.library.importing import import_models, remove
from mien.models.library.inswapper_matrix import SUFFIX, load_matrix
from mien.models.library.lock import locked
from mien.models.library.store import ModelEntry, Store
from mien.models.library.trusted import LIST, read_trusted, write_trusted
from mien.models.runtime.session_cache import SessionCache
from mien.system.folders import MODELS_VARIABLE
from tests.support.standins import all_families, make_small

ALIKE = {"hyperswap", "simswap_256", "ghost", "hififace", "alphaface"}
"""Families whose tensors are the same."""


@cache
def content(family: str = "inswapper") -> bytes:
    return make_small(family)


def unmarked(family: str) -> bytes:
    """A file that does not say that it is a stand-in, as a real one."""
    model = onnx.load_from_string(content(family))
    model.producer_name = "somebody"
    model.ClearField("metadata_props")
    return bytes(model.SerializeToString())


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Catalogue(Store):
    """A store whose catalogue has further rows."""

    def __init__(self, installed: Path, *rows: ModelEntry) -> None:
        super().__init__(installed=installed)
        self._entries |= {row.id: row for row in rows}


def row(model_id: str, family: str, data: bytes, *, known: bool = True, file: str = "") -> ModelEntry:
    """A row of a catalogue; without `known` its hash is not published."""
    return ModelEntry(
        model_id, "swapper", file or f"{model_id}.onnx", False, len(data), _sha256(data) if known else "", "Apache-2.0",
        "somebody", "somewhere", "somehow", family,
    )  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(installed=tmp_path / "models")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """The person's own folder."""
    (tmp_path / "mine").mkdir()
    return tmp_path / "mine"


def lay(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def everything(store: Store) -> set[str]:
    """All files of the store, also hidden ones."""
    folder = store.folder
    return {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()} if folder.exists() else set()


# Files of the catalogue


def test_a_file_of_the_catalogue_is_known_by_its_hash_whatever_its_name(tmp_path: Path, here: Path) -> None:
    store = Catalogue(tmp_path / "models", row("swap", "inswapper", content()))
    path = lay(here, "deep/er/whatever.onnx", content())
    (done,) = import_models([here], store)
    assert (done.path, done.entry.id, done.fresh) == (path, "swap", True)
    assert store.read("swap") == content()
    if sys.platform != "win32":
        assert store.path("swap").stat().st_mode & 0o777 == 0o600
        assert store.folder.stat().st_mode & 0o777 == 0o700
    assert everything(store) == {"swap.onnx"}
    assert path.read_bytes() == content()
    assert [each.id for each in store.installed("swapper")] == ["swap"]


def test_importing_twice_copies_once(tmp_path: Path, here: Path) -> None:
    store = Catalogue(tmp_path / "models", row("swap", "inswapper", content()))
    paths = [lay(here, "a.onnx", content()), lay(here, "b.onnx", content())]
    assert [each.fresh for each in import_models(paths, store)] == [True]
    assert [each.fresh for each in import_models(paths, store)] == [False]
    assert [each.fresh for each in import_models([store.folder], store)] == [False]


def test_a_damaged_installed_file_is_replaced_by_a_good_one(tmp_path: Path, here: Path) -> None:
    store = Catalogue(tmp_path / "models", row("swap", "inswapper", content()))
    lay(store.folder, "swap.onnx", content()[:-1] + b"!")
    with pytest.raises(ModelDamaged, match="swap") as caught:
        store.read("swap")
    assert "models remove swap" in caught.value.remedy
    assert import_models([lay(here, "a.onnx", content())], store)[0].fresh
    assert store.read("swap") == content()


def test_in_a_folder_only_files_that_may_be_known_are_read(tmp_path: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Catalogue(tmp_path / "models", row("swap", "inswapper", content()))
    lay(here, "known.onnx", content())
    lay(here, "other.onnx", content("ghost"))
    lay(here, "notes.txt", b"hello")
    read: list[str] = []
    whole = import_plan.hash_of

    def noted(path: Path) -> str:
        read.append(path.name)
        return whole(path)

    monkeypatch.setattr(import_plan, "hash_of", noted)
    lines: list[str] = []
    import_models([here], store, report=lines.append)
    assert "other.onnx" not in read
    assert any("other.onnx" in line and "not in the catalogue" in line for line in lines)


def test_embedded_models_are_there_already(store: Store, here: Path) -> None:
    path = lay(here, "x.onnx", store.read("yunet"))
    assert [(each.entry.id, each.fresh) for each in import_models([path], store)] == [("yunet", False)]
    assert everything(store) == set()


# Files that nobody knows


def test_an_unknown_file_is_refused_and_what_it_could_be_is_said(store: Store, here: Path) -> None:
    path = lay(here, "swap.onnx", content())
    with pytest.raises(ModelRefused, match="would do as inswapper") as caught:
        import_models([path], store)
    assert "--trust" in caught.value.remedy
    assert everything(store) == set()


def test_a_model_of_no_family_is_refused_even_when_trusted(store: Store, here: Path) -> None:
    path = lay(here, "mesh.onnx", _renamed(store.read("face_mesh_478")))
    for trust in (False, True):
        with pytest.raises(ModelRefused, match="fits no family"):
            import_models([path], store, trust=trust)


def _renamed(data: bytes) -> bytes:
    """The same model with another hash."""
    model = onnx.load_from_string(data)
    model.doc_string = "another file"
    return bytes(model.SerializeToString())


@pytest.mark.parametrize("family", all_families())
def test_every_family_can_be_trusted_and_read(family: str, store: Store, here: Path) -> None:
    path = lay(here, f"My {family}.{'dfm' if family == 'dfm' else 'onnx'}", content(family))
    named = family if family in ALIKE else None
    (done,) = import_models([path], store, trust=True, family=named)
    assert done.entry.family == family
    assert done.entry.standin
    assert "standin" in done.entry.id
    assert store.read(done.entry.id) == content(family)
    assert Store(installed=store.folder).entry(done.entry.id) == done.entry
    assert "random" in done.entry.licence
    assert done.entry in store.installed(done.entry.role)
    SessionCache(store).session(done.entry)


def test_alike_families_must_be_named_and_must_fit(store: Store, here: Path) -> None:
    path = lay(here, "swap.onnx", content("ghost"))
    with pytest.raises(ModelRefused, match="hyperswap or simswap_256 or ghost or hififace or alphaface") as caught:
        import_models([path], store, trust=True)
    assert "--as" in caught.value.remedy
    with pytest.raises(ModelMismatch, match="target"):
        import_models([path], store, trust=True, family="inswapper")
    with pytest.raises(UsageError, match="magic"):
        import_models([path], store, trust=True, family="magic")
    assert everything(store) == set()
    assert import_models([path], store, trust=True, family="ghost")[0].entry.family == "ghost"


def test_a_file_that_was_taken_for_another_family_is_not_silently_left_as_it_was(store: Store, here: Path) -> None:
    path = lay(here, "a.onnx", content("ghost"))
    import_models([path], store, trust=True, family="hyperswap")
    with pytest.raises(ModelMismatch, match="here already, as standin-a of the family hyperswap") as caught:
        import_models([path], store, trust=True, family="ghost")
    assert "models remove standin-a" in caught.value.remedy
    assert not import_models([path], store)[0].fresh
    remove("standin-a", store)
    assert import_models([path], store, trust=True, family="ghost")[0].entry.family == "ghost"


def test_a_dfm_is_a_dfm_and_nothing_else(store: Store, here: Path) -> None:
    with pytest.raises(ModelRefused, match="no family"):
        import_models([lay(here, "a.dfm", content("inswapper"))], store, trust=True)
    with pytest.raises(ModelMismatch, match="dfm"):
        import_models([lay(here, "a.dfm", content("inswapper"))], store, trust=True, family="inswapper")
    (done,) = import_models([lay(here, "Some One.dfm", unmarked("dfm"))], store, trust=True)
    assert (done.entry.id, done.entry.role, done.entry.standin) == ("some-one", "identity", False)
    assert store.path("some-one").suffix == ".dfm"


def test_names_are_made_safe_and_do_not_clash(store: Store, here: Path) -> None:
    data = [unmarked("dfm"), *(_renamed(make_small("dfm", seed=seed)) for seed in range(1, 6))]
    names = ["yunet.dfm", "../yunet.dfm", "Ünï cødé!.dfm", "mesh.dfm", f"{'long' * 40}.dfm", "....dfm"]
    paths = [lay(here / str(n), name.replace("../", ""), each) for n, (name, each) in enumerate(zip(names, data, strict=True))]
    ids = [each.entry.id for each in import_models(paths, store, trust=True)]
    assert ids[0] == "yunet-2"
    assert len(set(ids)) == len(ids)
    assert "mesh" not in ids
    assert all(set(each) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-") and len(each) <= 70 for each in ids)
    assert all((store.folder / "trusted") in store.path(each).parents for each in ids)
    for each, model_id in zip(data, ids, strict=True):
        assert store.read(model_id) == each
    # Once more, they are what they were.
    again = import_models(paths, store, trust=True)
    assert [(each.entry.id, each.fresh) for each in again] == [(each, False) for each in ids]


def test_trust_in_a_folder_takes_what_fits_and_says_what_does_not(store: Store, here: Path) -> None:
    lay(here, "one.dfm", content("dfm"))
    lay(here, "two.onnx", content("ghost"))
    lay(here, "three.onnx", b"PK\x03\x04zip")
    lay(here, "four.onnx", b"")
    (here / "five.onnx").mkdir()
    lines: list[str] = []
    done = import_models([here], store, trust=True, report=lines.append)
    assert [each.path.name for each in done] == ["one.dfm"]
    for name in ("two", "three", "four"):
        assert any(f"{name}.onnx" in line for line in lines), lines


@pytest.mark.parametrize("model_id", [entry.id for entry in Store().entries() if not entry.sha256 and not entry.bytes])
def test_the_catalogues_own_rows_without_a_hash_can_be_filled(model_id: str, store: Store, here: Path) -> None:
    entry = store.entry(model_id)
    data = unmarked(entry.family)
    path = lay(here, entry.file.replace("_", "-").upper().replace(".ONNX", ".onnx"), data)
    (done,) = import_models([path], store, trust=True)
    assert (done.entry.id, done.entry.licence, done.entry.family) == (model_id, entry.licence, entry.family)
    assert store.read(model_id) == data


def test_a_file_without_a_published_hash_takes_its_place_in_the_catalogue(tmp_path: Path, here: Path) -> None:
    data = unmarked("ghost")
    store = Catalogue(tmp_path / "models", row("ghost_9_256", "ghost", data, known=False))
    path = lay(here, "ghost_9_256.onnx", data)
    with pytest.raises(ModelRefused):
        import_models([path], store)
    # It may lie there already, and is not opened all the same.
    shutil.copy(path, lay(store.folder, "ghost_9_256.onnx", b""))
    with pytest.raises(ModelRefused, match="no sha256 is published"):
        store.read("ghost_9_256")
    (done,) = import_models([path], store, trust=True)
    assert (done.entry.id, done.entry.licence, done.entry.sha256) == ("ghost_9_256", "Apache-2.0", _sha256(data))
    assert store.read("ghost_9_256") == data
    assert [each.id for each in store.entries()].count("ghost_9_256") == 1
    # Another file of that name and size is another model from now on.
    other = lay(here, "other/ghost_9_256.onnx", data[:-30] + bytes([data[-30] ^ 1]) + data[-29:])
    with pytest.raises(ModelError):
        import_models([other], store)
    remove("ghost_9_256", store)
    assert store.entry("ghost_9_256").sha256 == ""


def test_a_stand_in_never_takes_the_place_of_a_real_model(tmp_path: Path, here: Path) -> None:
    data = content("ghost")
    store = Catalogue(tmp_path / "models", row("ghost_9_256", "ghost", data, known=False))
    (done,) = import_models([lay(here, "ghost_9_256.onnx", data)], store, trust=True, family="ghost")
    assert done.entry.id == "standin-ghost_9_256"
    assert done.entry.standin
    assert store.entry("ghost_9_256").sha256 == ""


def test_a_later_catalogue_may_take_a_name_or_know_the_file(tmp_path: Path, here: Path) -> None:
    folder = tmp_path / "models"
    data, other = unmarked("dfm"), content("inswapper")
    import_models([lay(here, "someone.dfm", data)], Store(installed=folder), trust=True)
    taken = Catalogue(folder, row("someone", "inswapper", other))
    assert taken.entry("someone").sha256 == _sha256(other)
    assert taken.read("someone-2") == data
    remove("someone-2", taken)
    assert everything(taken) == {LIST}

    ghost = unmarked("ghost")
    import_models([lay(here, "new.onnx", ghost)], Catalogue(folder, row("new", "ghost", ghost, known=False)), trust=True)
    known = Catalogue(folder, row("new", "ghost", ghost))
    assert known.read("new") == ghost
    assert [each.id for each in known.entries() if each.id.startswith("new")] == ["new"]


# Files that are not models


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("x.pth", b"\x80\x02", "not an ONNX file"),
        ("x.pt", b"PK\x03\x04", "not an ONNX file"),
        ("x.ckpt", b"abc", "not an ONNX file"),
        ("x.safetensors", b"abc", "not an ONNX file"),
        ("buffalo_l.zip", b"PK\x03\x04", "archive"),
        ("x.onnx", b"PK\x03\x04" + bytes(99), "zip"),
        ("x.onnx", b"\x80\x02}q\x00.", "pickle"),
        ("x.onnx", b"<html>", "web page"),
        ("x.onnx", b"", "empty"),
        ("x.onnx", b"\x89PNG\r\n\x1a\n" + bytes(99), "not an ONNX"),
        ("x.dfm", bytes(4096), "not an ONNX"),
    ],
)
def test_what_is_no_model_is_said_to_be_none(name: str, data: bytes, said: str, store: Store, here: Path) -> None:
    path = lay(here, name, data)
    for trust in (False, True):
        with pytest.raises(ModelError, match=said) as caught:
            import_models([path], store, trust=trust)
        assert caught.value.remedy
        assert name in str(caught.value)
    assert everything(store) == set()


def test_truncated_and_tampered_files_are_refused(tmp_path: Path, here: Path) -> None:
    data = content("inswapper")
    store = Catalogue(tmp_path / "models", row("swap", "inswapper", data))
    for cut in (1, len(data) // 2, len(data) - 1):
        with pytest.raises(ModelDamaged):
            import_models([lay(here, "swap.onnx", data[:cut])], store)
    middle = len(data) // 2
    tampered = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    with pytest.raises(ModelRefused, match="does not know"):
        import_models([lay(here, "swap.onnx", tampered)], store)
    assert everything(store) == set()
    # What changes after it was installed is found when it is opened.
    import_models([lay(here, "swap.onnx", data)], store)
    for changed, said in ((tampered, "sha256"), (data[:-1], "bytes"), (data + b"\0", "bytes"), (b"", "bytes")):
        store.path("swap").write_bytes(changed)
        with pytest.raises(ModelDamaged, match=said) as caught:
            store.read("swap")
        assert "install mien again" not in caught.value.remedy
    store.path("swap").unlink()
    with pytest.raises(ModelMissing) as missing:
        store.read("swap")
    assert "models import" in missing.value.remedy


def _hostile() -> bytes:
    model = onnx.load_from_string(content("inswapper"))
    model.graph.node[0].domain = "evil"
    return bytes(model.SerializeToString())


def test_hostile_files_are_refused_at_the_door_and_when_they_are_opened(tmp_path: Path, here: Path) -> None:
    data = _hostile()
    store = Catalogue(tmp_path / "models", row("swap", "inswapper", data))
    with pytest.raises(ModelRefused, match="evil"):
        import_models([lay(here, "swap.onnx", data)], store, trust=True)
    assert everything(store) == set()
    # Even with the right hash nothing of it reaches the runtime.
    lay(store.folder, "swap.onnx", data)
    with pytest.raises(ModelRefused, match="evil"):
        SessionCache(store).session(store.entry("swap"))


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pipes with a name, and links need a right")
def test_folders_pipes_and_links(store: Store, here: Path) -> None:
    lay(here, "real/dfm.dfm", content("dfm"))
    os.mkfifo(here / "pipe.onnx")
    (here / "loop").symlink_to(here)
    (here / "link.dfm").symlink_to(here / "real" / "dfm.dfm")
    (here / "broken.onnx").symlink_to(here / "nothing")
    lines: list[str] = []
    (done,) = import_models([here], store, trust=True, report=lines.append)
    assert not store.path(done.entry.id).is_symlink()
    assert any("pipe.onnx" in line for line in lines)
    for name, kind in (("pipe.onnx", ModelRefused), ("broken.onnx", ModelMissing), ("none.onnx", ModelMissing)):
        with pytest.raises(kind):
            import_models([here / name], store, trust=True)
    (here / "folder.onnx").mkdir()
    with pytest.raises(ModelMissing, match="no known model file"):
        import_models([here / "folder.onnx"], store)


def test_a_folder_with_far_too_much_in_it_is_not_searched(store: Store, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_plan, "LIMITS", import_plan.SearchLimits(files=5))
    for number in range(6):
        lay(here, f"{number}.txt", b"")
    with pytest.raises(UsageError, match="more than 5 files"):
        import_models([here], store)


def test_an_unreadable_file_is_named(store: Store, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = lay(here, "a.dfm", content("dfm"))
    opened = Path.open

    def refuse(self: Path, *arguments: Any, **named: Any) -> Any:
        if self == path:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return opened(self, *arguments, **named)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ModelMissing, match=r"a\.dfm.*Permission denied"):
        import_models([path], store, trust=True)


# Nothing half done


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_leaves_nothing(number: int, store: Store, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(number, os.strerror(number))

    path = lay(here, "a.dfm", content("dfm"))
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ModelError, match=os.strerror(number)) as caught:
        import_models([path], store, trust=True)
    assert "MIEN_MODELS" in caught.value.remedy
    assert everything(store) == set()
    assert [each.id for each in store.entries() if not each.bundled and each.sha256 == _sha256(content("dfm"))] == []


def test_too_little_room_is_seen_before_the_first_byte(store: Store, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage())
    with pytest.raises(ModelError, match="1 MB free"):
        import_models([lay(here, "a.dfm", content("dfm"))], store, trust=True)
    assert everything(store) == set()


class _Usage:
    free = 1_000_000


@pytest.mark.parametrize("kind", [KeyboardInterrupt, MemoryError])
def test_an_interrupted_copy_leaves_nothing(
    kind: type[BaseException], store: Store, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_: int) -> None:
        raise kind

    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(kind):
        import_models([lay(here, "a.dfm", content("dfm"))], store, trust=True)
    assert everything(store) == set()


def test_a_list_that_cannot_be_written_takes_the_copy_back(store: Store, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ModelError("cannot write", "free some space")

    monkeypatch.setattr(importing, "write_trusted", fail)
    with pytest.raises(ModelError, match="cannot write"):
        import_models([lay(here, "a.dfm", content("dfm"))], store, trust=True)
    assert everything(store) == set()


def test_what_a_killed_import_has_left_is_swept_up_by_the_next_one(store: Store, here: Path) -> None:
    lay(store.folder, ".inswapper_128.onnx.x1y2z3.copy", b"half")
    lay(store.folder, "trusted/.a.dfm.x1y2z3.copy", b"half")
    lay(store.folder, ".xseg_1.onnx.part", b"what a pull goes on from")
    import_models([lay(here, "a.dfm", content("dfm"))], store, trust=True)
    assert everything(store) == {LIST, "trusted/standin-a.dfm", ".xseg_1.onnx.part"}


@pytest.mark.skipif(sys.platform == "win32", reason="a folder cannot be held there")
def test_processes_that_import_at_once_wait_for_each_other(store: Store, here: Path) -> None:
    names = ["arcface", "xseg", "bisenet", "dfm"]
    files = [lay(here, f"{name}.{'dfm' if name == 'dfm' else 'onnx'}", content(name)) for name in names]
    program = (
        "import sys; from pathlib import Path; from mien.models.library.importing import import_models as take; "
        "from mien.models.library.store import Store; take([Path(sys.argv[2])], Store(installed=Path(sys.argv[1])), trust=True)"
    )
    with locked(store.folder):
        running = [
            subprocess.Popen([sys.executable, "-c", program, store.folder, path], stderr=subprocess.PIPE, text=True)
            for path in files
        ]
        for process in running:
            assert process.stderr is not None
            assert "waiting for another mien" in process.stderr.readline()
    for process in running:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert {row.id for row in read_trusted(store.folder)} == {
        "standin-arcface",
        "standin-xseg",
        "standin-bisenet",
        "standin-dfm",
    }


def test_a_file_that_changes_while_it_is_copied_is_refused(store: Store, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = lay(here, "a.dfm", content("dfm"))
    monkeypatch.setattr(import_plan, "hash_of", lambda _: "0" * 64)
    with pytest.raises(ModelDamaged, match="changed while"):
        import_models([path], store, trust=True)
    assert everything(store) == set()


def test_a_folder_that_may_not_be_written_to_is_named(here: Path, tmp_path: Path) -> None:
    lay(tmp_path, "models", b"a file where the folder should be")
    for folder in (tmp_path / "models", tmp_path / "models" / "below"):
        with pytest.raises(ModelError, match="is not a folder") as caught:
            import_models([lay(here, "a.dfm", content("dfm"))], Store(installed=folder), trust=True)
        assert "MIEN_MODELS" in caught.value.remedy


def test_all_files_are_looked_at_before_the_first_is_copied(store: Store, here: Path) -> None:
    good, bad = lay(here, "a.dfm", content("dfm")), lay(here, "b.onnx", b"nonsense")
    with pytest.raises(ModelDamaged):
        import_models([good, bad], store, trust=True)
    assert everything(store) == set()


# The list of trusted files


@pytest.fixture
def trusting(store: Store, here: Path) -> Store:
    """A store with one trusted model, `someone`."""
    import_models([lay(here, "someone.dfm", unmarked("dfm"))], store, trust=True)
    return store


def _changed(store: Store, **values: object) -> str:
    rows = json.loads((store.folder / LIST).read_text())
    rows["models"][0] |= values
    return json.dumps(rows)


def test_the_list_is_private_and_says_what_was_trusted(trusting: Store) -> None:
    path = trusting.folder / LIST
    assert sys.platform == "win32" or path.stat().st_mode & 0o777 == 0o600
    (saved,) = json.loads(path.read_text())["models"]
    assert saved == {
        "id": "someone", "role": "identity", "family": "dfm", "file": "trusted/someone.dfm",
        "bytes": len(unmarked("dfm")), "sha256": _sha256(unmarked("dfm")), "standin": False,
    }  # fmt: skip
    assert "you have declared" in trusting.entry("someone").licence


@pytest.mark.parametrize(
    "spoil",
    [
        lambda store: "",
        lambda store: "{",
        lambda store: "[]",
        lambda store: "\0" * 100,
        lambda store: "[" * 100_000,
        lambda store: '{"version": 0, "models": []}',
        lambda store: '{"version": "2", "models": []}',
        lambda store: '{"version": 1, "models": [3]}',
        lambda store: '{"version": 1, "models": [{}]}',
        lambda store: _changed(store, file="../../secret.dfm"),
        lambda store: _changed(store, file="/etc/passwd"),
        lambda store: _changed(store, file="trusted/../../x.dfm"),
        lambda store: _changed(store, file="trusted/..dfm"),
        lambda store: _changed(store, id="../x"),
        lambda store: _changed(store, id="a\n"),
        lambda store: _changed(store, sha256=""),
        lambda store: _changed(store, sha256="z" * 64),
        lambda store: _changed(store, bytes="9"),
        lambda store: _changed(store, bytes=-1),
        lambda store: _changed(store, family="magic"),
        lambda store: _changed(store, role="swapper"),
        lambda store: _changed(store, standin="no"),
        lambda store: _changed(store, further=1),
        lambda store: '{"version": 1, "models": [' + ",".join([json.dumps({})] * 2_000_000) + "]}",
    ],
)
def test_a_damaged_list_is_an_error_and_never_forgotten(trusting: Store, here: Path, spoil: Any) -> None:
    path = trusting.folder / LIST
    path.write_text(spoil(trusting))
    before = path.read_bytes()
    for act in (
        trusting.entries,
        lambda: trusting.entry("someone"),
        lambda: trusting.installed("identity"),
        lambda: import_models([lay(here, "x.dfm", content("dfm"))], trusting, trust=True),
        lambda: remove("someone", trusting),
    ):
        with pytest.raises(ModelDamaged, match=LIST) as caught:
            act()
        assert "delete it" in caught.value.remedy
    assert path.read_bytes() == before
    # What needs no trust works.
    assert trusting.read("yunet")


def test_a_list_of_a_newer_mien_is_not_to_be_deleted(trusting: Store, here: Path) -> None:
    (trusting.folder / LIST).write_text('{"version": 2, "models": []}')
    with pytest.raises(ModelError, match="newer mien") as caught:
        import_models([here], trusting, trust=True)
    assert "delete" not in caught.value.remedy


@pytest.mark.posix
def test_a_list_that_is_no_plain_file_is_damaged(trusting: Store) -> None:
    path = trusting.folder / LIST
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(ModelDamaged, match="not a plain file"):
        trusting.entries()


def test_a_list_with_a_model_twice_is_damaged(trusting: Store) -> None:
    path = trusting.folder / LIST
    rows = json.loads(path.read_text())
    path.write_text(json.dumps(rows | {"models": rows["models"] * 2}))
    with pytest.raises(ModelDamaged, match="twice"):
        trusting.entries()


def test_another_hash_in_the_list_does_not_open_another_file(trusting: Store) -> None:
    (trusting.folder / LIST).write_text(_changed(trusting, sha256="0" * 64))
    with pytest.raises(ModelDamaged, match="someone"):
        trusting.read("someone")


# Removing


def test_a_list_that_hides_a_stand_in_does_not_make_a_real_model_of_it(store: Store, here: Path) -> None:
    import_models([lay(here, "w600k_r50.onnx", content("arcface"))], store, trust=True)
    (row,) = read_trusted(store.folder)
    write_trusted(store.folder, [replace(row, id="my_w600k_r50", standin=False)])
    for ask in (store.read, lambda name: SessionCache(store).session(store.entry(name))):
        with pytest.raises(ModelRefused, match="stand-in"):
            ask("my_w600k_r50")


def test_what_is_removed_leaves_nothing(store: Store, here: Path) -> None:
    (done,) = import_models([lay(here, "swap.onnx", content())], store, trust=True)
    load_matrix(store, done.entry)
    lay(store.folder, f"cache/{done.entry.sha256[:16]}-tensorrt-half-1.24.1/engine", b"built of it")
    lay(store.folder, "cache/0123456789abcdef-tensorrt-half-1.24.1/engine", b"built of another")
    assert {Path(each).name for each in everything(store) if not each.startswith("cache")} == {
        LIST,
        f"{done.entry.id}.onnx",
        f"{done.entry.id}.onnx{SUFFIX}",
    }
    remove(done.entry.id, store)
    assert everything(store) == {LIST, "cache/0123456789abcdef-tensorrt-half-1.24.1/engine"}
    with pytest.raises(ModelMissing):
        remove(done.entry.id, store)
    assert import_models([here], store, trust=True)[0].fresh


def test_what_a_stopped_pull_has_left_is_removed_without_its_file(store: Store) -> None:
    lay(store.folder, ".xseg_1.onnx.part", b"half")
    remove("xseg_1", store)
    assert everything(store) == set()


def test_a_trusted_model_whose_file_has_gone_can_be_removed_or_imported_again(trusting: Store, here: Path) -> None:
    trusting.path("someone").unlink()
    assert "someone" not in [each.id for each in trusting.installed("identity")]
    assert import_models([here], trusting, trust=True)[0].fresh
    trusting.path("someone").unlink()
    remove("someone", trusting)
    with pytest.raises(ModelMissing):
        trusting.entry("someone")


def test_a_model_of_the_catalogue_is_removed_and_stays_in_it(tmp_path: Path, here: Path) -> None:
    store = Catalogue(tmp_path / "models", row("swap", "inswapper", content()))
    with pytest.raises(ModelMissing, match="not installed"):
        remove("swap", store)
    import_models([lay(here, "x.onnx", content())], store)
    remove("swap", store)
    assert everything(store) == set()
    assert store.entry("swap")


def test_embedded_models_stay(store: Store) -> None:
    with pytest.raises(UsageError, match="yunet"):
        remove("yunet", store)
    assert store.read("yunet")


def test_no_memory_is_said(trusting: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(self: Path) -> bytes:
        raise MemoryError

    entry = trusting.entry("someone")
    monkeypatch.setattr(Store, "entry", lambda *_: entry)
    monkeypatch.setattr(Path, "read_bytes", exhausted)
    with pytest.raises(ModelError, match="memory") as caught:
        trusting.read("someone")
    assert caught.value.remedy


def test_every_error_of_an_import_says_what_to_do(store: Store, here: Path) -> None:
    for name, data in {"a.onnx": b"x", "b.pth": b"x", "c.onnx": _hostile(), "d.onnx": content("ghost")}.items():
        with pytest.raises(MienError) as caught:
            import_models([lay(here, name, data)], store, trust=True)
        assert caught.value.remedy
        assert caught.value.exit_code == 7


# The command


def test_the_command_imports_tells_and_removes(
    tmp_path: Path, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    path = lay(here, "swap.onnx", content("ghost"))
    lay(here, "notes[1].onnx", b"\x1b[31mhello")
    assert main(["models", "import", str(path)]) == 7
    assert "does not know" in capsys.readouterr().err
    assert main(["models", "import", "--trust", "--as", "ghost", str(here)]) == 0
    told = capsys.readouterr()
    assert "standin-swap" in told.out
    assert "no real model" in told.err
    assert "notes[1].onnx" in told.err
    assert "crossface_ghost" in told.err
    assert main(["models", "verify"]) == 0
    assert "standin-swap" in capsys.readouterr().out
    assert main(["models", "remove", "standin-swap"]) == 0
    assert main(["models", "remove", "standin-swap"]) == 7


def test_what_a_file_says_does_not_reach_the_terminal_as_it_is(
    tmp_path: Path, here: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    model = onnx.load_from_string(content("xseg"))
    model.graph.node[0].op_type = "\x1b[2J[red]:skull:"
    path = lay(here, "strange.onnx", model.SerializeToString())
    assert main(["models", "import", "--trust", str(path)]) == 0
    assert main(["models", "verify", "standin-strange"]) == 7
    assert main(["models", "import", f"{here}/\x1b[2J[red]\nmien: fine"]) == 7
    said = "".join(capfd.readouterr())
    assert "\x1b" not in said
    assert "[2J[red]:skull:" in said
    assert "onnxruntime:," not in said
    assert "\nmien: fine" not in said


def test_the_runtime_writes_nothing_to_the_terminal_when_a_run_fails(
    tmp_path: Path, here: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    model = onnx.load_from_string(content("arcface"))
    numbers = onnx.numpy_helper.from_array(np.array([-1, 7], np.int64), "numbers")
    model.graph.initializer.append(numbers)
    last = model.graph.node[-1]
    model.graph.node.insert(len(model.graph.node) - 1, onnx.helper.make_node("Reshape", [last.input[0], "numbers"], ["odd"]))
    model.graph.node[-1].input[0] = "odd"
    path = lay(here, "failing.onnx", model.SerializeToString())
    assert main(["models", "import", "--trust", str(path)]) == 0
    assert main(["models", "verify", "standin-failing"]) == 7
    said = "".join(capfd.readouterr())
    assert "standin-failing failed on the processor" in said
    assert "[E:onnxruntime" not in said


def test_an_empty_name_is_not_the_current_folder(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["models", "import", "--trust", ""])
    assert ended.value.code == 2
    assert "empty name" in capsys.readouterr().err


def test_a_terminal_that_knows_few_letters_is_told_all_the_same(store: Store, here: Path) -> None:
    (done,) = import_models([lay(here, "a.onnx", content("xseg"))], store, trust=True)
    path = store.path(done.entry.id)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    environment = os.environ | {MODELS_VARIABLE: str(store.folder), "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "mien.commands.main", "models", "verify", done.entry.id]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 7
    assert "it should be" in told.stdout
    assert "Traceback" not in told.stderr
