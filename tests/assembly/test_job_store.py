"""Stores of a film in parts: one suite for a folder and for a real object store, and what an object store does wrong."""

import importlib.util
import re
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mien.assembly import job_objects
from mien.assembly.film_parts import PartsFolder
from mien.assembly.job_folder import FolderStore
from mien.assembly.job_objects import ObjectMark, ObjectStore, s3_files
from mien.assembly.job_places import store_of
from mien.assembly.job_store import JobStore, made_by_one, read_file
from mien.assembly.part_lease import PartLease
from mien.errors import NotYet, OutputError, UsageError
from tests.support.object_store import BUCKET, Faulty, object_keys, object_server

# The server stays for other tests, and so does the thread in which fsspec talks to it.
pytestmark = pytest.mark.lasting_server
__all__ = ["object_keys", "object_server"]
TUNING = job_objects.TUNING


def _never(seconds: float) -> None:
    raise AssertionError(f"nothing is to be waited for, not {seconds} s")


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return a place where nothing is yet."""
    if request.param == "folder":
        return str(tmp_path / "job")
    request.getfixturevalue("object_keys")
    return f"s3://{BUCKET}/{tmp_path.name}"


@pytest.fixture
def files(object_keys: str) -> Any:
    """Return the object store as a file system."""
    return s3_files()


def _objects(files: Any, tmp_path: Path, sleep: Callable[[float], None] = _never) -> ObjectStore:
    return ObjectStore(f"s3://{BUCKET}/{tmp_path.name}", f"{BUCKET}/{tmp_path.name}", files, TUNING, sleep)


def _write_and_fail(store: JobStore) -> None:
    store.write("plan.json", b"plan")
    raise UsageError("stopped")


def _store(place: str) -> JobStore:
    store = store_of(place)
    with store.created():
        store.write("plan.json", b"plan")
    return store


def test_of_two_who_plan_at_once_one_goes_on(place: str) -> None:
    first, second = store_of(place), store_of(place)
    with first.created():
        with pytest.raises(UsageError, match="exists already"), second.created():
            raise AssertionError("two fill one place")
        first.write("plan.json", b"plan")
    assert first.names() == {"plan.json"}


def test_a_plan_that_ended_after_the_first_look_is_not_emptied(place: str) -> None:
    first = _store(place)
    with pytest.raises(UsageError, match="exists already"), made_by_one(store_of(place)):
        raise AssertionError("two fill one place")
    assert first.names() == {"plan.json"}


def test_a_file_is_there_whole_or_not_at_all(place: str, tmp_path: Path) -> None:
    store = _store(place)
    assert store.address == place
    assert store.named("a") == f"{place}/a"
    assert read_file(store, "plan.json", 4) == b"plan"
    with pytest.raises(UsageError, match="larger than"):
        store.find("plan.json", 3)
    assert store.find("none", 9) is None
    with pytest.raises(UsageError, match=r"none cannot be read"):
        read_file(store, "none", 9)
    store.write("plan.json", b"another")
    assert store.find("plan.json", 9) == b"another"
    assert store.create("part-0001.json", b"first")
    assert not store.create("part-0001.json", b"second")
    assert store.find("part-0001.json", 9) == b"first"
    draft = store.draft("part-0001")
    draft.write_bytes(b"packets")
    assert not store.has("part-0001.packets")
    store.hand_in(draft, "part-0001.packets")
    store.discard(draft)
    assert store.has("part-0001.packets")
    with store.fetched("part-0001.packets") as path:
        assert path.name == "part-0001.packets"
        assert path.read_bytes() == b"packets"
    assert store.names() == {"plan.json", "part-0001.json", "part-0001.packets"}
    assert store.names("part-") == {"part-0001.json", "part-0001.packets"}


def test_a_place_that_holds_something_is_no_new_one(place: str) -> None:
    store = _store(place)
    with pytest.raises(UsageError, match="exists already"), store_of(place).created():
        raise AssertionError("made twice")
    assert store.remove(lambda name: name == "other") == ()
    assert store.names() == {"plan.json"}
    assert store.remove(lambda _: True) == ()
    assert store.names() == frozenset()
    with pytest.raises(UsageError, match="stopped"), store.created():
        _write_and_fail(store)
    assert store.names() == frozenset(), "after an error nothing stays"


def test_of_many_who_claim_a_name_one_succeeds(place: str) -> None:
    _store(place)
    start, won = threading.Barrier(4), []

    def claim(number: int) -> None:
        store = store_of(place)
        start.wait()
        if store.create("part-0001.json", f"{number}".encode()):
            won.append(number)

    threads = [threading.Thread(target=claim, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert store_of(place).find("part-0001.json", 9) == f"{won[0]}".encode()


def test_a_lease_has_one_owner_and_can_be_taken_again(place: str) -> None:
    store = _store(place)
    with store.lease("part-0001.lease") as lease:
        assert lease.is_held()
        lease.check()
        with pytest.raises(NotYet, match="part-0001 is being made by process"), store_of(place).lease("part-0001.lease"):
            raise AssertionError("two owners")
        with store.lease("second-0001.lease"):
            assert lease.is_held()
    with store_of(place).lease("part-0001.lease") as again:
        assert again.is_held()
        assert not lease.is_held()


def test_a_record_is_handed_in_once_and_all_goes_at_the_end(place: str) -> None:
    store = _store(place)
    folder = PartsFolder(store)
    record = {"plan": "p", "part": 1, "sha256": "ab" * 32}

    def handed_in(content: bytes) -> bool:
        draft = folder.draft(1)
        draft.write_bytes(content)
        made = folder.commit(1, draft, (b"tracking", b"drawing"), record)
        store.discard(draft)
        return made

    assert not folder.has_record(1)
    assert handed_in(b"first")
    assert not handed_in(b"second")
    assert folder.has_record(1)
    assert folder.numbers() == {1}
    with folder.lease(2), folder.lease(2, second=True):
        pass
    store.write("notes.txt", b"")
    assert folder.remove() == ()
    assert store.names() == {"notes.txt"}


def test_a_lease_of_objects_lapses_by_silence_alone(files: Any, tmp_path: Path) -> None:
    waited: list[float] = []
    store = _objects(files, tmp_path)
    silent = {"owner": "elsewhere/1/2:1:start", "token": "other"}
    assert ObjectMark(store, "part-0001.lease").create(silent)
    with PartLease(ObjectMark(store, "part-0001.lease"), TUNING.lease, waited.append) as lease:
        assert sum(waited) == TUNING.lease.lapsed_s
        assert lease.is_held()
        # The one before wakes up: it has lost.
        assert ObjectMark(store, "part-0001.lease").read()["token"] != "other"
    other = ObjectMark(store, "part-0002.lease")
    assert other.create(silent)
    with pytest.raises(NotYet, match="process 1 on elsewhere"), PartLease(
        ObjectMark(store, "part-0002.lease"), TUNING.lease, lambda _: other.renew()
    ):  # fmt: skip
        raise AssertionError("two owners")


def test_requests_are_tried_again_within_bounds(files: Any, tmp_path: Path) -> None:
    waited: list[float] = []
    faulty = Faulty(files)
    store = _objects(faulty, tmp_path, waited.append)
    assert store.create("claimed", b"1")
    for faults in ([TimeoutError("slow"), OSError(5, "busy")], ["lost"], ["unanswered"]):
        faulty.faults = list(faults)
        store.write("a", b"content")
        assert store.find("a", 9) == b"content"
        faulty.faults = [*faults]
        assert store.create(f"new-{faults[0]}", b"mine"), "our own put is no other's"
        store.remove(lambda name: name == "a")
    assert waited[:2] == [1.0, 2.0]
    waited.clear()
    faulty.faults = [TimeoutError("no answer")] * 99
    with pytest.raises(OutputError, match=r"a cannot be used: no answer") as raised:
        store.write("a", b"content")
    assert waited == list(TUNING.waits_s)
    assert "run the same command again" in raised.value.remedy
    faulty.faults = [PermissionError("Access Denied")]
    with pytest.raises(OutputError, match="Access Denied") as raised:
        store.find("a", 9)
    assert "AWS_PROFILE" in raised.value.remedy
    assert waited == list(TUNING.waits_s), "another try would be refused, too"


def test_a_store_without_conditional_puts_is_refused(files: Any, tmp_path: Path) -> None:
    store = _objects(Faulty(files, ignores_conditions=True), tmp_path)
    with pytest.raises(UsageError, match="ignores If-None-Match"), store.created():
        raise AssertionError("two workers would make one part")
    assert store.names() == frozenset()


def test_a_store_that_is_gone_is_named(tmp_path: Path, object_keys: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    short = replace(TUNING, waits_s=(0.0,))
    store = ObjectStore("s3://films/job", "films/job", s3_files(short), short)
    with pytest.raises(OutputError, match="s3://films/job cannot be used"):
        store.names()
    monkeypatch.setenv("AWS_ENDPOINT_URL", object_keys)
    nowhere = ObjectStore("s3://none/job", "none/job", s3_files(short), short)
    with pytest.raises(OutputError, match="no such bucket"), nowhere.created():
        raise AssertionError("there is no bucket")


@pytest.mark.parametrize(
    "address", ["s3://", "s3://bucket", "s3://bucket/", "s3://key@bucket/job", "s3://b/jo?b", "s3://b/a\nb"]
)
def test_addresses_that_name_no_folder_are_refused(address: str) -> None:
    with pytest.raises(UsageError, match=r"names no folder|not installed"):
        store_of(address)


def test_keys_in_an_address_are_in_no_message(
    tmp_path: Path, object_keys: str, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    with pytest.raises(UsageError) as refused:
        store_of("s3://key:geh/eim@bucket/job")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://key:geheim@127.0.0.1:9")
    short = replace(TUNING, waits_s=())
    with pytest.raises(OutputError) as unreachable:
        ObjectStore("s3://films/job", "films/job", s3_files(short), short).names()
    for error in (refused.value, unreachable.value):
        assert not {"geh", "eim"} & set(re.findall("geh|eim", f"{error} {error.remedy}"))


def test_other_kinds_of_places_are_refused(tmp_path: Path) -> None:
    for address in ("gs://bucket/job", "https://host/job", "memory://job"):
        with pytest.raises(UsageError, match="no place for a film"):
            store_of(address)
    with pytest.raises(UsageError, match="no folder of this machine") as raised:
        store_of("file://job")
    assert "three slashes" in raised.value.remedy
    store = store_of(f"file://{tmp_path}/job")
    assert isinstance(store, FolderStore)
    assert store.address == str(tmp_path / "job")


def test_without_its_package_a_store_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match="s3fs is not installed") as raised:
        store_of("s3://bucket/job")
    assert "s3fs" in raised.value.remedy


def test_drafts_of_killed_processes_are_removed(files: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    # Numbers of processes end at 2 ** 22 on Linux; the other two are none.
    left, others = tmp_path / "mien-part-1999999999-x", [tmp_path / f"mien-part-{name}" for name in ("9" * 12, "notes")]
    for each in (left, *others):
        each.mkdir()
    store = _objects(files, tmp_path)
    draft = store.draft("part-0001")
    assert draft.parent.stat().st_mode & 0o077 == 0
    assert not left.exists()
    store.discard(draft)
    assert not draft.parent.exists()
    assert sorted(tmp_path.iterdir()) == sorted(others)
