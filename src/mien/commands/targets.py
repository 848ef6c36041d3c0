"""Targets of one request: expanded patterns, and a name for each output."""

import contextlib
import glob
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from mien.errors import Cancelled, MienError, UnreadableMedia, UsageError
from mien.media.files.encoders import ANIMATIONS, CONTAINERS
from mien.media.files.moving import Kind, suffix_for
from mien.media.files.output_file import output_error, same_file
from mien.media.files.picture_write import WRITE_FORMATS

_PATTERN = "*?["
_PLACEHOLDER = re.compile(r"(\{[a-z]*\})")
PATTERN = "{stem}{suffix}"
"""Default name of an output in a folder: as that of its target."""


def expand(names: Iterable[str]) -> tuple[Path, ...]:
    """Return the files of the names, each once, with patterns expanded where the shell does not do so (Windows).

    Raises `UnreadableMedia` for an address and for a pattern without a match.
    """
    found: dict[Path, Path] = {}
    for name in names:
        for path in _expanded(name):
            found.setdefault(path.absolute(), path)
    return tuple(found.values())


def files_of(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return the files, and the files in the folders, without hidden ones. Raises `UnreadableMedia` for an empty folder."""
    found: dict[Path, Path] = {}
    for path in paths:
        if not path.is_dir():
            found.setdefault(path.absolute(), path)
            continue
        try:
            inside = sorted(each for each in path.iterdir() if each.is_file() and not each.name.startswith("."))
        except OSError as error:
            raise UnreadableMedia(f"{path} cannot be listed: {error.strerror}", "check its rights") from error
        if not inside:
            raise UnreadableMedia(f"{path} holds no files", "name the folder that holds the pictures and videos")
        for each in inside:
            found.setdefault(each.absolute(), each)
    return tuple(found.values())


def each_target(
    targets: Sequence[Path], work: Callable[[Path], None], report: Callable[[MienError], None]
) -> tuple[int, list[int]]:
    """Do the work on each target; return how many were done, and the exit codes of the errors, which go to `report`.

    Raises `Cancelled` after Ctrl-C.
    """
    codes: list[int] = []
    done = 0
    for target in targets:
        try:
            work(target)
            done += 1
        except KeyboardInterrupt:
            raise Cancelled(f"stopped; {done} of {len(targets)} files were written") from None
        except MienError as error:
            if target.name not in str(error):
                error.args = (f"{target}: {error}", *error.args[1:])
            codes.append(error.exit_code)
            report(error)
    return done, codes


def skipped_folders(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return the folders inside the folders, whose files `files_of` leaves out."""
    return tuple(each for path in paths if path.is_dir() for each in sorted(path.iterdir()) if each.is_dir())


def named_file(name: str) -> Path:
    """Return the path of a typed name; raises `UnreadableMedia` for an address, which a path would garble."""
    if "://" in name and not _exists(name):
        raise UnreadableMedia(f"{name} is an address, not a file", "download it first, then name the file")
    return Path(name)


def named_output(name: str) -> Path:
    """Return the path of a typed output; raises `UsageError` for an address."""
    if "://" in name:
        raise UsageError(f"{name} is an address, not a file", "name a file; streams go out from `mien live`")
    return Path(name)


def _expanded(name: str) -> list[Path]:
    path = named_file(name)
    if not any(letter in name for letter in _PATTERN) or _exists(name):
        return [path]
    matches = [Path(match) for match in sorted(glob.glob(name))]  # noqa: PTH207 - Path.glob takes no absolute patterns
    files = [match for match in matches if not match.is_dir()]
    if not files:
        raise UnreadableMedia(f"no file matches {name}", "check the folder and the pattern")
    return files


def _exists(name: str) -> bool:
    return os.path.exists(name)  # noqa: PTH110 - False for impossible names, for which Path raises


class Outputs:
    """Names of the outputs of a request: one file, or a folder, which is made on entering.

    In a folder an output takes the name of its target with the suffix of a format that mien writes. No two outputs of one
    request share a name, and none takes that of an input. A folder that was made and stays empty is removed. `pattern` makes
    the name out of `{stem}` and `{suffix}` of the target. With `numbered`, a name that exists gets a number.
    """

    def __init__(
        self, place: Path, *, into_folder: bool, inputs: tuple[Path, ...], pattern: str = "", numbered: bool = False
    ) -> None:
        self._place = place
        self._pattern = pattern or PATTERN
        self._numbered = numbered
        self._into_folder = into_folder
        self._inputs = inputs
        self._taken: set[str] = set()
        self._made = False

    def check(self) -> None:
        """Raise `UsageError` where a folder is needed and the name is that of a file."""
        if not self._into_folder or self._place.is_dir():
            return
        if self._place.exists() or self._place.suffix.lower() in {*WRITE_FORMATS, *ANIMATIONS, *CONTAINERS}:
            raise UsageError(f"several targets need a folder, but {self._place} names a file", "name a folder: -o FOLDER/")

    def path_for(self, target: Path, kind: Kind) -> Path:
        """Return a new output for this target. Raises `UnreadableMedia`."""
        if not self._into_folder:
            return self._place
        suffix = suffix_for(target, kind)
        path = self._place / named_by(self._pattern, target.stem, suffix)
        if any(same_file(path, given) for given in self._inputs):
            path = path.with_stem(f"{path.stem}-mien")
        stem, number = path.stem, 2
        while path.name.casefold() in self._taken or (self._numbered and path.exists()):
            path = path.with_stem(f"{stem}-{number}")
            number += 1
        self._taken.add(path.name.casefold())
        return path

    def __enter__(self) -> Self:
        if self._into_folder and not self._place.is_dir():
            try:
                self._place.mkdir()
            except OSError as error:
                raise output_error(error, self._place) from error
            self._made = True
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._made:
            with contextlib.suppress(OSError):
                self._place.rmdir()


def named_by(pattern: str, stem: str, suffix: str) -> str:
    """Return the name of an output by a pattern such as `{stem}-swapped{suffix}`. Raises `UsageError` for an invalid one."""
    parts = _PLACEHOLDER.split(pattern)
    # Every second part is a placeholder.
    unknown = [each for each in parts[1::2] if each not in {"{stem}", "{suffix}"}]
    plain = "".join(parts[::2])
    if unknown or "{" in plain or "}" in plain or set(plain) & set("/\\\0") or "{stem}" not in parts:
        raise UsageError(f"invalid pattern of names {pattern!r}", "write {stem}-swapped{suffix}: {stem} is needed")
    return "".join({"{stem}": stem, "{suffix}": suffix}.get(each, each) for each in parts)


def is_folder_name(name: str, targets: int) -> bool:
    """Return True where `-o NAME` means a folder: it is one, ends like one, or has to hold several files."""
    return targets > 1 or name.endswith(("/", os.sep)) or os.path.isdir(name)  # noqa: PTH112 - False for impossible names
