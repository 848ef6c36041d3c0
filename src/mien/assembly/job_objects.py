"""Files of a planned film as objects of a store such as Amazon S3, through fsspec.

A claim is a put that must find nothing there (`If-None-Match: *`); a store that replaces the object all the same is refused.
Requests are bounded and tried again; a put whose answer was lost is recognised by its content. The film itself is no object:
it lies where every worker sees it under one path.
"""

import contextlib
import importlib
import importlib.util
import json
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil

from mien.assembly.job_store import made_by_one, too_large
from mien.assembly.part_lease import LeaseTuning, PartLease, lease_of
from mien.errors import OutputError, UsageError
from mien.media.files.output_file import output_error
from mien.system.extras import install_command

_Value = TypeVar("_Value")
_LEASE = LeaseTuning(renew_s=10.0, lapsed_s=120.0)
"""An owner whose renewal is tried again for half a minute must not lose its lease."""
_DRAFTS = "mien-part-"  # begins the names of folders for drafts in the system's temporary folder


@dataclass(frozen=True, slots=True)
class ObjectTuning:
    """Bounds of the requests to a store, in seconds."""

    connect_s: float = 10.0
    answer_s: float = 60.0
    waits_s: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0)
    """Before each further try of a request: half a minute, so that a store that restarts costs no part."""
    lease: LeaseTuning = _LEASE


TUNING = ObjectTuning()


def s3_files(tuning: ObjectTuning = TUNING) -> Any:
    """Return S3 as a file system of fsspec; keys and endpoint come from the usual variables and files of AWS.

    Raises `UsageError` without the extra `storage`.
    """
    if importlib.util.find_spec("s3fs") is None:
        raise UsageError("s3fs is not installed", install_command("storage"))
    limits = {"connect_timeout": tuning.connect_s, "read_timeout": tuning.answer_s, "retries": {"max_attempts": 0}}
    # Other machines write: nothing that was listed once may be taken for what is there now.
    return importlib.import_module("fsspec").filesystem(
        "s3", use_listings_cache=False, skip_instance_cache=True, config_kwargs=limits
    )


class ObjectStore:
    """Store under `place`, bucket and folder, of a file system of fsspec; `sleep` waits between tries."""

    def __init__(
        self, address: str, place: str, files: Any, tuning: ObjectTuning = TUNING,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        bucket, _, folder = place.strip("/").partition("/")
        if not bucket or not folder or not place.isprintable() or set(place) & set("?#@*[]"):
            # Somebody may have written keys into it, as addresses of other services have them.
            shown = _without_keys(address)
            raise UsageError(f"{shown} names no folder in a bucket", "write it as s3://BUCKET/JOB, without keys")
        self._place = f"{bucket}/{folder}"
        self._address = address.rstrip("/")
        self._files = files
        self._tuning = tuning
        self._sleep = sleep
        self._claims = False

    @property
    def address(self) -> str:
        """The address."""
        return self._address

    def named(self, name: str) -> str:
        """Return the address of an object."""
        return f"{self._address}/{name}"

    @contextmanager
    def created(self) -> Iterator[None]:
        """Check that the place is empty and gives claims, and empty it again after an error. Raises `UsageError`."""
        if self.names():
            raise UsageError(f"{self._address} exists already", "name a new folder")
        self._check_claims()
        with made_by_one(self):
            yield

    def names(self, prefix: str = "") -> frozenset[str]:
        """Return the names of all objects that begin so. Raises `OutputError`."""
        # `find` gives what lies deeper, too: folders of others, which have a slash in the rest of their names.
        found = self._tried(prefix, lambda: self._files.find(self._place, prefix=prefix))
        names = (str(each).removeprefix(f"{self._place}/") for each in found or ())
        return frozenset(name for name in names if "/" not in name)

    def has(self, name: str) -> bool:
        """Return whether there is an object of this name. Raises `OutputError`."""
        return self._size(name) is not None

    def find(self, name: str, most: int) -> bytes | None:
        """Return the content of an object, None where there is none. Raises `UsageError` for more than `most` bytes."""
        path = f"{self._place}/{name}"
        info = self._tried(name, lambda: self._files.info(path))
        if info is None:
            return None
        content = self._tried(name, lambda: self._files.cat_file(path)) if info["size"] <= most else b""
        if content is not None and max(info["size"], len(content)) > most:
            raise too_large(self.named(name), most)
        return content

    def write(self, name: str, content: bytes) -> None:
        """Put an object. Raises `OutputError`."""
        self._put(name, lambda path: self._files.pipe_file(path, content), len(content))

    def create(self, name: str, content: bytes) -> bool:
        """Put a new object; return False, and change nothing, where it exists. Raises `OutputError` and `UsageError`."""
        self._check_claims()
        return self._create(name, content)

    def _create(self, name: str, content: bytes) -> bool:
        path = f"{self._place}/{name}"
        try:
            self._put(name, lambda _: self._files.pipe_file(path, content, mode="create"), len(content))
        except FileExistsError:
            # A put whose answer was lost is tried again, and then finds itself.
            return self.find(name, len(content)) == content if self._size(name) == len(content) else False
        return True

    def draft(self, name: str) -> Path:
        """Return a path in a private folder of this machine; folders that killed processes left are removed."""
        try:
            for left in Path(tempfile.gettempdir()).glob(f"{_DRAFTS}*"):
                if _is_abandoned(left.name.removeprefix(_DRAFTS).partition("-")[0]):
                    shutil.rmtree(left, ignore_errors=True)
            return Path(tempfile.mkdtemp(prefix=f"{_DRAFTS}{os.getpid()}-")) / f"{name}.draft"
        except OSError as error:
            raise output_error(error, Path(tempfile.gettempdir())) from error

    def hand_in(self, draft: Path, name: str) -> None:
        """Put a file of this machine. Raises `OutputError`."""
        try:
            size = draft.stat().st_size
        except OSError as error:
            raise output_error(error, draft) from error
        self._put(name, lambda path: self._files.put_file(str(draft), path), size)

    def discard(self, draft: Path) -> None:
        """Remove the folder of a draft."""
        shutil.rmtree(draft.parent, ignore_errors=True)

    @contextmanager
    def fetched(self, name: str) -> Iterator[Path]:
        """Give a copy of an object in a private folder of this machine. Raises `OutputError`."""
        with tempfile.TemporaryDirectory(prefix=f"{_DRAFTS}{os.getpid()}-") as folder:
            path = Path(folder) / name
            self._tried(name, lambda: self._files.get_file(f"{self._place}/{name}", str(path)))
            yield path

    def lease(self, name: str) -> PartLease:
        """Return the lease of this name."""
        return PartLease(ObjectMark(self, name), self._tuning.lease, self._sleep)

    def remove(self, own: Callable[[str], bool]) -> tuple[str, ...]:
        """Remove own objects. Return a note where that fails."""
        try:
            paths = [f"{self._place}/{name}" for name in filter(own, self.names())]
            if paths:
                self._tried("", lambda: self._files.rm(paths))
        except OutputError as error:
            return (f"{self._address} shows faces and cannot be removed ({error}): remove it yourself",)
        return ()

    def _put(self, name: str, put: Callable[[str], Any], size: int) -> None:
        """Put an object, and again where it is not there then. Raises `OutputError`, and `FileExistsError` as `put` does."""
        path = f"{self._place}/{name}"

        def put_and_look() -> None:
            try:
                put(path)
            except FileNotFoundError as error:
                raise OutputError(f"cannot write {self.named(name)}: there is no such bucket", "create it first") from error
            try:
                found = self._files.info(path)["size"]
            except FileNotFoundError as error:
                raise OSError("it was put, and is not there") from error
            if found != size:
                raise OSError(f"it was put with {size} bytes, and has {found} there")

        self._tried(name, put_and_look)

    def _size(self, name: str) -> int | None:
        info = self._tried(name, lambda: self._files.info(f"{self._place}/{name}"))
        return None if info is None else int(info["size"])

    def _tried(self, name: str, work: Callable[[], _Value]) -> _Value | None:
        """Return what `work` gives, None where there is no such object; try again where the store does not answer.

        Raises `OutputError`, and `FileExistsError` as `work` does.
        """
        failures = _failures()
        for wait_s in (*self._tuning.waits_s, None):
            try:
                return work()
            except FileNotFoundError:
                return None
            except FileExistsError:
                raise
            except failures as error:
                if _was_there(error):
                    raise FileExistsError(name) from error
                if wait_s is None or isinstance(error, PermissionError) or type(error).__name__ in _NO_KEYS:
                    raise self._unreachable(name, error) from error
            self._sleep(wait_s)
        raise AssertionError("the last try returns or raises")

    def _unreachable(self, name: str, error: Exception) -> OutputError:
        # An error may name the address of the service, as it was set, with its keys.
        reason = _without_keys(" ".join(str(error).split()))[:200] or type(error).__name__
        remedy = "check network and store, then run the same command again: parts that are made stay"
        if isinstance(error, PermissionError) or type(error).__name__ in _NO_KEYS:
            remedy = "set the keys of a user who may read, write, list and delete there, for example by AWS_PROFILE"
        return OutputError(f"{self.named(name).rstrip('/')} cannot be used: {reason}", remedy)

    def _check_claims(self) -> None:
        """Raise `UsageError` where a put replaces an object that it must not: two workers would make one part."""
        if self._claims:
            return
        name = f".claim-{secrets.token_hex(8)}"
        try:
            self._create(name, b"1")
            self._claims = not self._create(name, b"22")
        finally:
            with contextlib.suppress(OutputError):
                self._tried(name, lambda: self._files.rm_file(f"{self._place}/{name}"))
        if not self._claims:
            raise UsageError(
                f"the object store of {self._address} ignores If-None-Match: two workers could make one part unseen",
                "use a store with conditional puts, such as Amazon S3, or a shared folder",
            )


class ObjectMark:
    """Lease in objects that are numbered upwards: the last one holds; who creates the next one has taken it over."""

    def __init__(self, store: ObjectStore, name: str) -> None:
        self._store = store
        self._name = name
        self._lapsed = 0
        self._last = 0
        self._own: tuple[int, Mapping[str, str]] | None = None
        self._renewals = 0

    @property
    def name(self) -> str:
        """Name without its number."""
        return self._name

    def create(self, content: Mapping[str, str]) -> bool:
        """Put the next object unless the last one holds. Raises `OutputError`."""
        found = self.read()
        if self._last > self._lapsed and not found.get("ended"):
            return False
        number = self._last + 1
        if not self._store.create(self._object(number), json.dumps(content).encode()):
            return False
        self._own = number, content
        return True

    def read(self) -> Mapping[str, Any]:
        """Return the last object. Raises `OutputError`."""
        return lease_of(self._content())

    def stamp(self) -> object:
        """Return number and content of the last object."""
        content = self._content()
        return self._last, content

    def give_way(self) -> None:
        """Let the object that was read last count as none."""
        self._lapsed = self._last

    def renew(self) -> None:
        """Put our object with the next number of its renewals."""
        self._renewals += 1
        self._rewrite({"renewed": self._renewals})

    def release(self) -> None:
        """Put our object as one that has ended."""
        self._rewrite({"ended": True})

    def _rewrite(self, more: Mapping[str, Any]) -> None:
        assert self._own is not None
        number, content = self._own
        self._store.write(self._object(number), json.dumps({**content, **more}).encode())

    def _content(self) -> bytes:
        names = self._store.names(f"{self._name}.")
        numbers = [int(end) for name in names if (end := name.rpartition(".")[2]).isdecimal()]
        self._last = max(numbers, default=0)
        return (self._last and self._store.find(self._object(self._last), 1 << 16)) or b""

    def _object(self, number: int) -> str:
        return f"{self._name}.{number:04}"


_NO_KEYS = {"NoCredentialsError", "PartialCredentialsError", "TokenRetrievalError", "ProfileNotFound"}
"""Errors of botocore after which another try is of no use."""


def _without_keys(text: str) -> str:
    """Return a text whose addresses have neither user nor password."""
    return re.sub(r"//[^@\s]*@", "//***@", text)


def _is_abandoned(number: str) -> bool:
    """Return whether the text is the number of a process that does not run."""
    try:
        return number.isdecimal() and not psutil.pid_exists(int(number))
    except (OverflowError, ValueError):
        return False


def _failures() -> tuple[type[Exception], ...]:
    """Return what s3fs raises when a store does not answer: beside `OSError`, errors of the libraries below it."""
    names = (("botocore.exceptions", "BotoCoreError"), ("botocore.exceptions", "ClientError"), ("aiohttp", "ClientError"))
    return (OSError, *(getattr(importlib.import_module(module), name) for module, name in names))


def _was_there(error: Exception) -> bool:
    """Return True for the answer to a conditional put that found an object; some stores do not say which condition failed."""
    response = getattr(error.__cause__, "response", None) or {}
    return response.get("Error", {}).get("Code") in {"PreconditionFailed", "412"}
